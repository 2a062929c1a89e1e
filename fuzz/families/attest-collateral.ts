// What every technology reads: certificates, revocation lists, PEM and folders of collateral, policies, and evidence in files.
import { bytesEqual, hexEncode, utf8Encode } from '@sealroom/bytes';
import { parsePolicy, policyDigest, readCollateral, readEvidenceFile, technologyOf } from '@sealroom/attest';
import { readPieces } from '@sealroom/attest/supply';
import { FakeNitro } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeConfidentialSpace } from '@sealroom/testkit/vendors/gcp-confidential-space';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { FakeMaa } from '@sealroom/testkit/vendors/azure-maa';
import { parseMaa } from '../../packages/attest/src/azure-maa/parse.ts';
import { maa } from '../../packages/attest/src/azure-maa/technology.ts';
import { parseNitro } from '../../packages/attest/src/aws-nitro/parse.ts';
import { nitro } from '../../packages/attest/src/aws-nitro/technology.ts';
import { parseCertificate } from '../../packages/attest/src/x509/certificate.ts';
import { verifyChain } from '../../packages/attest/src/x509/chain.ts';
import { crlProblem, parseCrl } from '../../packages/attest/src/x509/crl.ts';
import { checkDer, childrenOf, readElement, readFirstElement } from '../../packages/attest/src/x509/der.ts';
import { readPem } from '../../packages/attest/src/x509/pem.ts';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { attest, PIECE_CODES } from './codes.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const BAD_CERTIFICATE = attest('attest/bad-certificate', 'attest/too-large');

type World = {
  readonly certificates: readonly Uint8Array[];
  readonly roots: readonly Uint8Array[];
  readonly crls: readonly Uint8Array[];
};

async function world(): Promise<World> {
  const aws = await FakeNitro.create(NOW);
  const google = await FakeConfidentialSpace.create(NOW);
  const [, , root = new Uint8Array()] = google.chain;
  return {
    certificates: [...aws.cabundle, await aws.leaf(), ...google.chain],
    roots: [aws.root, root],
    crls: [...(await aws.crls([2, 3])), ...(await google.crls())],
  };
}

function certificateTarget({ certificates, roots }: World): Target {
  const anchors = roots.map(parseCertificate);
  const intermediates = certificates.map(parseCertificate);
  const genuine = new Set(intermediates.map(({ tbs }) => hexEncode(tbs)));
  return {
    name: 'attest.certificate',
    covers: ['attest/parseCertificate', 'attest/verifyChain', 'attest/readElement'],
    form: 'bytes',
    seeds: certificates,
    turn: 8,
    run: (input) =>
      judgeAsync(
        BAD_CERTIFICATE,
        async () => parseCertificate(input),
        async (leaf) => {
          expect(bytesEqual(leaf.der, input), 'round-trip', 'A certificate is not its bytes.');
          const { problems } = await verifyChain(leaf, { intermediates, anchors, at: NOW });
          const known = problems.length > 0 || genuine.has(hexEncode(leaf.tbs));
          expect(known, 'false-accept', 'A certificate is trusted that nobody signed.');
          return problems.map(({ code }) => code).join(' ');
        },
      ),
  };
}

function crlTarget({ certificates, crls }: World): Target {
  const issuers = certificates.map(parseCertificate);
  const genuine = new Set(crls.map((crl) => hexEncode(parseCrl(crl).tbs)));
  return {
    name: 'attest.crl',
    covers: ['attest/parseCrl'],
    form: 'bytes',
    seeds: crls,
    turn: 8,
    run: (input) =>
      judgeAsync(
        attest('attest/bad-crl', 'attest/too-large'),
        async () => parseCrl(input),
        async (crl) => {
          const found: string[] = [];
          for (const issuer of issuers) {
            if (!bytesEqual(issuer.subject, crl.issuer)) continue;
            const problem = await crlProblem(crl, issuer, NOW);
            const known = problem !== undefined || genuine.has(hexEncode(crl.tbs));
            expect(known, 'false-accept', 'A list is good that nobody signed.');
            found.push(problem ?? 'good');
          }
          return found.join(' ');
        },
      ),
  };
}

function derTarget({ certificates }: World): Target {
  return {
    name: 'attest.der',
    covers: ['attest/readElement', 'attest/readFirstElement'],
    form: 'bytes',
    seeds: certificates.slice(0, 3),
    run: (input) =>
      judge(
        attest('attest/malformed'),
        () => {
          const bytes = new Uint8Array(input);
          const first = readFirstElement(bytes);
          const whole = readElement(bytes);
          checkDer(whole);
          return { first, whole, children: (whole.tag & 0x20) === 0 ? [] : childrenOf(whole) };
        },
        ({ first, whole, children }) => {
          const length = children.reduce((sum, { bytes }) => sum + bytes.length, 0);
          const same = bytesEqual(first.bytes, whole.bytes) && bytesEqual(whole.bytes, input);
          const full = children.length === 0 || length === whole.content.length;
          expect(same && full, 'round-trip', 'DER is not the sum of its parts.');
        },
      ),
  };
}

function collateralTarget({ certificates, crls }: World): Target {
  const pem = certificatesPem(certificates.slice(0, 2));
  return {
    name: 'attest.collateral',
    covers: ['attest/readCollateral', 'attest/readPem'],
    form: 'text',
    seeds: [...certificates.slice(0, 1), ...crls.slice(0, 1), utf8Encode(pem), utf8Encode('{"keys":[]}')],
    words: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----BEGIN X509 CRL-----', '\n'],
    run: (input) =>
      judge(
        attest(
          'attest/too-large',
          'attest/bad-collateral',
          'attest/malformed',
          'attest/bad-certificate',
          'attest/bad-crl',
        ),
        () => {
          const text = Buffer.from(input).toString('latin1');
          if (text.startsWith('-----BEGIN')) readPem(text);
          return readCollateral([{ name: 'a', bytes: input }]);
        },
        (found) =>
          Object.values(found)
            .map((list) => Math.min(list.length, 3))
            .join(' '),
      ),
  };
}

/** What a store of collateral takes: only what the vendor signed, in its window. */
function pieceTarget({ certificates, roots, crls }: World): Target {
  const beside = readCollateral(certificates.map((bytes, at) => ({ name: `c${at}`, bytes })));
  const world = { roots: { aws: roots.map(parseCertificate) }, at: NOW, beside };
  const genuine = new Set([...certificates, ...crls].map(hexEncode));
  return {
    name: 'attest.readPieces',
    covers: ['attest/readPieces'],
    form: 'bytes',
    seeds: [...certificates.slice(0, 2), ...crls.slice(0, 2)],
    turn: 4,
    run: (input) =>
      judgeAsync(
        attest(...PIECE_CODES),
        () => readPieces([{ name: 'a', bytes: input }], world),
        (pieces) => {
          const known = pieces.length === 0 || genuine.has(hexEncode(input));
          expect(known, 'false-accept', 'A piece of collateral is taken that no vendor signed.');
          return `${pieces.length}`;
        },
      ),
  };
}

async function policyTarget(): Promise<Target> {
  const aws = await FakeNitro.create(NOW);
  const provider = await FakeMaa.create(NOW);
  const accept = [
    nitro.pin(parseNitro(await aws.document())),
    maa.pin(parseMaa(await provider.token(provider.guest(new Uint8Array(32))))),
  ];
  const bindings = ['room', { reportData: '00', run: '01' }];
  return {
    name: 'attest.policy',
    covers: ['attest/parsePolicy'],
    form: 'json',
    seeds: bindings.map((binding) =>
      utf8Encode(JSON.stringify({ v: 1, binding, accept, distrust: ['sev-snp:chip:aa'] })),
    ),
    words: [
      'any',
      'accepted',
      'required',
      'waived',
      'runBinding',
      'software',
      'hostData',
      'manifest',
      'debug',
    ],
    run: (input) =>
      judgeAsync(
        attest('attest/bad-policy'),
        async () => parsePolicy(Buffer.from(input).toString('utf8')),
        async (policy) => {
          const again = parsePolicy(JSON.stringify(policy));
          const same = (await policyDigest(again)) === (await policyDigest(policy));
          expect(same, 'round-trip', 'A policy is another when it is written and read again.');
        },
      ),
  };
}

async function fileTarget(): Promise<Target> {
  const aws = await FakeNitro.create(NOW);
  const provider = await FakeMaa.create(NOW);
  const document = await aws.document();
  const token = await provider.token(provider.guest(new Uint8Array(32)));
  const texts = [
    Buffer.from(document).toString('base64'),
    hexEncode(document),
    `${Buffer.from(token).toString()}\n`,
  ];
  return {
    name: 'attest.file',
    covers: ['attest/readEvidenceFile'],
    form: 'text',
    seeds: [document, token, ...texts.map(utf8Encode)],
    run: (input) =>
      judge(
        attest('attest/too-large', 'attest/unknown-technology'),
        () => readEvidenceFile(input),
        (found) => {
          for (const { technology, body } of found) {
            const bytes = new Uint8Array(Buffer.from(body, 'base64url'));
            expect(
              technologyOf(technology).detect(bytes),
              'disagreement',
              'A file is told for what it is not.',
            );
          }
          return found.map(({ technology }) => technology).join(' ');
        },
      ),
  };
}

export async function collateralTargets(): Promise<Target[]> {
  const made = await world();
  return [
    certificateTarget(made),
    crlTarget(made),
    derTarget(made),
    pieceTarget(made),
    collateralTarget(made),
    await policyTarget(),
    await fileTarget(),
  ];
}
