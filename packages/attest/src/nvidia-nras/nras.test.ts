// A made-up service that issues results in the genuine format, and everything that can be wrong with them.
import { type JsonObject, utf8Encode } from '@sealroom/bytes';
import { judge } from '@sealroom/testkit/vendors/judge';
import { FakeNras, type NrasOptions } from '@sealroom/testkit/vendors/nvidia-nras';
import { tokenSigner } from '@sealroom/testkit/vendors/tokens';
import { beforeAll, describe, expect, it } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { readKeySet } from '../jwt/key-set.ts';
import { policySchema } from '../policy.ts';
import type { Context } from '../types.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseNras } from './parse.ts';
import { nras } from './technology.ts';
import { ISSUER } from './verify.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const reportData = new Uint8Array(32).fill(1);
const binding = { reportData, hostData: new Uint8Array(32).fill(2) };

let nvidia: FakeNras;
let other: FakeNras;
let context: Context;

const entry = {
  technology: 'nvidia-nras',
  keys: 'published' as unknown,
  gpus: 1,
  hardware: ['GH100 A01 GSP BROM'],
  driver: ['550.90.07'],
  vbios: ['96.00.9F.00.01'],
  maxAgeSeconds: 300,
  revocation: 'required' as unknown,
  platforms: ['nvidia-nras:gpu:4781'] as unknown,
  runBinding: 'software',
};

const keySet = (fake: FakeNras, change: object = {}) =>
  readKeySet({ issuer: ISSUER, text: fake.jwks, fetchedAt: NOW - HOUR, notAfter: NOW + DAY, ...change });
const files = (...contents: readonly (Uint8Array | string)[]) =>
  readCollateral(
    contents.map((one, i) => ({ name: `${i}`, bytes: typeof one === 'string' ? utf8Encode(one) : one })),
  );

async function reasons(bytes: Uint8Array, change: object = {}, world: Partial<Context> = {}) {
  const wanted = { entry: { ...entry, ...change }, context: { ...context, ...world }, binding };
  return (await judge('nvidia-nras', bytes, wanted)).reasons;
}

const make = (options: NrasOptions = {}) => nvidia.result(reportData, options);
const device = (change: JsonObject = {}, ueid?: string) => ({
  ...nvidia.device(reportData, ueid),
  ...change,
});

beforeAll(async () => {
  nvidia = await FakeNras.create(NOW);
  other = await FakeNras.create(NOW);
  context = {
    at: NOW,
    collateral: NO_COLLATERAL,
    roots: { 'nvidia-nras': [parseCertificate(nvidia.authority)] },
    keySets: [await keySet(nvidia)],
  };
});

describe('a result of the service', () => {
  it('is affirmed when everything is right', async () => {
    const bytes = await make();
    const judged = await judge('nvidia-nras', bytes, { entry, context, binding });
    expect(judged.verdict).toBe('affirmed');
    expect(judged.appraisal.claims?.platform).toBe('nvidia-nras:gpu:4781');
    expect(nras.detect(bytes)).toBe(true);
    expect(await reasons(bytes, nras.pin(parseNras(bytes)))).toEqual([]);
  });

  it('is affirmed for several GPUs, each of which must be allowed and none distrusted', async () => {
    const bytes = await make({ devices: [device(), device({}, '99')] });
    const both = { gpus: 2, platforms: ['nvidia-nras:gpu:4781', 'nvidia-nras:gpu:99'] };
    expect(await reasons(bytes, both)).toEqual([]);
    expect(await reasons(bytes, { ...both, platforms: ['nvidia-nras:gpu:4781'] })).toEqual(['platform']);
    expect(await reasons(bytes, { ...both, gpus: 1 })).toEqual(['gpus']);
    const wanted = { entry: { ...entry, ...both }, context, binding, distrust: ['nvidia-nras:gpu:99'] };
    expect((await judge('nvidia-nras', bytes, wanted)).reasons).toEqual(['distrusted']);
    const twice = await make({ devices: [device(), device()] });
    expect(await reasons(twice, both)).toEqual(['distinct']);
    const bad = await make({ devices: [device(), device({ measres: 'fail' }, '99')] });
    expect(await reasons(bad, both)).toEqual(['gpu-1/measurements']);
  });

  const WRONG = [null, false, 'true', 1];
  const flags = [
    ['x-nvidia-gpu-arch-check', 'report'],
    ['x-nvidia-gpu-attestation-report-nonce-match', 'report'],
    ['x-nvidia-gpu-attestation-report-signature-verified', 'report'],
    ['x-nvidia-gpu-attestation-report-cert-chain-fwid-match', 'report'],
    ['x-nvidia-gpu-driver-rim-signature-verified', 'manifests'],
    ['x-nvidia-gpu-driver-rim-version-match', 'manifests'],
    ['x-nvidia-gpu-vbios-rim-signature-verified', 'manifests'],
    ['x-nvidia-gpu-vbios-rim-measurements-available', 'manifests'],
    ['secboot', 'secure-boot'],
  ] as const;

  it.each(flags)('is refused when %s is not exactly true', async (name, id) => {
    for (const value of WRONG)
      expect(await reasons(await make({ devices: [device({ [name]: value })] }))).toEqual([`gpu-0/${id}`]);
  });

  const chain = (change: JsonObject) => ({
    'x-nvidia-cert-status': 'valid',
    'x-nvidia-cert-ocsp-status': 'good',
    ...change,
  });
  const cheats: readonly (readonly [string, JsonObject, string])[] = [
    ['measurements that differ', { measres: 'fail' }, 'measurements'],
    ['no comparison of measurements', { measres: null }, 'measurements'],
    ['debugging', { dbgstat: 'enabled' }, 'debug'],
    ['another driver', { 'x-nvidia-gpu-driver-version': '535.0' }, 'driver'],
    ['another VBIOS', { 'x-nvidia-gpu-vbios-version': '96' }, 'vbios'],
    ['another model', { hwmodel: 'GB100' }, 'hardware'],
    ['a warning', { 'x-nvidia-attestation-warning': 'driver is deprecated' }, 'warning'],
    ['another nonce than the whole', { eat_nonce: '00'.repeat(32) }, 'nonce'],
    [
      'a revoked certificate',
      { 'x-nvidia-gpu-attestation-report-cert-chain': chain({ 'x-nvidia-cert-ocsp-status': 'revoked' }) },
      'chains',
    ],
    [
      'an expired manifest',
      { 'x-nvidia-gpu-vbios-rim-cert-chain': chain({ 'x-nvidia-cert-status': 'expired' }) },
      'chains',
    ],
    ['a chain that was not checked', { 'x-nvidia-gpu-driver-rim-cert-chain': null }, 'chains'],
  ];

  it.each(cheats)('is refused for %s', async (_name, change, id) => {
    expect(await reasons(await make({ devices: [device(change)] }))).toEqual([`gpu-0/${id}`]);
  });

  it('is refused for a GPU that is not named, whose platform is none', async () => {
    const found = await reasons(await make({ devices: [device({ ueid: null })] }));
    expect(found).toEqual(['gpu-0/identity', 'platform']);
    const any = { platforms: { any: 'accepted' } };
    expect(await reasons(await make({ devices: [device({ ueid: 1 })] }), any)).toEqual(['gpu-0/identity']);
  });

  it('is refused when the whole is not affirmed, or binds another nonce', async () => {
    for (const value of WRONG)
      expect(await reasons(await make({ overall: { 'x-nvidia-overall-att-result': value } }))).toEqual([
        'overall',
      ]);
    expect(await reasons(await nvidia.result(new Uint8Array(32)))).toEqual(['binding', 'run']);
    const mixed = await make({ overall: { eat_nonce: '00'.repeat(32) } });
    expect(await reasons(mixed)).toEqual(['gpu-0/nonce', 'binding', 'run']);
  });

  it('is refused when a device’s token is not the one that the whole names, is missing, or one too many', async () => {
    const one = parseNras(await make());
    const two = parseNras(await make({ devices: [device({ hwmodel: 'x' })] }));
    const bundle = (overall: string, devices: JsonObject) =>
      utf8Encode(JSON.stringify([['JWT', overall], devices]));
    const good = one.devices.get('GPU-0')?.text ?? '';
    const swapped = two.devices.get('GPU-0')?.text ?? '';
    expect(await reasons(bundle(one.overall.text, { 'GPU-0': good }))).toEqual([]);
    expect(await reasons(bundle(one.overall.text, { 'GPU-0': swapped }))).toEqual(['submods']);
    expect(await reasons(bundle(one.overall.text, { 'GPU-1': good }))).toEqual(['submods']);
    expect(await reasons(bundle(one.overall.text, { 'GPU-0': good, 'GPU-1': good }))).toEqual(['submods']);
    expect(await reasons(bundle(one.overall.text, {}))).toEqual(['malformed']);
    for (const submods of [{}, { 'GPU-0': null }, { 'GPU-0': ['DIGEST', ['SHA-1', '00']] }, { 'GPU-0': [] }])
      expect(await reasons(await make({ submods }))).toEqual(['submods']);
  });

  it('is refused from another key, also where only a device’s token is', async () => {
    expect(await reasons(await other.result(reportData))).toEqual(['signature', 'gpu-0/signature']);
    expect(await reasons(await make({ deviceSigner: other.signer }))).toEqual(['gpu-0/signature']);
    expect(await reasons(await make({ deviceHeader: { kid: 'other' } }))).toEqual(['gpu-0/key']);
    expect(await reasons(await make({ devices: [device({ iss: 'https://evil.example' })] }))).toEqual([
      'gpu-0/issuer',
    ]);
    expect(await reasons(await make({ overall: { iss: 'https://evil.example' } }))).toEqual(['issuer']);
    const offered = files(other.jwks);
    expect(await reasons(await other.result(reportData), {}, { keySets: [], collateral: offered })).toContain(
      'key-set',
    );
  });

  it('is refused with another algorithm than ES384', async () => {
    for (const alg of ['none', 'HS256', 'ES256', 'RS256']) {
      expect(await reasons(await make({ header: { alg } })), alg).toEqual(['algorithm']);
      expect(await reasons(await make({ deviceHeader: { alg } })), alg).toEqual(['gpu-0/algorithm']);
    }
    const rsa = await tokenSigner('RS256');
    expect(await reasons(await make({ deviceSigner: rsa }))).toEqual(['gpu-0/signature']);
  });

  it('is affirmed under a certificate of the pinned authority that any document may bring, if it is not revoked', async () => {
    const rule = { keys: 'chain' };
    const world = async (serials: readonly number[]) => ({
      keySets: [],
      collateral: files(nvidia.jwks, await nvidia.crl(serials)),
    });
    expect(await reasons(await make(), rule, await world([]))).toEqual([]);
    expect(await reasons(await make(), rule, await world([2]))).toEqual(['revocation/revoked']);
    const listless = { keySets: [], collateral: files(nvidia.jwks) };
    expect(await reasons(await make(), rule, listless)).toEqual(['revocation/unchecked']);
    expect(await reasons(await make(), rule, { keySets: [] })).toContain('chain/present');
    const foreign = { keySets: [], collateral: files(other.jwks, await other.crl()) };
    expect(await reasons(await other.result(reportData), rule, foreign)).toContain('chain/signature');
    expect(await reasons(await make(), rule, { ...(await world([])), roots: {} })).toContain('chain/no-path');
    const late = { ...(await world([])), at: NOW + 3 * DAY };
    expect(await reasons(await make(), rule, late)).toContain('chain/no-path');
  });

  it('is refused when it has expired, is old or from the future, as a whole or for one device', async () => {
    const at = NOW / 1000;
    expect(await reasons(await make({ overall: { exp: at } }))).toEqual(['times', 'expired']);
    expect(await reasons(await make({ overall: { iat: at - 301 } }))).toEqual(['age']);
    expect(await reasons(await make({ devices: [device({ iat: at - 301 })] }))).toEqual(['gpu-0/age']);
    expect(await reasons(await make({ devices: [device({ exp: null })] }))).toContain('gpu-0/times');
    expect(await reasons(await make(), {}, { at: NOW - HOUR })).toContain('not-yet-valid');
    expect(await reasons(await make(), { maxAgeSeconds: 86_400 }, { at: NOW + HOUR })).toContain('expired');
    const stale = await keySet(nvidia, { notAfter: NOW });
    expect(await reasons(await make(), {}, { keySets: [stale] })).toContain('key-set/stale');
  });
});

describe('the bytes of a result', () => {
  it('are refused cut short, with bytes behind them, and with any bit changed', async () => {
    const bytes = await make();
    for (let length = 0; length < bytes.length; length++)
      expect(() => parseNras(bytes.slice(0, length)), `length ${length}`).toThrow(
        expect.objectContaining({ name: 'AttestError' }),
      );
    expect(await reasons(new Uint8Array([...bytes, 0x5d]))).toEqual(['malformed']);
    for (let at = 0; at < bytes.length; at += 2) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
      expect(await reasons(changed), `byte ${at}`).not.toEqual([]);
    }
  });

  it('are refused in other shapes than the service gives', async () => {
    const { overall, devices } = parseNras(await make());
    const token = overall.text;
    const one = devices.get('GPU-0')?.text ?? '';
    const shapes = [
      null,
      [],
      {},
      [['JWT', token]],
      [['JWT', token], { 'GPU-0': one }, {}],
      [['CWT', token], { 'GPU-0': one }],
      [['JWT', token, token], { 'GPU-0': one }],
      [['JWT', 1], { 'GPU-0': one }],
      [['JWT', token], { 'GPU-00': one }],
      [['JWT', token], { NVSWITCH: one }],
      [['JWT', token], { 'GPU-0': 1 }],
      [['JWT', token], []],
      [['JWT', token], Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`GPU-${i}`, one]))],
    ];
    for (const shape of shapes)
      expect(await reasons(utf8Encode(JSON.stringify(shape))), JSON.stringify(shape)?.slice(0, 40)).toEqual([
        'malformed',
      ]);
    const twice = `[["JWT","${token}"],{"GPU-0":"${one}","GPU-0":"${one}"}]`;
    expect(await reasons(utf8Encode(twice))).toEqual(['malformed']);
    expect(await reasons(new Uint8Array(2 * 1024 * 1024).fill(0x5b))).toEqual(['malformed']);
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
    expect(fits({ gpus: 0 })).toBe(false);
    expect(fits({ hostData: 'manifest' })).toBe(false);
  });
});
