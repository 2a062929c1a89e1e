// GPUs of a fake NVIDIA under policies: what is affirmed, and each way of cheating with the check that refuses it.
import { base64urlDecode, base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import {
  certify,
  FAKE_FIRMWARE,
  fakeMeasurements,
  fakeNvidia,
  type GpuOptions,
  type ReportOptions,
  RESPONDER,
} from '@sealroom/testkit/vendors/nvidia-gpu';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  appraiseEvidence,
  detectTechnologies,
  type GpuEntry,
  parsePolicy,
  readCollateral,
} from '../index.ts';
import {
  entryWith,
  file,
  type Files,
  golden,
  type GpuWorld,
  gpuWorld,
  HOUR,
  nonce,
  NOW,
  VALUES,
} from './judge-for-tests.ts';
import { parseGpuEvidence } from './parse.ts';
import { nvidiaGpu } from './technology.ts';

let nvidia: GpuWorld['nvidia'];
let gpu: GpuWorld['gpu'];
let reasons: GpuWorld['reasons'];
let driverManifest: string;
let vbiosManifest: string;

const reported = async (change: Partial<ReportOptions>, entry: Partial<GpuEntry> = {}) =>
  reasons(await gpu.evidence({ nonce, ...change }), entry);
const made = async (options: GpuOptions, entry: Partial<GpuEntry> = {}) =>
  reasons(await (await nvidia.gpu(options)).evidence({ nonce }), entry);

beforeAll(async () => {
  ({ nvidia, gpu, reasons, driverManifest, vbiosManifest } = await gpuWorld());
});

describe('a GPU', () => {
  test('is affirmed when all is as the policy says, of either architecture', async () => {
    expect(await reported({})).toEqual([]);
    const blackwell = { architectures: ['blackwell' as const] };
    expect(await made({ chip: 'GB100' }, blackwell)).toEqual([]);
  });

  test('is affirmed by what it pins, and not without a word on its platform', async () => {
    const evidence = await gpu.evidence({ nonce });
    const parsed = nvidiaGpu.parse(Buffer.from(evidence.body, 'base64url'));
    expect(await reasons(evidence, { ...nvidiaGpu.pin(parsed), revocation: entryWith().revocation })).toEqual(
      [],
    );
    const policy = JSON.stringify({ v: 1, binding: { reportData: hexEncode(nonce) }, accept: [entryWith()] });
    expect(parsePolicy(policy).accept).toHaveLength(1);
    for (const member of Object.keys(entryWith())) {
      const { [member]: _, ...rest } = entryWith() as { [name: string]: unknown };
      const text = JSON.stringify({ v: 1, binding: 'room', accept: [rest] });
      expect(() => parsePolicy(text), member).toThrow(expect.objectContaining({ code: 'attest/bad-policy' }));
    }
  });

  test('alone never stands for a room', async () => {
    const found = await reasons(await gpu.evidence({ nonce }), {}, { policy: { binding: 'room' } });
    expect(found).toContain('nvidia-gpu/alone');
  });

  test.each<[string, Partial<ReportOptions>, string]>([
    ['another nonce', { nonce: new Uint8Array(32).fill(8) }, 'binding'],
    ['another driver', { driver: '590.11' }, 'driver'],
    ['another VBIOS', { vbios: '00a4009601000000' }, 'vbios'],
    ['another mode', { mode: 0 }, 'mode'],
    ['a mode that it does not say', { mode: undefined }, 'mode'],
    ['firmware that its certificate does not name', { firmware: '0e'.repeat(48) }, 'firmware-same'],
  ])('is refused for %s', async (_, change, id) => {
    expect(await reported(change)).toContain(`nvidia-gpu/${id}`);
  });

  test('is affirmed when an older driver does not repeat the firmware that the certificate names', async () => {
    expect(await reported({ firmware: undefined })).toEqual([]);
  });

  test('is affirmed with the zero that a driver puts behind its signature', async () => {
    const options = { nonce, driver: '580.95.5' };
    const report = Buffer.from(await gpu.report(options));
    const padded = { evidence: Buffer.concat([report, Buffer.from([0])]).toString('base64') };
    const evidence = await gpu.evidence(options, padded);
    expect(await reasons(evidence, { drivers: [options.driver] })).toEqual([]);
  });

  test.each<[string, Partial<GpuEntry>, string]>([
    ['architecture', { architectures: [] }, 'architecture'],
    ['driver', { drivers: [] }, 'driver'],
    ['VBIOS', { vbios: [] }, 'vbios'],
    ['firmware', { firmware: [] }, 'firmware'],
    ['mode', { modes: [] }, 'mode'],
    ['platform', { platforms: [] }, 'platform'],
  ])('is refused by an empty list of its %s', async (_, change, id) => {
    expect(await reported({}, change)).toEqual([`nvidia-gpu/${id}`]);
  });

  test('is refused when its platform is distrusted, or is not one of those named', async () => {
    const evidence = await gpu.evidence({ nonce });
    const policy = {
      v: 1 as const,
      binding: { reportData: hexEncode(nonce) },
      accept: [entryWith()],
      distrust: [],
    };
    const context = { at: NOW, collateral: readCollateral([]), roots: nvidia.roots };
    const { claims } = await appraiseEvidence(evidence, policy, { context });
    const platform = claims?.platform ?? '';
    expect(await reasons(evidence, { platforms: [platform] })).toEqual([]);
    expect(await reasons(evidence, {}, { policy: { distrust: [platform] } })).toEqual([
      'nvidia-gpu/distrusted',
    ]);
    const other = await nvidia.gpu();
    expect(await reasons(await other.evidence({ nonce }), { platforms: [platform] })).toEqual([
      'nvidia-gpu/platform',
    ]);
  });
});

describe('the measurements of a GPU', () => {
  const change = (index: number, value = 'ee'.repeat(48)) => new Map([...fakeMeasurements(), [index, value]]);
  const refused = ['nvidia-gpu/measurements/values', 'nvidia-gpu/debug'];

  test('are refused when any of them differs from the list, is missing, or is one more', async () => {
    for (const index of [0, 31, 35, 63])
      expect(await reported({ measurements: change(index) })).toEqual(refused);
    const fewer = new Map([...fakeMeasurements()].slice(0, 63));
    expect(await reported({ measurements: fewer })).toEqual(refused);
    const more = new Map([...fakeMeasurements(), [64, 'ee'.repeat(48)] as const]);
    expect(await reported({ measurements: more })).toEqual(refused);
  });

  test('may be any of the values listed, or of one of the lists, and are not mixed between lists', async () => {
    const other = 'ee'.repeat(48);
    const second = { ...VALUES, '3': [other], '4': [other] };
    const reference = { values: [VALUES, second] };
    const both = new Map([...change(3), [4, other] as const]);
    expect(await reported({ measurements: both }, { reference })).toEqual([]);
    expect(await reported({ measurements: change(3) }, { reference })).toEqual(refused);
    const either = { values: [{ ...VALUES, '3': [other, ...(VALUES['3'] ?? [])] }] };
    expect(await reported({ measurements: change(3) }, { reference: either })).toEqual([]);
    expect(
      await reported({ measurements: change(3) }, { reference: { values: [{ ...VALUES, '3': 'ignored' }] } }),
    ).toEqual([]);
    expect(await reported({}, { reference: { values: [{ ...VALUES, '3': [] }] } })).toEqual(refused);
  });
});

describe('measurements by NVIDIA’s manifests', () => {
  const reference = { manifests: 'nvidia' as const };
  const files = (driver = driverManifest, vbios = vbiosManifest) => [file('a', driver), file('b', vbios)];
  const by = async (options: Partial<ReportOptions>, given: Files = files()) =>
    reasons(await gpu.evidence({ nonce, ...options }), { reference }, { files: given });
  const measured = (index: number) => ({
    measurements: new Map([...fakeMeasurements(), [index, 'ee'.repeat(48)] as const]),
  });

  test('are affirmed when every active index of both has one of its values', async () => {
    expect(await by({})).toEqual([]);
    expect(await by(measured(50))).toEqual([]);
    const alternatives = new Map([[7, ['ab'.repeat(48), ...(golden(7).get(7) ?? [])]]]);
    const several = await nvidia.manifest({
      version: '590.12',
      golden: alternatives,
      inactive: new Map([[8, '00'.repeat(48)]]),
    });
    expect(await by({}, files(several))).toEqual([]);
  });

  test('are refused when one differs, and say of which manifest', async () => {
    expect(await by(measured(40))).toEqual(['nvidia-gpu/measurements/driver', 'nvidia-gpu/debug']);
    expect(await by(measured(1))).toEqual(['nvidia-gpu/measurements/vbios', 'nvidia-gpu/debug']);
  });

  test('leave out index 35 only where NVDEC0 is disabled', async () => {
    expect(await by(measured(35))).toEqual(['nvidia-gpu/measurements/driver', 'nvidia-gpu/debug']);
    expect(await by({ ...measured(35), nvdec0: 0x55 })).toEqual([]);
  });

  test('are refused when an index is in both manifests', async () => {
    const conflicting = await nvidia.manifest({ version: '96.00.A5.00.01', golden: golden(1, 7) });
    expect(await by({}, files(driverManifest, conflicting))).toContain('nvidia-gpu/measurements/conflict');
  });

  test('are refused when the manifest of driver or VBIOS is missing, of another version, or of another chip', async () => {
    expect(await by({}, files().slice(1))).toContain('nvidia-gpu/driver-manifest/missing');
    expect(await by({}, files().slice(0, 1))).toContain('nvidia-gpu/vbios-manifest/missing');
    const old = await nvidia.manifest({ version: '590.11', golden: golden(7) });
    expect(await by({}, files(old))).toContain('nvidia-gpu/driver-manifest/missing');
    const other = await nvidia.manifest({ product: 'GB100', version: '590.12', golden: golden(7) });
    expect(await by({}, files(other))).toContain('nvidia-gpu/driver-manifest/missing');
  });

  test('are refused when the manifest changed, or another than NVIDIA signed it', async () => {
    const changed = driverManifest.replace('active="True"', 'active="False"');
    expect(await by({}, files(changed))).toContain('nvidia-gpu/driver-manifest/signature');
    const strangers = await fakeNvidia(NOW);
    const foreign = await strangers.manifest({ version: '590.12', golden: golden(7) });
    expect(await by({}, files(foreign))).toContain('nvidia-gpu/driver-manifest/chain/signature');
    const [leaf] = gpu.path;
    if (!leaf) throw new Error('A GPU has a signing key.');
    const certificates = gpu.path.map((one) => one.der);
    const byGpu = await nvidia.manifest({
      version: '590.12',
      golden: golden(7),
      certificates,
      pair: leaf.key.pair,
    });
    expect(await by({}, files(byGpu))).toContain('nvidia-gpu/driver-manifest/chain/no-path');
  });

  test('are refused when a responder of NVIDIA’s, or one of its authorities, signed the manifest', async () => {
    const [, values] = nvidia.manifestPath;
    const responder = await certify(values, 'OCSP responder', { extensions: RESPONDER });
    const sign = (who: typeof responder) =>
      nvidia.manifest({
        version: '590.12',
        golden: golden(7),
        certificates: [who.der, values.der],
        pair: who.key.pair,
      });
    expect(await by({}, files(await sign(responder)))).toContain('nvidia-gpu/driver-manifest/signer');
    expect(await by({}, files(await sign(values)))).toContain('nvidia-gpu/driver-manifest/signer');
  });

  test('are refused when the manifest’s signer has expired', async () => {
    const [, values] = nvidia.manifestPath;
    const usage = { oid: '2.5.29.15', critical: true, value: Buffer.from('03020780', 'hex') };
    const old = await certify(values, 'HCC RIM L4 Signer', { extensions: [usage], notAfter: NOW - HOUR });
    const certificates = [old.der, values.der];
    const expired = await nvidia.manifest({
      version: '590.12',
      golden: golden(7),
      certificates,
      pair: old.key.pair,
    });
    expect(await by({}, files(expired))).toContain('nvidia-gpu/driver-manifest/chain/expired');
    expect(await by({}, [...files(expired), file('c', driverManifest)])).toEqual([]);
  });
});

describe('the certificates of a GPU', () => {
  test('are refused when they lead to another root', async () => {
    const strangers = await fakeNvidia(NOW);
    const other = await strangers.gpu();
    expect(await reasons(await other.evidence({ nonce }))).toEqual(['nvidia-gpu/chain/signature']);
  });

  test('are refused for another device of NVIDIA, another chip between them, or one certificate more', async () => {
    const names = (a: string, b: string, c: string, d: string) => ({ names: [a, b, c, d] as const });
    const [leaf, chip, ica, model] = [
      'GH100 A01 GSP FMC LF',
      'GH100 A01 GSP BROM',
      'NVIDIA GH100 Provisioner ICA 1',
      'NVIDIA GH100 Identity',
    ] as const;
    const places = ['nvidia-gpu/places'];
    expect(
      await made(
        names(
          'LS10 A01 GSP FMC LF',
          'LS10 A01 GSP BROM',
          'NVIDIA LS10 Provisioner ICA 1',
          'NVIDIA LS10 Identity',
        ),
      ),
    ).toEqual(places);
    expect(await made(names(leaf, 'GB100 A01 GSP BROM', ica, model))).toEqual(places);
    expect(await made(names(leaf, chip, ica, 'NVIDIA GB100 Identity'))).toEqual(places);
    expect(await made(names(chip, leaf, ica, model))).toEqual(places);
  });

  test('are refused when the signing key’s says no firmware, or another chip’s key', async () => {
    const usage = { oid: '2.5.29.15', critical: true, value: Buffer.from('03020780', 'hex') };
    expect(await made({ leaf: { extensions: [usage] } })).toEqual(['nvidia-gpu/firmware-in-key']);
    const other = await nvidia.gpu();
    const chipKey = other.path[1]?.key.pair;
    if (!chipKey) throw new Error('A GPU has a chip.');
    const spki = new Uint8Array(await crypto.subtle.exportKey('spki', chipKey.publicKey));
    const fwid = Buffer.from(`303d06096086480165030402020430${FAKE_FIRMWARE}`, 'hex');
    const nested = Buffer.from(`303f300b06096086480165030402020430${FAKE_FIRMWARE}`, 'hex');
    for (const part of [fwid, nested]) {
      const content = Buffer.concat([Buffer.from('020101', 'hex'), spki, part]);
      const value = Buffer.concat([Buffer.from([0x30, 0x81, content.length]), content]);
      const extensions = [usage, { oid: '2.23.133.5.4.1', value }];
      expect(await made({ leaf: { extensions } })).toEqual(['nvidia-gpu/firmware-in-key']);
    }
  });

  test('are refused when the signing key’s is an authority, or may not sign', async () => {
    const usage = (bits: string) => ({ oid: '2.5.29.15', critical: true, value: Buffer.from(bits, 'hex') });
    const authority = { oid: '2.5.29.19', critical: true, value: Buffer.from('30030101ff', 'hex') };
    expect(await made({ leaf: { extensions: [usage('03020780'), authority] } })).toEqual([
      'nvidia-gpu/places',
    ]);
    expect(await made({ leaf: { extensions: [usage('03020520')] } })).toEqual(['nvidia-gpu/places']);
    expect(await made({ leaf: { extensions: [] } })).toEqual(['nvidia-gpu/places']);
  });

  test('are refused with a report that another GPU signed', async () => {
    const other = await nvidia.gpu();
    const report = Buffer.from(await other.report({ nonce })).toString('base64');
    const evidence = await gpu.evidence({ nonce }, { evidence: report });
    expect(await reasons(evidence)).toEqual(['nvidia-gpu/signature']);
  });
});

describe('what stands beside a report', () => {
  const beside = async (change: { [member: string]: string }) =>
    reasons(await gpu.evidence({ nonce }, change));

  test('is refused when it differs from what was signed', async () => {
    expect(await beside({ nonce: '08'.repeat(32) })).toEqual(['nvidia-gpu/stated-nonce']);
    expect(await beside({ arch: 'BLACKWELL' })).toEqual(['nvidia-gpu/stated-architecture']);
    expect(await beside({ driver_version: '1.2' })).toEqual(['nvidia-gpu/stated-versions']);
    expect(await beside({ vbios_version: '00.00.00.00.01' })).toEqual(['nvidia-gpu/stated-versions']);
  });

  test('is accepted with the versions that were signed, as newer tools write them', async () => {
    const { driver, vbios } = parseGpuEvidence(base64urlDecode((await gpu.evidence({ nonce })).body)).report;
    const newer = { driver_version: driver, vbios_version: vbios.toLowerCase(), version: '1.0' };
    expect(await beside(newer)).toEqual([]);
    const members = JSON.parse(
      Buffer.from((await gpu.evidence({ nonce }, newer)).body, 'base64url').toString('utf8'),
    ) as [object];
    const first = utf8Encode(JSON.stringify({ version: '1.0', ...members[0] }));
    expect(detectTechnologies(first)).toEqual(['nvidia-gpu']);
    expect(detectTechnologies(utf8Encode('{"version":1,"tpm_quote":{}}'))).toEqual([]);
    expect(await beside({ ...newer, version: '2.0' })).toEqual(['nvidia-gpu/malformed']);
  });

  test('is malformed with other members, other types, several GPUs, or no certificates', async () => {
    const malformed = ['nvidia-gpu/malformed'];
    expect(await beside({ more: 'x' })).toEqual(malformed);
    expect(await beside({ certificate: '' })).toEqual(malformed);
    expect(await beside({ certificate: '!' })).toEqual(malformed);
    expect(await beside({ evidence: '' })).toEqual(malformed);
    const whole = Buffer.from((await gpu.evidence({ nonce })).body, 'base64url').toString('utf8');
    const [one] = JSON.parse(whole) as object[];
    for (const value of [[one, one], [], [7], 'x', null, { ...one, nonce: 7 }, { ...one, arch: undefined }]) {
      const body = base64urlEncode(utf8Encode(JSON.stringify(value)));
      expect(await reasons({ technology: 'nvidia-gpu', body }), JSON.stringify(value)?.slice(0, 40)).toEqual(
        malformed,
      );
    }
    const single = base64urlEncode(utf8Encode(JSON.stringify(one)));
    expect(await reasons({ technology: 'nvidia-gpu', body: single })).toEqual([]);
  });
});
