// What a result of NVIDIA's attestation service must say: each of the service's own checks must be there and true, for every
// GPU, and the GPUs must be as many, of the models and with the versions that the entry names.
import type { JsonObject } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { flagAt, memberOf, objectAt, textAt } from '../jwt/claims.ts';
import type { Check } from '../types.ts';
import type { NrasEntry } from './entry.ts';
import type { NrasClaims } from './verify.ts';

/** The service's checks of the GPU's report. */
const REPORT = [
  'x-nvidia-gpu-arch-check',
  'x-nvidia-gpu-attestation-report-parsed',
  'x-nvidia-gpu-attestation-report-nonce-match',
  'x-nvidia-gpu-attestation-report-signature-verified',
  'x-nvidia-gpu-attestation-report-cert-chain-fwid-match',
] as const;
/** And of the reference manifests with which it compared the measurements. */
const MANIFESTS = [
  'x-nvidia-gpu-driver-rim-fetched',
  'x-nvidia-gpu-driver-rim-schema-validated',
  'x-nvidia-gpu-driver-rim-signature-verified',
  'x-nvidia-gpu-driver-rim-version-match',
  'x-nvidia-gpu-driver-rim-measurements-available',
  'x-nvidia-gpu-vbios-rim-fetched',
  'x-nvidia-gpu-vbios-rim-schema-validated',
  'x-nvidia-gpu-vbios-rim-signature-verified',
  'x-nvidia-gpu-vbios-rim-version-match',
  'x-nvidia-gpu-vbios-rim-measurements-available',
  'x-nvidia-gpu-vbios-index-no-conflict',
] as const;
const CHAINS = ['attestation-report', 'driver-rim', 'vbios-rim'] as const;

/** What is not true of these claims, for people. */
function untrue(device: JsonObject, names: readonly string[]): string {
  const bad = names.filter((name) => flagAt(device, name) !== true);
  return bad.length === 0 ? '' : `: ${bad.join(', ')}`;
}

function chainIsGood(device: JsonObject, name: string): boolean {
  const chain = objectAt(device, `x-nvidia-gpu-${name}-cert-chain`);
  return (
    textAt(chain, 'x-nvidia-cert-status') === 'valid' && textAt(chain, 'x-nvidia-cert-ocsp-status') === 'good'
  );
}

function noteDevice(
  checks: Checks,
  [name, device]: NrasClaims['devices'][number],
  { entry, nonce }: { entry: NrasEntry; nonce: string | undefined },
): void {
  const what = name.toLowerCase();
  const bound = nonce !== undefined && textAt(device, 'eat_nonce') === nonce;
  checks.check(`${what}/nonce`, 'freshness', bound, `${name}: the nonce is that of the overall token`);
  const report = untrue(device, REPORT);
  checks.check(`${what}/report`, 'device', report === '', `${name}: its report passed the service${report}`);
  const manifests = untrue(device, MANIFESTS);
  const referenced = `${name}: reference manifests of driver and VBIOS were verified${manifests}`;
  checks.check(`${what}/manifests`, 'device', manifests === '', referenced);
  const chains = CHAINS.every((chain) => chainIsGood(device, chain));
  checks.check(`${what}/chains`, 'device', chains, `${name}: no certificate is revoked or out of its time`);
  const measured = textAt(device, 'measres') === 'success';
  checks.check(
    `${what}/measurements`,
    'code',
    measured,
    `${name}: all measurements are those of the manifests`,
  );
  const plain = memberOf(device, 'x-nvidia-attestation-warning') === null;
  checks.check(`${what}/warning`, 'device', plain, `${name}: the service warns of nothing`);
  const off = textAt(device, 'dbgstat') === 'disabled';
  checks.check(`${what}/debug`, 'debug', off, `${name}: debugging is disabled`);
  const secure = flagAt(device, 'secboot') === true;
  checks.check(`${what}/secure-boot`, 'configuration', secure, `${name}: it was started with secure boot`);
  const listed = (list: readonly string[], claim: string) => list.includes(textAt(device, claim) ?? '');
  const model = listed(entry.hardware, 'hwmodel');
  checks.check(`${what}/hardware`, 'technology', model, `${name}: its model is one that the entry names`);
  const driver = listed(entry.driver, 'x-nvidia-gpu-driver-version');
  checks.check(`${what}/driver`, 'code', driver, `${name}: its driver is one that the entry names`);
  const vbios = listed(entry.vbios, 'x-nvidia-gpu-vbios-version');
  checks.check(`${what}/vbios`, 'tcb', vbios, `${name}: its VBIOS is one that the entry names`);
  const unit = textAt(device, 'ueid') !== undefined;
  checks.check(`${what}/identity`, 'device', unit, `${name}: it is named`);
}

export function appraiseNras(claims: NrasClaims, entry: NrasEntry): readonly Check[] {
  const checks = collectChecks('nvidia-nras');
  const { overall, devices } = claims;
  const whole = flagAt(overall, 'x-nvidia-overall-att-result') === true;
  checks.check('overall', 'device', whole, 'the service affirmed the whole');
  checks.check(
    'gpus',
    'configuration',
    devices.length === entry.gpus,
    `there are ${entry.gpus} GPUs, as the entry says`,
  );
  const units = new Set(devices.map(([, device]) => textAt(device, 'ueid')));
  checks.check('distinct', 'device', units.size === devices.length, 'no GPU stands for another one as well');
  const nonce = textAt(overall, 'eat_nonce');
  for (const device of devices) noteDevice(checks, device, { entry, nonce });
  return checks.list;
}
