// The entry of a policy for SGX: either the enclave itself, or its signer with product and least version; configuration and
// attributes; the run is named by CONFIGID, which key separation and sharing (KSS) lets the loader fix.
import { z } from 'zod';
import { hex, platforms, revocation, runMembers, saysRun } from '../entry.ts';
import { flagsOf, intelMembers, listOf, listOrRun } from '../intel/entry.ts';

/** Bits of ATTRIBUTES (Intel SDM volume 3D, section 36.7.1) but for DEBUG, which must be clear. */
export const SGX_FLAGS = {
  INIT: 0,
  MODE64BIT: 2,
  PROVISION_KEY: 4,
  EINITTOKEN_KEY: 5,
  CET: 6,
  KSS: 7,
  AEX_NOTIFY: 10,
} as const;

const number = z.int().min(0).max(65_535);

export const sgxEntry = z
  .strictObject({
    technology: z.literal('sgx'),
    enclave: z.union([
      z.strictObject({ mrEnclave: listOf(32) }),
      z.strictObject({ mrSigner: listOf(32), prodId: z.array(number).max(256), minimumSvn: number }),
    ]),
    attributes: flagsOf(['INIT', 'MODE64BIT', 'PROVISION_KEY', 'EINITTOKEN_KEY', 'CET', 'KSS', 'AEX_NOTIFY']),
    /** Values of XFRM as they lie in the quote. */
    xfrm: listOf(8),
    miscSelect: listOf(4),
    configId: listOrRun(64),
    minimumConfigSvn: number,
    /** The least CPUSVN, each byte of it, at which the enclave ran. */
    minimumCpuSvn: hex(16),
    ...intelMembers,
    platforms,
    revocation,
    ...runMembers,
  })
  .refine(saysRun, 'says either hostData: manifest or runBinding: software')
  .refine(
    ({ configId, hostData }) => (configId === 'run') === (hostData === 'manifest'),
    'hostData: manifest needs configId to be the word run, runBinding: software a list',
  );

export type SgxEntry = z.infer<typeof sgxEntry>;
