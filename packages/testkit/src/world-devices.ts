// Rooms with GPUs of a made-up NVIDIA, beside any made-up platform: reports with the nonce that the room's evidence binds, the
// manifests that they are measured by, and answers on the revocation of each certificate; or tokens of a made-up service over
// that nonce. Everything can be changed.
import {
  deviceNonce,
  type DeviceDemand,
  type DeviceEvidence,
  type Entry,
  type Evidence,
  joinCollateral,
  readCollateral,
} from '@sealroom/attest';
import { base64urlEncode, type Bytes, utf8Encode } from '@sealroom/bytes';
import {
  FAKE_FIRMWARE,
  type FakeGpu,
  type FakeNvidia,
  gpuManifests,
  type ReportOptions,
} from './vendors/nvidia-gpu.ts';
import type { FakeNras, NrasOptions } from './vendors/nvidia-nras.ts';
import type { OcspOptions } from './vendors/issue-ocsp.ts';
import type { Bound, FakePlatform } from './world-hardware.ts';

type GpuDemand = Extract<DeviceDemand, { technology: 'nvidia-gpu' }>;
type TokenDemand = Extract<DeviceDemand, { technology: 'nvidia-nras' }>;

/** What a good GPU of the made-up vendor must be, by signed manifests and with its revocation known. */
export function gpuDemand(count: number, change: Partial<GpuDemand> = {}): GpuDemand {
  return {
    technology: 'nvidia-gpu',
    count,
    architectures: ['hopper'],
    drivers: ['590.12'],
    vbios: ['96.00.A5.00.01'],
    firmware: [FAKE_FIRMWARE],
    modes: ['single-gpu'],
    reference: { manifests: 'nvidia' },
    runBinding: 'software',
    platforms: { any: 'accepted' },
    revocation: 'required',
    ...change,
  };
}

export type DeviceChanges = {
  readonly demands?: readonly DeviceDemand[];
  /** Of the report of the GPU at this place. */
  readonly report?: (index: number) => Partial<ReportOptions>;
  /** What the host presents instead of what its GPUs said for this room. */
  readonly devices?: (good: readonly DeviceEvidence[], nonce: Bytes) => Promise<readonly DeviceEvidence[]>;
  /** What OCSP says of chip, provisioner and model (0 to 2) of the GPU at this place. */
  readonly ocsp?: (index: number, place: number) => Partial<OcspOptions>;
  /** Names of files that are not there: `driver.rim`, `vbios.rim`, `manifest.ocsp`, `0.ocsp` by GPU. */
  readonly missing?: readonly string[];
};

/** What NVIDIA publishes beside these GPUs, by file. */
export async function gpuCollateral(
  nvidia: FakeNvidia,
  gpus: readonly FakeGpu[],
  { ocsp, missing = [] }: Pick<DeviceChanges, 'ocsp' | 'missing'> = {},
) {
  const { driver, vbios } = await gpuManifests(nvidia);
  const files = [
    { name: 'driver.rim', bytes: utf8Encode(driver) },
    { name: 'vbios.rim', bytes: utf8Encode(vbios) },
  ];
  const answers = await Promise.all([
    nvidia
      .ocsp([...nvidia.manifestPath, nvidia.manifestRoot])
      .then((found) => found.map(({ bytes }) => ({ name: 'manifest.ocsp', bytes }))),
    ...gpus.map(async ({ path }, index) => {
      const found = await nvidia.ocsp([...path.slice(1), nvidia.root], (place) => ocsp?.(index, place) ?? {});
      return found.map(({ bytes }) => ({ name: `${index}.ocsp`, bytes }));
    }),
  ]);
  return [...files, ...answers.flat()].filter(({ name }) => !missing.includes(name));
}

/** The platform with these GPUs beside it. */
export async function withGpus(
  platform: FakePlatform,
  nvidia: FakeNvidia,
  gpus: readonly FakeGpu[],
  changes: DeviceChanges = {},
): Promise<FakePlatform> {
  const { demands = [gpuDemand(gpus.length)], report, devices: present } = changes;
  const files = await gpuCollateral(nvidia, gpus, changes);
  return {
    ...platform,
    roots: { ...platform.roots, ...nvidia.roots },
    entry: { ...platform.entry, devices: [...demands] } as Entry,
    collateral: joinCollateral(platform.collateral, readCollateral(files)),
    async prove(bound: Bound): Promise<Evidence> {
      const nonce = await deviceNonce(bound.reportData);
      const good = await Promise.all(gpus.map((gpu, index) => gpu.evidence({ nonce, ...report?.(index) })));
      const shown = present ? await present(good, nonce) : good;
      return { ...(await platform.prove(bound)), ...(shown.length > 0 && { devices: shown }) };
    },
  };
}

/** What a token of the made-up service must say of this many GPUs. */
export function tokenDemand(gpus: number, change: Partial<TokenDemand> = {}): TokenDemand {
  return {
    technology: 'nvidia-nras',
    keys: 'published',
    gpus,
    hardware: ['GH100 A01 GSP BROM'],
    driver: ['550.90.07'],
    vbios: ['96.00.9F.00.01'],
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: { any: 'accepted' },
    runBinding: 'software',
    ...change,
  };
}

export type TokenChanges = {
  readonly demands?: readonly DeviceDemand[];
  /** Whose token is shown, instead of the service's of the platform. */
  readonly service?: FakeNras;
  /** What it says over this nonce, instead of two good GPUs. */
  readonly result?: (nonce: Bytes, service: FakeNras) => NrasOptions;
  /** What the room has its devices asked with. */
  readonly nonce?: (good: Bytes) => Bytes;
};

/** The platform with a token of this service about two GPUs beside it. Its key set is the verifier's to have. */
export function withToken(
  platform: FakePlatform,
  service: FakeNras,
  changes: TokenChanges = {},
): FakePlatform {
  const { demands = [tokenDemand(2)], service: shown = service, nonce: change = (good) => good } = changes;
  const { result = (nonce) => ({ devices: ['1', '2'].map((name) => shown.device(nonce, name)) }) } = changes;
  return {
    ...platform,
    entry: { ...platform.entry, devices: [...demands] } as Entry,
    async prove(bound: Bound): Promise<Evidence> {
      const nonce = change(await deviceNonce(bound.reportData));
      const body = base64urlEncode(await shown.result(nonce, result(nonce, shown)));
      return { ...(await platform.prove(bound)), devices: [{ technology: 'nvidia-nras', body }] };
    },
  };
}
