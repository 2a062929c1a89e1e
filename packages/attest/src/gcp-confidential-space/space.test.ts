// A made-up Google that issues tokens in the genuine format, of both types, and everything that can be wrong with them.
import { hexEncode, type JsonObject, utf8Encode } from '@sealroom/bytes';
import {
  FakeConfidentialSpace,
  SPACE_AUDIENCE,
  SPACE_IMAGE,
} from '@sealroom/testkit/vendors/gcp-confidential-space';
import { judge } from '@sealroom/testkit/vendors/judge';
import { tokenSigner } from '@sealroom/testkit/vendors/tokens';
import { beforeAll, describe, expect, it } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { readKeySet } from '../jwt/key-set.ts';
import { policySchema } from '../policy.ts';
import type { Context } from '../types.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { ISSUER, parseConfidentialSpace } from './parse.ts';
import { confidentialSpace } from './technology.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const reportData = new Uint8Array(32).fill(0xab);
const hostData = new Uint8Array(32).fill(2);
const binding = { reportData, hostData };

let google: FakeConfidentialSpace;
let other: FakeConfidentialSpace;
let context: Context;

const entry = {
  technology: 'gcp-confidential-space',
  keys: 'chain' as unknown,
  audience: [SPACE_AUDIENCE],
  image: [SPACE_IMAGE],
  hardware: ['GCP_AMD_SEV_SNP', 'GCP_INTEL_TDX'],
  minimumSoftware: 250_301,
  support: ['STABLE', 'USABLE'],
  projects: ['made-up'] as unknown,
  command: 'image' as unknown,
  environment: 'image' as unknown,
  maxAgeSeconds: 300,
  revocation: 'required' as unknown,
  platforms: { any: 'accepted' } as unknown,
  runBinding: 'software' as string | undefined,
};
const WAIVED = { revocation: { waived: 'the authority publishes no such list' } };

const files = (ders: readonly Uint8Array[]) =>
  readCollateral(ders.map((bytes, i) => ({ name: `${i}.crl`, bytes })));
const keySet = (fake: FakeConfidentialSpace) =>
  readKeySet({ issuer: ISSUER, text: fake.jwks, fetchedAt: NOW - HOUR, notAfter: NOW + DAY });

async function reasons(bytes: Uint8Array, change: object = {}, world: Partial<Context> = {}) {
  const wanted = { entry: { ...entry, ...change }, context: { ...context, ...world }, binding };
  return (await judge('gcp-confidential-space', bytes, wanted)).reasons;
}

const claims = (change: JsonObject = {}) => ({ ...google.claims(reportData), ...change });

/** The claims with some of the container's, the image's or the VM's changed. */
function submods(name: 'container' | 'confidential_space' | 'gce', change: JsonObject): JsonObject {
  const all = google.claims(reportData)['submods'] as JsonObject;
  return { submods: { ...all, [name]: { ...(all[name] as JsonObject), ...change } } };
}

beforeAll(async () => {
  google = await FakeConfidentialSpace.create(NOW);
  other = await FakeConfidentialSpace.create(NOW);
  context = {
    at: NOW,
    collateral: files(await google.crls()),
    roots: { 'google-confidential-space': [parseCertificate(google.chain[2] ?? new Uint8Array())] },
    keySets: [await keySet(google)],
  };
});

describe('a Confidential Space token', () => {
  it('is affirmed with its chain, and with Google’s key set, when everything is right', async () => {
    const bytes = await google.token(claims());
    const judged = await judge('gcp-confidential-space', bytes, { entry, context, binding });
    expect(judged.verdict).toBe('affirmed');
    expect(judged.appraisal.claims?.launch).toBe(SPACE_IMAGE);
    expect(judged.appraisal.claims?.platform).toBe('gcp-confidential-space:instance:1/europe-west1-b/2');
    const oidc = await google.oidcToken(claims());
    expect(await reasons(oidc, { keys: 'published' })).toEqual([]);
    expect(confidentialSpace.detect(bytes) && confidentialSpace.detect(oidc)).toBe(true);
    for (const token of [bytes, oidc])
      expect(await reasons(token, confidentialSpace.pin(parseConfidentialSpace(token)))).toEqual([]);
  });

  it('takes one nonce as a text or a list, and none of several', async () => {
    const nonce = hexEncode(reportData);
    expect(await reasons(await google.token(claims({ eat_nonce: [nonce] })))).toEqual([]);
    const several = await google.token(claims({ eat_nonce: [nonce, '00'.repeat(32)] }));
    expect(await reasons(several)).toEqual(['nonce', 'binding', 'run']);
    for (const eat_nonce of [[], null, 1, [1], '', nonce.toUpperCase(), '00'.repeat(32), `${nonce}00`])
      expect(await reasons(await google.token(claims({ eat_nonce }))), String(eat_nonce)).toContain(
        'binding',
      );
  });

  const cheats: readonly (readonly [string, () => JsonObject, readonly string[]])[] = [
    ['a debug image', () => ({ dbgstat: 'enabled' }), ['debug']],
    ['one that was debugged', () => ({ dbgstat: 'disabled' }), ['debug']],
    ['no word on debugging', () => ({ dbgstat: null }), ['debug']],
    ['a VM that runs any image', () => ({ swname: 'GCE' }), ['software']],
    ['an old image', () => ({ swversion: ['250300'] }), ['version']],
    ['an old image beside a new one', () => ({ swversion: ['250301', '1'] }), ['version']],
    ['no version', () => ({ swversion: [] }), ['version']],
    ['a version that is no number', () => ({ swversion: ['250301x'] }), ['version']],
    ['a VM without memory encryption', () => ({ hwmodel: 'GCP_SHIELDED_VM' }), ['hardware']],
    ['hardware that the entry does not name', () => ({ hwmodel: 'GCP_AMD_SEV' }), ['hardware']],
    ['no secure boot', () => ({ secboot: false }), ['secure-boot']],
    ['an audience that is another vault', () => ({ aud: 'https://other.example' }), ['audience']],
    ['an audience with a slash behind', () => ({ aud: `${SPACE_AUDIENCE}/` }), ['audience']],
    ['several audiences', () => ({ aud: [SPACE_AUDIENCE, 'https://other.example'] }), ['audience']],
    ['another issuer', () => ({ iss: 'https://accounts.google.com' }), ['issuer']],
    [
      'an image no longer supported',
      () => submods('confidential_space', { support_attributes: [] }),
      ['support'],
    ],
    [
      'another container',
      () => submods('container', { image_digest: `sha256:${'00'.repeat(32)}` }),
      ['image'],
    ],
    ['a container without a digest', () => submods('container', { image_digest: null }), ['image']],
    ['another project', () => submods('gce', { project_id: 'other' }), ['project']],
    ['another command', () => submods('container', { cmd_override: ['/bin/sh'] }), ['command']],
    ['a command as text', () => submods('container', { cmd_override: '/bin/sh' }), ['command']],
    ['another environment', () => submods('container', { env_override: { A: 'b' } }), ['environment']],
    ['an environment as a list', () => submods('container', { env_override: ['A=b'] }), ['environment']],
  ];

  it.each(cheats)('is refused for %s', async (_name, change, expected) => {
    expect(await reasons(await google.token(claims(change())))).toEqual(expected);
  });

  it('may have the command and the variables that the entry names, with their values', async () => {
    const command = [['/room', '--quiet']];
    const token = await google.token(claims(submods('container', { cmd_override: ['/room', '--quiet'] })));
    expect(await reasons(token, { command })).toEqual([]);
    expect(await reasons(token, { command: [['/room']] })).toEqual(['command']);
    const variables = await google.token(claims(submods('container', { env_override: { A: 'b' } })));
    expect(await reasons(variables, { environment: { A: 'b', C: 'd' } })).toEqual([]);
    expect(await reasons(variables, { environment: { A: 'c' } })).toEqual(['environment']);
    expect(await reasons(await google.token(claims(submods('container', { env_override: {} }))))).toEqual([]);
  });

  it('binds the run by a variable that was set at launch', async () => {
    const change = { runBinding: undefined, hostData: 'manifest' };
    const run = async (value: string) =>
      reasons(
        await google.token(claims(submods('container', { env_override: { SEALROOM_MANIFEST: value } }))),
        change,
      );
    expect(await run(hexEncode(hostData))).toEqual([]);
    expect(await run('00'.repeat(32))).toEqual(['run']);
    expect(await run('')).toEqual(['run']);
    expect(await reasons(await google.token(claims()), change)).toEqual(['run']);
    const set = claims(submods('container', { env_override: { SEALROOM_MANIFEST: hexEncode(hostData) } }));
    expect(await reasons(await google.token(set))).toEqual(['environment']);
  });

  it('is refused when its chain does not lead to the pinned root, is short or long, or is another key’s', async () => {
    const { chain } = other;
    const foreign = { signer: other.signer, chain };
    const kid = other.signer.thumbprint;
    expect(await reasons(await google.token(claims(), { kid }, foreign))).toContain('chain/signature');
    expect(await reasons(await google.token(claims()), {}, { roots: {} })).toContain('chain/no-path');
    const short = await google.token(claims(), {}, { chain: google.chain.slice(0, 2) });
    expect(await reasons(short)).toEqual(['chain/whole']);
    const self = await google.token(claims(), { kid }, { signer: other.signer, chain: chain.slice(2) });
    expect(await reasons(self)).toContain('chain/whole');
    expect(await reasons(await google.token(claims(), {}, { signer: other.signer }))).toEqual(['signature']);
    expect(await reasons(await google.token(claims(), { kid: 'another' }))).toEqual(['chain/kid']);
    const authority = await google.token(claims(), {}, { chain: google.chain.slice(1) });
    expect(await reasons(authority)).toEqual(
      expect.arrayContaining(['chain/whole', 'chain/leaf', 'chain/kid', 'signature']),
    );
    expect(await reasons(await google.oidcToken(claims()))).toContain('chain/present');
  });

  it('is refused with a chain where a key set is wanted, unless the set holds the key', async () => {
    expect(await reasons(await google.token(claims()), { keys: 'published' })).toContain(
      'key-set/unknown-key',
    );
    const named = await google.token(claims(), { kid: 'made-up-1' });
    expect(await reasons(named, { keys: 'published' })).toEqual([]);
    const pinned = { keys: [google.signer.thumbprint], ...WAIVED };
    expect(await reasons(await google.oidcToken(claims()), pinned)).toEqual([]);
    expect(await reasons(await google.oidcToken(claims()), { ...pinned, keys: [] })).toContain('pinned-key');
  });

  it('is refused without lists of its authorities unless the policy waives it, and always when revoked', async () => {
    const none = { collateral: NO_COLLATERAL };
    expect(new Set(await reasons(await google.token(claims()), {}, none))).toEqual(
      new Set(['revocation/unchecked']),
    );
    expect(await reasons(await google.token(claims()), WAIVED, none)).toEqual([]);
    for (const serial of [2, 3]) {
      const collateral = files(await google.crls([serial]));
      expect(await reasons(await google.token(claims()), WAIVED, { collateral })).toEqual([
        'revocation/revoked',
      ]);
    }
  });

  it('is refused after its hour, by a clock that is off, and when it is made for longer', async () => {
    const at = NOW / 1000;
    const token = await google.token(claims());
    expect(await reasons(token, { maxAgeSeconds: 3600 }, { at: NOW + HOUR })).toEqual(['expired']);
    expect(await reasons(token, {}, { at: NOW - HOUR })).toContain('not-yet-valid');
    expect(await reasons(await google.token(claims({ exp: at + 3601 })))).toEqual(['times']);
  });

  it('is refused with another algorithm, even under the right key', async () => {
    for (const alg of ['none', 'HS256', 'PS256', 'ES384'])
      expect(await reasons(await google.token(claims(), { alg })), alg).toEqual(['algorithm']);
    const elliptic = await tokenSigner('ES384');
    expect(await reasons(await google.token(claims(), {}, { signer: elliptic }))).toEqual(['signature']);
  });

  it('is refused on a platform that is not listed, or distrusted', async () => {
    const token = await google.token(claims());
    expect(await reasons(token, { platforms: [] })).toEqual(['platform']);
    const distrust = ['gcp-confidential-space:instance:1/europe-west1-b/2'];
    const judged = await judge('gcp-confidential-space', token, { entry, context, binding, distrust });
    expect(judged.reasons).toEqual(['distrusted']);
  });
});

describe('the bytes of a token', () => {
  it('are refused cut short and with any bit changed', async () => {
    const bytes = await google.oidcToken(claims());
    const published = { keys: 'published' };
    for (let length = 0; length < bytes.length; length += 3)
      expect(await reasons(bytes.slice(0, length), published), `length ${length}`).not.toEqual([]);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
      expect(await reasons(changed, published), `byte ${at}`).not.toEqual([]);
    }
    expect(await reasons(new Uint8Array([...bytes, ...utf8Encode('\n')]), published)).toEqual(['malformed']);
  });
});

describe('the entry', () => {
  const fits = (change: object) =>
    policySchema.safeParse({ v: 1, binding: 'room', accept: [{ ...entry, ...change }] }).success;

  it('needs every member, and refuses what it does not know', () => {
    expect(fits({})).toBe(true);
    for (const name of Object.keys(entry).filter((one) => one !== 'technology'))
      expect(fits({ [name]: undefined }), name).toBe(false);
    expect(fits({ debug: true })).toBe(false);
    expect(fits({ hardware: ['GCP_SHIELDED_VM'] })).toBe(false);
    expect(fits({ support: [] })).toBe(false);
    expect(fits({ maxAgeSeconds: 3601 })).toBe(false);
    expect(fits({ image: ['latest'] })).toBe(false);
  });
});
