// The entry of a policy for TDX. Every register must be spoken of: a list of values (an empty one allows nothing), or the word
// `run` for the one that names the run.
import { z } from 'zod';
import { hex, platforms, revocation, runMembers, saysRun } from '../entry.ts';
import { flagsOf, intelMembers, listOf, listOrAny, listOrRun } from '../intel/entry.ts';

/** Bits of the TD attributes (Intel TDX Module ABI, "ATTRIBUTES"), but for the eight of debug, which must be zero. */
export const TD_FLAGS = {
  ICSSD: 16,
  LASS: 27,
  SEPT_VE_DISABLE: 28,
  MIGRATABLE: 29,
  PKS: 30,
  KL: 31,
  TPA: 62,
  PERFMON: 63,
} as const;

export const RUN_FIELDS = ['mrConfigId', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const;
export const tdxEntry = z
  .strictObject({
    technology: z.literal('tdx'),
    /** The firmware at launch. */
    mrTd: listOf(48),
    rtmr0: listOrRun(48),
    rtmr1: listOrRun(48),
    rtmr2: listOrRun(48),
    rtmr3: listOrRun(48),
    mrConfigId: listOrRun(48),
    mrOwner: listOf(48),
    mrOwnerConfig: listOf(48),
    /** Service TDs, which migrate the TD; zeros = none. */
    mrServiceTd: listOf(48),
    attributes: flagsOf(['ICSSD', 'LASS', 'SEPT_VE_DISABLE', 'MIGRATABLE', 'PKS', 'KL', 'TPA', 'PERFMON']),
    /** Values of XFAM as they lie in the quote. */
    xfam: listOf(8),
    /** TDX modules; Intel's statements name them by signer in any case. */
    mrSeam: listOrAny(48),
    /** Each byte of TEE_TCB_SVN must be at least this, of the module at launch and of the one that runs now. */
    minimumTeeTcbSvn: hex(16),
    ...intelMembers,
    platforms,
    revocation,
    ...runMembers,
  })
  .refine(saysRun, 'says either hostData: manifest or runBinding: software')
  .refine(
    (entry) =>
      RUN_FIELDS.filter((field) => entry[field] === 'run').length === (entry.hostData === undefined ? 0 : 1),
    'hostData: manifest needs the word run exactly once among mrConfigId and the registers, runBinding: software never',
  );

export type TdxEntry = z.infer<typeof tdxEntry>;
