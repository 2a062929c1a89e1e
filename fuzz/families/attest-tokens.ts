// Nitro documents, tokens of attestation services, and their key sets, made by vendors of this process: whatever is found
// authentic must be what one of them signed.
import { type Bytes, hexEncode, type JsonObject, utf8Encode } from '@sealroom/bytes';
import { type Context, NO_COLLATERAL, readKeySet } from '@sealroom/attest';
import { FakeNitro, nitroPcrs } from '@sealroom/testkit/vendors/aws-nitro';
import { FakeMaa, MAA_ISSUER, SNP_CLAIMS, TDX_CLAIMS } from '@sealroom/testkit/vendors/azure-maa';
import { FakeConfidentialSpace } from '@sealroom/testkit/vendors/gcp-confidential-space';
import { FakeNras } from '@sealroom/testkit/vendors/nvidia-nras';
import { appraiseNitro } from '../../packages/attest/src/aws-nitro/appraise.ts';
import { parseNitro } from '../../packages/attest/src/aws-nitro/parse.ts';
import { nitro } from '../../packages/attest/src/aws-nitro/technology.ts';
import { verifyNitro } from '../../packages/attest/src/aws-nitro/verify.ts';
import { appraiseMaa } from '../../packages/attest/src/azure-maa/appraise.ts';
import { parseMaa } from '../../packages/attest/src/azure-maa/parse.ts';
import { maa } from '../../packages/attest/src/azure-maa/technology.ts';
import { verifyMaa } from '../../packages/attest/src/azure-maa/verify.ts';
import { appraiseConfidentialSpace } from '../../packages/attest/src/gcp-confidential-space/appraise.ts';
import { parseConfidentialSpace } from '../../packages/attest/src/gcp-confidential-space/parse.ts';
import { confidentialSpace } from '../../packages/attest/src/gcp-confidential-space/technology.ts';
import { verifyConfidentialSpace } from '../../packages/attest/src/gcp-confidential-space/verify.ts';
import { readKeys } from '../../packages/attest/src/jwt/key-set.ts';
import { appraiseNras } from '../../packages/attest/src/nvidia-nras/appraise.ts';
import { parseNras } from '../../packages/attest/src/nvidia-nras/parse.ts';
import { nras } from '../../packages/attest/src/nvidia-nras/technology.ts';
import { verifyNras } from '../../packages/attest/src/nvidia-nras/verify.ts';
import type { Check, Claims, Verified } from '../../packages/attest/src/types.ts';
import { parseCertificate } from '../../packages/attest/src/x509/certificate.ts';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { attest } from './codes.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const B = new Uint8Array(32).fill(0xab);
const PARSE = attest('attest/malformed', 'attest/too-large', 'attest/bad-certificate');
const WAIVED = { revocation: { waived: 'no lists in this world' } } as const;

type Judging<P, C extends Claims> = {
  readonly parse: (bytes: Bytes) => P;
  readonly verify: (parsed: P) => Promise<Verified<C>>;
  readonly appraise: (claims: C, parsed: P) => readonly Check[];
  /** What was signed, as text. */
  readonly signed: (parsed: P) => string;
  readonly seeds: readonly Uint8Array[];
};

/** Parses, verifies and appraises; only what a vendor here signed may be authentic. */
function judging<P, C extends Claims>({
  parse,
  verify,
  appraise,
  signed,
  seeds,
}: Judging<P, C>): (input: Uint8Array) => Promise<Outcome> {
  const genuine = new Set(seeds.map((seed) => signed(parse(new Uint8Array(seed)))));
  return async (input) => {
    let parsed: P | undefined;
    const outcome = judge(
      PARSE,
      () => parse(new Uint8Array(input)),
      (value) => void (parsed = value),
    );
    if (parsed === undefined) return outcome;
    const { claims, checks } = await verify(parsed);
    const known = claims === undefined || genuine.has(signed(parsed));
    expect(known, 'false-accept', 'Evidence is authentic that nobody signed.');
    const failed = (list: readonly Check[]) =>
      list.filter((check) => check.outcome === 'fail').map(({ id }) => id);
    const appraised = claims ? failed(appraise(claims, parsed)) : [];
    return { accepted: claims !== undefined, note: [...failed(checks), ...appraised].join(' ') };
  };
}

const contextOf = (part: Partial<Context>): Context => ({
  at: NOW,
  collateral: NO_COLLATERAL,
  roots: {},
  ...part,
});

async function nitroTarget(): Promise<Target> {
  const aws = await FakeNitro.create(NOW);
  const context = contextOf({ roots: { aws: [parseCertificate(aws.root)] } });
  const seeds = [
    await aws.document({ userData: B }),
    await aws.document({ userData: B, nonce: B, publicKey: B, tagged: true }),
    await aws.document({ pcrs: nitroPcrs([[16, new Uint8Array(48)]]) }),
  ];
  const entryOf = (document: ReturnType<typeof parseNitro>) => ({ ...nitro.pin(document), ...WAIVED });
  return {
    name: 'attest.nitro',
    covers: ['attest/parseNitro', 'attest/verifyNitro', 'attest/appraiseNitro'],
    form: 'cbor',
    seeds,
    words: ['module_id', 'digest', 'timestamp', 'pcrs', 'certificate', 'cabundle', 'user_data', 'SHA384'],
    turn: 4,
    run: judging({
      parse: parseNitro,
      verify: (document) => verifyNitro(document, entryOf(document), context),
      appraise: (claims, document) => appraiseNitro(claims, entryOf(document)),
      signed: (document) => hexEncode(document.signed),
      seeds,
    }),
  };
}

async function maaTarget(): Promise<Target> {
  const provider = await FakeMaa.create(NOW);
  const set = { issuer: MAA_ISSUER, text: provider.jwks, fetchedAt: NOW - HOUR, notAfter: NOW + HOUR };
  const context = contextOf({ keySets: [await readKeySet(set)] });
  const seeds = [
    await provider.token(provider.guest(B)),
    await provider.token(provider.guest(B, TDX_CLAIMS)),
    await provider.token(provider.direct(B, SNP_CLAIMS)),
  ];
  return {
    name: 'attest.maa',
    covers: [
      'attest/parseMaa',
      'attest/verifyMaa',
      'attest/appraiseMaa',
      'attest/parseJws',
      'attest/parseJwt',
    ],
    form: 'text',
    seeds,
    words: ['eyJhbGciOiJub25lIn0', '.', '.e30'],
    run: judging({
      parse: parseMaa,
      verify: (token) => verifyMaa(token, maa.pin(token), context),
      appraise: (claims, token) => appraiseMaa(claims, maa.pin(token)),
      signed: ({ jwt }) => hexEncode(jwt.signed),
      seeds,
    }),
  };
}

/** The same reader over parts that are always well-formed, so that what is inside them is reached. */
function unsigned(name: string, payloads: readonly JsonObject[]): Target {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  return {
    name,
    covers: ['attest/parseMaa', 'attest/parseConfidentialSpace'],
    form: 'json',
    seeds: payloads.map((payload) => utf8Encode(JSON.stringify(payload))),
    run: async (input) => {
      const bytes = utf8Encode(
        `${part('{"alg":"RS256","kid":"a"}')}.${Buffer.from(input).toString('base64url')}.AA`,
      );
      const claims = { debug: false, technology: 'azure-maa' } as const;
      return judge(
        PARSE,
        () => {
          try {
            return { maa: parseMaa(bytes) };
          } catch {
            return { space: parseConfidentialSpace(bytes) };
          }
        },
        (found) => {
          if (found.maa) {
            const { jwt } = found.maa;
            const { payload } = jwt;
            appraiseMaa({ ...claims, payload, form: 'guest', tee: payload } as never, maa.pin(found.maa));
          } else
            appraiseConfidentialSpace(
              { ...claims, payload: found.space.jwt.payload } as never,
              confidentialSpace.pin(found.space),
            );
        },
      );
    },
  };
}

async function spaceTarget(): Promise<Target> {
  const google = await FakeConfidentialSpace.create(NOW);
  const root = parseCertificate(google.chain[2] ?? new Uint8Array());
  const context = contextOf({ roots: { 'google-confidential-space': [root] } });
  const payload = google.claims(B);
  const seeds = [await google.token(payload), await google.token({ ...payload, eat_nonce: ['abcdefgh'] })];
  const entryOf = (token: ReturnType<typeof parseConfidentialSpace>) => ({
    ...confidentialSpace.pin(token),
    ...WAIVED,
  });
  return {
    name: 'attest.space',
    covers: [
      'attest/parseConfidentialSpace',
      'attest/verifyConfidentialSpace',
      'attest/appraiseConfidentialSpace',
      'attest/parseX5c',
    ],
    form: 'text',
    seeds,
    run: judging({
      parse: parseConfidentialSpace,
      verify: (token) => verifyConfidentialSpace(token, entryOf(token), context),
      appraise: (claims, token) => appraiseConfidentialSpace(claims, entryOf(token)),
      signed: ({ jwt }) => hexEncode(jwt.signed),
      seeds,
    }),
  };
}

async function nrasTarget(): Promise<Target> {
  const nvidia = await FakeNras.create(NOW);
  const set = {
    issuer: 'https://nras.attestation.nvidia.com',
    text: nvidia.jwks,
    fetchedAt: NOW - HOUR,
    notAfter: NOW + HOUR,
  };
  const context = contextOf({ keySets: [await readKeySet(set)] });
  const both = [nvidia.device(B), nvidia.device(B, '99')];
  const seeds = [await nvidia.result(B), await nvidia.result(B, { devices: both })];
  return {
    name: 'attest.nras',
    covers: ['attest/parseNras', 'attest/verifyNras', 'attest/appraiseNras'],
    form: 'json',
    seeds,
    words: ['GPU-0', 'GPU-1', 'JWT', 'DIGEST', 'SHA-256'],
    turn: 8,
    run: judging({
      parse: parseNras,
      verify: (result) => verifyNras(result, nras.pin(result), context),
      appraise: (claims, result) => appraiseNras(claims, nras.pin(result)),
      signed: ({ overall, devices }) =>
        [overall, ...devices.values()].map(({ signed }) => hexEncode(signed)).join(' '),
      seeds,
    }),
  };
}

async function keySetTarget(): Promise<Target> {
  const provider = await FakeMaa.create(NOW);
  const nvidia = await FakeNras.create(NOW);
  return {
    name: 'attest.keySets',
    covers: ['attest/readKeys', 'attest/readKeySet', 'attest/parseX5c'],
    form: 'json',
    seeds: [utf8Encode(provider.jwks), utf8Encode(nvidia.jwks)],
    words: ['keys', 'kid', 'kty', 'RSA', 'EC', 'P-384', 'x5c', 'use', 'sig', 'AQAB', 'd', 'key_ops'],
    turn: 8,
    run: (input) =>
      judgeAsync(
        attest('attest/bad-collateral', 'attest/too-large'),
        () => readKeys(Buffer.from(input).toString('latin1')),
        (keys) => {
          for (const { thumbprint } of keys)
            expect(/^[A-Za-z0-9_-]{43}$/.test(thumbprint), 'round-trip', 'A key has no thumbprint.');
          // Sets of many keys teach nothing that sets of few do not, and cost as much more.
          return `${Math.min(keys.length, 4)}`;
        },
      ),
  };
}

export async function tokenTargets(): Promise<Target[]> {
  const provider = await FakeMaa.create(NOW);
  const google = await FakeConfidentialSpace.create(NOW);
  return [
    await nitroTarget(),
    await maaTarget(),
    await spaceTarget(),
    await nrasTarget(),
    await keySetTarget(),
    unsigned('attest.claims', [
      provider.guest(B),
      provider.guest(B, TDX_CLAIMS),
      provider.direct(B),
      google.claims(B),
    ]),
  ];
}
