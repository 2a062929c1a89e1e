// The entry of a policy for AWS Nitro Enclaves. PCR0 (the image), PCR1 (kernel and boot) and PCR2 (the application) are always
// pinned; any other register by its index: 3 the instance's role, 4 the instance, 8 the image's signer, from 16 on what the
// application extended. There is no floor of firmware: AWS signs no version of the hypervisor or the card.
import { z } from 'zod';
import { hex, platforms, revocation, runMembers, saysRun } from '../entry.ts';

const pcr = hex(48);
/** A register that nothing was extended into is all zeros; for 0 to 2 that is the debug mode. */
const measured = pcr.refine((value) => /[^0]/.test(value), 'a register of zeros measures nothing');
const list = z.array(pcr).max(64);
const measuredList = z.array(measured).max(64);
const others = Object.fromEntries(
  Array.from({ length: 29 }, (_, index) => [String(index + 3), list.optional()]),
);

export const nitroEntry = z
  .strictObject({
    technology: z.literal('aws-nitro'),
    pcrs: z.strictObject({ ...others, 0: measuredList, 1: measuredList, 2: measuredList }),
    /** How old a document may be. */
    maxAgeSeconds: z.number().int().min(1).max(86_400),
    revocation,
    platforms,
    ...runMembers,
    /** With `hostData: manifest`: the register that was extended with SHA-256 of the manifest once, and locked. */
    runRegister: z.number().int().min(16).max(31).optional(),
  })
  .refine(saysRun, 'say either hostData or runBinding')
  .refine(
    ({ hostData, runRegister }) => (hostData === undefined) === (runRegister === undefined),
    'runRegister goes with hostData',
  );

export type NitroEntry = z.infer<typeof nitroEntry>;

/** The lists of an entry by register. */
export function pinnedPcrs({ pcrs }: NitroEntry): [number, readonly string[]][] {
  return Object.entries(pcrs).map(([index, values]) => [Number(index), values as readonly string[]]);
}
