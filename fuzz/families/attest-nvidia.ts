// NVIDIA: reports of GPUs alone and in the SDK's JSON, reference manifests in signed XML, and OCSP responses.
import { base64urlDecode, base64urlEncode, bytesEqual, hexEncode } from '@sealroom/bytes';
import { appraiseEvidence, type GpuEntry, type Policy, readCollateral } from '@sealroom/attest';
import { type Piece, readPieces } from '@sealroom/attest/supply';
import { fakeMeasurements, type FakeNvidia, fakeNvidia } from '@sealroom/testkit/vendors/nvidia-gpu';
import { appraiseGpu } from '../../packages/attest/src/nvidia-gpu/appraise.ts';
import { isManifestSigned, parseManifest } from '../../packages/attest/src/nvidia-gpu/manifest.ts';
import {
  type GpuReport,
  parseGpuEvidence,
  parseGpuReport,
} from '../../packages/attest/src/nvidia-gpu/parse.ts';
import { nvidiaGpu } from '../../packages/attest/src/nvidia-gpu/technology.ts';
import { verifyGpu } from '../../packages/attest/src/nvidia-gpu/verify.ts';
import { canonicalXml, parseXml } from '../../packages/attest/src/nvidia-gpu/xml.ts';
import { parseCertificate } from '../../packages/attest/src/x509/certificate.ts';
import { ocspStatuses, parseOcspResponse } from '../../packages/attest/src/x509/ocsp.ts';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { attest, PIECE_CODES } from './codes.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const SIGNATURE = 96;
const nonce = new Uint8Array(32).fill(7);
const text = (words: string): Uint8Array => Buffer.from(words);

async function world(nvidia: FakeNvidia) {
  const [hopper, blackwell] = [await nvidia.gpu(), await nvidia.gpu({ chip: 'GB100' })];
  const reports = [
    await hopper.report({ nonce }),
    await hopper.report({ nonce, firmware: undefined, mode: undefined, nvdec0: 0x55 }),
    await blackwell.report({ nonce, fields: [[21, 'aa']] }),
  ];
  const json = base64urlDecode((await hopper.evidence({ nonce })).body);
  const golden = new Map([[7, [fakeMeasurements().get(7) ?? '', 'ab'.repeat(48)]]]);
  const manifest = await nvidia.manifest({
    version: '590.12',
    golden,
    inactive: new Map([[8, '00'.repeat(48)]]),
  });
  const path = [...hopper.path.slice(1), nvidia.root];
  const responses = [
    ...(await nvidia.ocsp(path)),
    ...(await nvidia.ocsp(path, () => ({ nextUpdate: undefined, status: 'revoked' }))),
  ];
  const files = [...hopper.path, ...blackwell.path].map((one, index) => ({
    name: String(index),
    bytes: one.der,
  }));
  const context = { at: NOW, collateral: readCollateral(files), roots: nvidia.roots };
  const certificates = path.map((one) => parseCertificate(one.der));
  return { reports, json, manifest, responses: responses.map(({ bytes }) => bytes), context, certificates };
}

type World = Awaited<ReturnType<typeof world>>;

/** What is found authentic or affirmed must be what a GPU signed. */
async function verified(input: Uint8Array, { reports, context }: World, outcome: Outcome): Promise<Outcome> {
  if (!outcome.accepted) return outcome;
  const parsed = parseGpuEvidence(input);
  const entry: GpuEntry = {
    ...nvidiaGpu.pin(parsed),
    revocation: { waived: 'the fuzzer asks no responder' },
  };
  const { claims, checks } = await verifyGpu(parsed, entry, context);
  const genuine = reports.some((report) => bytesEqual(report.subarray(0, -SIGNATURE), parsed.report.signed));
  expect(claims === undefined || genuine, 'false-accept', 'A report is authentic that no GPU signed.');
  if (claims) appraiseGpu(claims, entry);
  const policy: Policy = { v: 1, binding: { reportData: hexEncode(nonce) }, accept: [entry], distrust: [] };
  const evidence = { technology: 'nvidia-gpu', body: base64urlEncode(input) } as const;
  const { verdict } = await appraiseEvidence(evidence, policy, { context });
  expect(verdict === 'refused' || genuine, 'false-accept', 'A report is affirmed that no GPU signed.');
  const failed = checks.filter(({ outcome: one }) => one === 'fail').map(({ id }) => id);
  return { accepted: claims !== undefined, note: `${outcome.note} ${failed.join(' ')}` };
}

const REFUSALS = attest('attest/malformed', 'attest/too-large', 'attest/bad-certificate');

/** All of a report but one zero, by which some drivers make its length even (decision 122). */
function isWhole(input: Uint8Array, { signed, signature }: GpuReport): boolean {
  const padded = input.length % 2 === 0 && input.length === signed.length + signature.length + 1;
  return bytesEqual(Buffer.concat([signed, signature, new Uint8Array(padded ? 1 : 0)]), input);
}

const reportTarget = (made: World): Target => ({
  name: 'attest.parseGpuReport',
  covers: ['attest/parseGpuReport', 'attest/parseGpuEvidence', 'attest/verifyGpu', 'attest/appraiseGpu'],
  form: 'bytes',
  seeds: [
    ...made.reports,
    ...made.reports
      .filter(({ length }) => length % 2 === 1)
      .map((report) => new Uint8Array(Buffer.concat([report, new Uint8Array(1)]))),
  ],
  run: async (input) => {
    const outcome = judge(
      attest('attest/malformed', 'attest/too-large'),
      () => parseGpuReport(input),
      (report) => expect(isWhole(input, report), 'round-trip', 'It leaves bytes out.'),
    );
    return verified(input, made, outcome);
  },
});

const jsonTarget = (made: World): Target => ({
  name: 'attest.parseGpuEvidence(json)',
  covers: ['attest/parseGpuEvidence'],
  form: 'json',
  words: ['arch', 'certificate', 'evidence', 'nonce', 'HOPPER', 'BLACKWELL'],
  seeds: [made.json],
  turn: 8,
  run: async (input) => {
    const outcome = judge(
      REFUSALS,
      () => parseGpuEvidence(input),
      () => undefined,
    );
    return verified(input, made, outcome);
  },
});

const manifestTarget = ({ manifest }: World): Target => {
  const genuine = parseManifest(manifest);
  return {
    name: 'attest.parseManifest',
    covers: ['attest/parseManifest', 'attest/parseXml'],
    form: 'text',
    words: [
      '<ds:Signature',
      '<!--',
      '<!DOCTYPE x>',
      '<![CDATA[',
      '&#50;',
      'xmlns="',
      'xml:base="',
      '<?x?>',
      '"rim":',
    ],
    seeds: [text(manifest), text(JSON.stringify({ rim: Buffer.from(manifest).toString('base64') }))],
    run: async (input) => {
      const document = Buffer.from(input).toString('utf8');
      judge(
        attest('attest/bad-manifest', 'attest/too-large'),
        () => parseXml(document),
        (root) => {
          const once = canonicalXml(root);
          expect(canonicalXml(parseXml(once)) === once, 'round-trip', 'Its canonical form has another one.');
        },
      );
      const outcome = judge(
        attest('attest/bad-manifest', 'attest/too-large', 'attest/bad-certificate'),
        () => parseManifest(document),
        () => undefined,
      );
      const parsed = outcome.accepted ? parseManifest(document) : undefined;
      if (!parsed || !genuine) return outcome;
      const signed = await isManifestSigned(parsed);
      const same =
        bytesEqual(parsed.content, genuine.content) &&
        String([...parsed.golden]) === String([...genuine.golden]);
      expect(!signed || same, 'false-accept', 'A manifest is signed that nobody signed.');
      return { accepted: signed, note: `${outcome.note} ${signed}` };
    },
  };
};

const ocspTarget = ({ responses, certificates }: World): Target => ({
  name: 'attest.parseOcspResponse',
  covers: ['attest/parseOcspResponse'],
  form: 'bytes',
  seeds: responses,
  run: async (input) => {
    const outcome = judge(
      attest('attest/bad-ocsp', 'attest/too-large'),
      () => parseOcspResponse(input),
      () => undefined,
    );
    if (!outcome.accepted) return outcome;
    const response = parseOcspResponse(input);
    const genuine = responses.some((one) => bytesEqual(parseOcspResponse(one).tbs, response.tbs));
    const told: string[] = [];
    for (const [index, certificate] of certificates.slice(0, -1).entries()) {
      const issuer = certificates[index + 1] ?? certificate;
      const [found] = await ocspStatuses(certificate, issuer, { responses: [response], at: NOW });
      told.push(found?.status ?? '-');
      const counts = found?.status === 'good' || found?.status === 'revoked';
      expect(!counts || genuine, 'false-accept', 'An answer counts that no issuer signed.');
    }
    return { accepted: true, note: told.join(' ') };
  },
});

/** What a store of collateral takes of NVIDIA's: only what was signed, in its window. */
function pieceTarget({ manifest, responses, certificates, context }: World): Target {
  const above = certificates.map(({ der }, index) => ({ name: `${index}`, bytes: der }));
  const store = { roots: context.roots, at: NOW, beside: readCollateral(above) };
  const tag = parseManifest(manifest);
  const known = new Set([...certificates, ...(tag?.certificates ?? [])].map(({ der }) => hexEncode(der)));
  const signed = new Set(responses.map((one) => hexEncode(parseOcspResponse(one).tbs)));
  const genuine = ({ kind, bytes }: Piece): boolean => {
    if (kind === 'ocsp') return signed.has(hexEncode(parseOcspResponse(bytes).tbs));
    if (kind === 'certificate') return known.has(hexEncode(bytes));
    const found = parseManifest(Buffer.from(bytes).toString('utf8'));
    return found !== undefined && tag !== undefined && bytesEqual(found.content, tag.content);
  };
  return {
    name: 'attest.readPieces(nvidia)',
    covers: ['attest/readPieces'],
    form: 'bytes',
    turn: 4,
    seeds: [
      ...responses.slice(0, 2),
      text(manifest),
      text(JSON.stringify({ id: 'a', rim: Buffer.from(manifest).toString('base64') })),
    ],
    run: (input) =>
      judgeAsync(
        attest(...PIECE_CODES),
        () => readPieces([{ name: 'a', bytes: input }], store),
        (pieces) => {
          expect(pieces.every(genuine), 'false-accept', 'A piece is taken that nobody of NVIDIA’s signed.');
          return pieces.map(({ kind }) => kind).join(' ');
        },
      ),
  };
}

export async function nvidiaTargets(): Promise<Target[]> {
  const made = await world(await fakeNvidia(NOW));
  return [reportTarget(made), jsonTarget(made), manifestTarget(made), ocspTarget(made), pieceTarget(made)];
}
