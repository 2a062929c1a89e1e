// The entry of a policy for tokens of Microsoft Azure Attestation. `form` says where the token tells of the hardware: `guest` =
// a VM's own report in x-ms-isolation-tee, beside what its TPM says; `direct` = at the top, as for containers. The policy of
// the provider, which decided what a token may be issued for, is pinned by its hash.
import { z } from 'zod';
import { hex, launchData, platforms, revocation, runMembers, saysLaunchData, saysRun } from '../entry.ts';
import { tokenKeys } from '../jwt/verify.ts';

const svn = z.number().int().min(0).max(255);
const measurements = z.array(hex(48)).max(64);

const sevSnp = z.strictObject({
  type: z.literal('sevsnpvm'),
  /** Launch measurements; of a VM it is the paravisor's only. */
  launch: measurements,
  /** The lowest security version of each part of the firmware. */
  minimumTcb: z.strictObject({ bootloader: svn, tee: svn, snp: svn, microcode: svn }),
});

const tdx = z.strictObject({
  type: z.literal('tdxvm'),
  mrtd: measurements,
  rtmrs: z.tuple([measurements, measurements, measurements, measurements]),
  mrOwner: launchData(48),
  mrOwnerConfig: launchData(48),
  /** The lowest TEE_TCB_SVN, component by component: sixteen bytes. */
  minimumTcb: hex(16),
  /** Words of attester_tcb_status that are acceptable, such as UpToDate. */
  tcbStatus: z.array(z.string().min(1).max(100)).max(16),
});

/**
 * What a VM's token says of the guest above the paravisor: not what runs there. The provider's policy, which is pinned, must decide
 * on that by registers of the TPM, and these must be among those that the token says were looked at.
 */
const guest = z.strictObject({
  registers: z.array(z.int().min(0).max(23)).min(1).max(24),
  /** The serial console, on which the machine's operator can type. */
  console: z.enum(['forbidden', 'accepted']),
});

export const maaEntry = z
  .strictObject({
    technology: z.literal('azure-maa'),
    /** The provider's address, compared exactly with `iss`. */
    issuer: z.string().regex(/^https:\/\/[a-z0-9.-]{1,200}$/),
    keys: tokenKeys,
    /** Hashes (x-ms-policy-hash, base64url) of provider policies. */
    policyHash: z.array(z.string().regex(/^[A-Za-z0-9_-]{43}$/)).max(64),
    form: z.enum(['guest', 'direct']),
    /** With the form `guest`, and only with it. */
    guest: guest.optional(),
    /** Words of x-ms-compliance-status that are acceptable, such as azure-compliant-cvm. */
    compliance: z.array(z.string().min(1).max(100)).max(16),
    tee: z.discriminatedUnion('type', [sevSnp, tdx]),
    maxAgeSeconds: z.number().int().min(1).max(28_800),
    revocation,
    platforms,
    ...runMembers,
    /** Values of host data, or of MRCONFIGID, where they do not name the run. */
    launchData: launchData(32, 48),
  })
  .refine(saysRun, 'say either hostData or runBinding')
  .refine(saysLaunchData, 'launchData belongs to runBinding: software')
  .refine(
    ({ form, guest: said }) => (form === 'guest') === (said !== undefined),
    'guest belongs to the form guest, where it must say registers and console',
  );

export type MaaEntry = z.infer<typeof maaEntry>;
