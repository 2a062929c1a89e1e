// Names of needs: one form a kind, and nothing from evidence gets through that is not of that form.
import { AttestError } from '../error.ts';
import { expect, test } from 'vitest';
import { type Need, needName, needsOf } from './need.ts';

const TCB = { fmc: 0, bootloader: 4, tee: 0, snp: 24, microcode: 219 };
const CHIP = 'ab'.repeat(64);

test.each<[Need, string]>([
  [{ kind: 'amd-chain', product: 'Milan', key: 'vcek' }, 'amd-chain_vcek_Milan'],
  [{ kind: 'amd-crl', product: 'Turin', key: 'vlek' }, 'amd-crl_vlek_Turin'],
  [
    { kind: 'amd-vcek', product: 'Genoa', chip: CHIP, tcb: TCB },
    `amd-vcek_Genoa_${'ab'.repeat(16)}_00040018db`,
  ],
  [
    { kind: 'amd-vcek', product: 'Turin', chip: 'cd'.repeat(8), tcb: { ...TCB, fmc: 1 } },
    `amd-vcek_Turin_${'cd'.repeat(8)}_01040018db`,
  ],
  [{ kind: 'intel-tcb-info', tee: 'tdx', fmspc: '00906ed50000' }, 'intel-tcb-info_tdx_00906ed50000'],
  [{ kind: 'intel-identity', tee: 'sgx' }, 'intel-identity_sgx'],
  [{ kind: 'intel-signer' }, 'intel-signer'],
  [{ kind: 'intel-pck-crl', ca: 'processor' }, 'intel-pck-crl_processor'],
  [{ kind: 'intel-root-crl' }, 'intel-root-crl'],
  [
    { kind: 'key-set', issuer: 'https://sharedeus.eus.attest.azure.net' },
    'key-set_sharedeus.eus.attest.azure.net',
  ],
  [
    { kind: 'nvidia-manifest', product: 'GH100', version: '590.12', id: 'NV_GPU_DRIVER_GH100_590.12' },
    'nvidia-manifest_GH100_590.12',
  ],
])('%j is found under %s', (need, name) => {
  expect(needName(need)).toBe(name);
});

test.each([
  { kind: 'amd-chain', product: '../Milan', key: 'vcek' },
  { kind: 'amd-chain', product: 'milan', key: 'vcek' },
  { kind: 'amd-crl', product: 'Milan', key: 'vcek/../x' },
  { kind: 'amd-vcek', product: 'Milan', chip: `${CHIP}/`, tcb: TCB },
  { kind: 'amd-vcek', product: 'Milan', chip: CHIP.toUpperCase(), tcb: TCB },
  { kind: 'amd-vcek', product: 'Turin', chip: CHIP, tcb: TCB },
  { kind: 'amd-vcek', product: 'Milan', chip: CHIP, tcb: { ...TCB, fmc: 1 } },
  { kind: 'amd-vcek', product: 'Milan', chip: CHIP, tcb: { ...TCB, snp: 256 } },
  { kind: 'amd-vcek', product: 'Milan', chip: CHIP, tcb: { ...TCB, tee: -1 } },
  { kind: 'amd-vcek', product: 'Milan', chip: CHIP, tcb: { ...TCB, tee: 1.5 } },
  { kind: 'intel-tcb-info', tee: 'tdx', fmspc: '00906ed5000' },
  { kind: 'intel-tcb-info', tee: 'tdx', fmspc: '00906ed5000&' },
  { kind: 'intel-tcb-info', tee: 'tdx/..', fmspc: '00906ed50000' },
  { kind: 'intel-pck-crl', ca: 'platform&x=1' },
  { kind: 'key-set', issuer: 'http://a.example' },
  { kind: 'key-set', issuer: 'https://a.example/certs' },
  { kind: 'key-set', issuer: 'https://a.example:444' },
  { kind: 'key-set', issuer: 'https://user@a.example' },
  { kind: 'key-set', issuer: 'https://a_b.example' },
  { kind: 'key-set', issuer: `https://${'a'.repeat(100)}.example` },
  { kind: 'nvidia-manifest', product: 'GH100', version: '1', id: 'ids' },
  { kind: 'nvidia-manifest', product: 'GH100', version: '1', id: 'NV_GPU_DRIVER/..' },
  { kind: 'nvidia-manifest', product: 'GH100', version: '1', id: 'NV_GPU_DRIVER?a' },
  { kind: 'nvidia-manifest', product: 'GH_100', version: '1', id: 'NV_GPU_A' },
  { kind: 'nvidia-manifest', product: 'GH100', version: '1/2', id: 'NV_GPU_A' },
  { kind: 'nvidia-manifest', product: 'GH100', version: '', id: 'NV_GPU_A' },
])('%j is refused', (need) => {
  expect(() => needName(need as Need)).toThrow(AttestError);
});

test.each(['', 'AAAA', '!!!', 'A'.repeat(4000)])('bytes that are no evidence need nothing (%s)', (body) => {
  for (const technology of ['simulated', 'tdx', 'sgx', 'sev-snp', 'azure-cvm', 'azure-maa'] as const)
    expect(needsOf({ technology, body })).toEqual([]);
});
