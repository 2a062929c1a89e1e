// The entry of a policy for Azure confidential VMs: an entry for the hardware, the registers of the TPM, and the configuration
// that the paravisor claims. The hardware's own fields cannot name a run here, so its entry says `runBinding: software`.
import { z } from 'zod';
import { hex, runMembers, saysRun } from '../entry.ts';
import { namesRunRegister, pinnedRegisters, runRegister } from '../tpm/registers.ts';
import { sevSnpEntry } from '../sev-snp/entry.ts';
import { tdxEntry } from '../tdx/entry.ts';

const hardware = z
  .discriminatedUnion('technology', [sevSnpEntry, tdxEntry])
  .refine(
    ({ runBinding }) => runBinding === 'software',
    'the hardware of Azure cannot name a run: say runBinding: software',
  )
  // The guest runs above it: what it asks for itself would name any key as the TPM's.
  .refine(
    (entry) => entry.technology !== 'sev-snp' || entry.vmpl === 0,
    'the paravisor asks at vmpl 0, and only it may name the key of the TPM',
  );

export const azureEntry = z
  .strictObject({
    technology: z.literal('azure-cvm'),
    hardware,
    pcrs: pinnedRegisters,
    /** Least firmware version of the TPM. */
    minFirmware: hex(8),
    /** Secure boot decides which loaders run beside those that the registers name. */
    secureBoot: z.enum(['required', 'accepted']),
    /** The serial console, on which the machine's operator can type. */
    console: z.enum(['forbidden', 'accepted']),
    ...runMembers,
    runRegister,
  })
  .refine(saysRun, 'exactly one of hostData and runBinding must be said')
  .refine(namesRunRegister, 'runRegister belongs to hostData, needs the bank sha256, and is not pinned');

export type AzureEntry = z.infer<typeof azureEntry>;

/** Accepts the hardware's report and the claims that it vouches for, and looks at no quote. */
export const reportEntry = z.strictObject({
  technology: z.literal('azure-cvm'),
  only: z.literal('report'),
  hardware,
});
