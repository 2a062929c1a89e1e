// What must hold of an authentic GPU. Its measurements are compared index by index with reference values: those that the
// policy lists, or those of NVIDIA's verified manifests by the rules of NVIDIA's attestation SDK (gpu/verify.cpp): every
// active index of both manifests, any alternative, no index in both, and index 35 (NVDEC0's) only where NVDEC0 is enabled.
// A report has no debug bit; as NVIDIA does, a GPU is taken to be out of debug modes when it measures as released.
import { collectChecks } from '../checks.ts';
import type { Check } from '../types.ts';
import type { GpuEntry, GpuValues } from './entry.ts';
import type { Golden, References } from './references.ts';
import type { GpuClaims } from './verify.ts';

const NVDEC0_INDEX = 35;

/** Indices whose measurement is not one of the values that are right. */
function differing(golden: Golden, { measurements, nvdec0 }: GpuClaims): number[] {
  return [...golden]
    .filter(([index]) => index !== NVDEC0_INDEX || nvdec0 === 'enabled')
    .filter(([index, values]) => !values.includes(measurements.get(index) ?? ''))
    .map(([index]) => index);
}

function named(indices: readonly number[]): string {
  return indices.length === 0 ? '' : ` (not at ${indices.slice(0, 16).join(', ')})`;
}

type Compared = { readonly id: string; readonly good: boolean; readonly detail: string }[];

function byManifests({ driver, vbios }: References, claims: GpuClaims): Compared {
  const both = [...(driver?.keys() ?? [])].filter((index) => vbios?.has(index));
  const compare = (golden: Golden | undefined, what: string) => {
    const wrong = golden ? differing(golden, claims) : [];
    const good = golden !== undefined && golden.size > 0 && wrong.length === 0;
    return {
      id: `measurements/${what}`,
      good,
      detail: `the GPU measures as the manifest of its ${what} says${named(wrong)}`,
    };
  };
  return [
    {
      id: 'measurements/conflict',
      good: both.length === 0,
      detail: `no index is in both manifests${named(both)}`,
    },
    compare(driver, 'driver'),
    compare(vbios, 'vbios'),
  ];
}

/** Every index of the report must be named by the list, and every one that the list names must be in the report. */
function wrongValues(values: GpuValues, { measurements }: GpuClaims): number[] {
  const indices = new Set([...measurements.keys(), ...Object.keys(values).map(Number)]);
  return [...indices].filter((index) => {
    const allowed = values[String(index)];
    const measured = measurements.get(index);
    if (allowed === undefined || measured === undefined) return true;
    return allowed !== 'ignored' && !allowed.includes(measured);
  });
}

function byValues(lists: readonly GpuValues[], claims: GpuClaims): Compared {
  const wrong = lists.map((values) => wrongValues(values, claims)).toSorted((a, b) => a.length - b.length);
  const good = wrong[0]?.length === 0;
  return [
    {
      id: 'measurements/values',
      good,
      detail: `the GPU measures as the policy lists${named(wrong[0] ?? [])}`,
    },
  ];
}

export function appraiseGpu(claims: GpuClaims, entry: GpuEntry): readonly Check[] {
  const checks = collectChecks('nvidia-gpu');
  const { reference, firmware } = entry;
  const compared =
    'values' in reference
      ? byValues(reference.values, claims)
      : byManifests(claims.references ?? { driver: undefined, vbios: undefined }, claims);
  for (const { id, good, detail } of compared) checks.check(id, 'code', good, detail);
  const released = compared.every(({ good }) => good);
  checks.check('debug', 'debug', released, 'the GPU measures as released, which no debug mode does');
  const says = (id: string, good: boolean, detail: string) => checks.check(id, 'tcb', good, detail);
  says('driver', entry.drivers.includes(claims.driver), 'the driver’s version is one this entry names');
  says('vbios', entry.vbios.includes(claims.vbios), 'the VBIOS’s version is one this entry names');
  const known = 'any' in firmware || firmware.includes(claims.firmware);
  says('firmware', known, 'the firmware that holds the signing key is one this entry names');
  const configured = (id: string, good: boolean, detail: string) =>
    checks.check(id, 'configuration', good, detail);
  configured(
    'architecture',
    entry.architectures.includes(claims.architecture),
    'the architecture is one this entry names',
  );
  configured(
    'mode',
    entry.modes.includes(claims.mode),
    'the GPU’s confidential mode is one this entry names',
  );
  return checks.list;
}
