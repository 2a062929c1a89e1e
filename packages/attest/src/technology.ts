// The table of technologies, each in a folder of its own, and what all of them offer. A technology that is not in it does
// not exist for policies, contracts or the CLI.
import { z } from 'zod';
import { nitroEntry } from './aws-nitro/entry.ts';
import { nitro } from './aws-nitro/technology.ts';
import { maaEntry } from './azure-maa/entry.ts';
import { maa } from './azure-maa/technology.ts';
import type { Collateral } from './collateral.ts';
import type { Platforms, RunMembers } from './entry.ts';
import { confidentialSpaceEntry } from './gcp-confidential-space/entry.ts';
import { confidentialSpace } from './gcp-confidential-space/technology.ts';
import { type NrasEntry, nrasEntry } from './nvidia-nras/entry.ts';
import { nras } from './nvidia-nras/technology.ts';
import { azureEntry, reportEntry } from './azure-cvm/entry.ts';
import { azureCvm } from './azure-cvm/technology.ts';
import { sevSnpEntry } from './sev-snp/entry.ts';
import { sevSnp } from './sev-snp/technology.ts';
import { type GpuEntry, gpuEntry } from './nvidia-gpu/entry.ts';
import { nvidiaGpu } from './nvidia-gpu/technology.ts';
import { simulated, simulatedEntry } from './simulated/technology.ts';
import { chainEntry, tpm, tpmEntry } from './tpm/technology.ts';
import { sgxEntry } from './sgx/entry.ts';
import { sgx } from './sgx/technology.ts';
import { tdxEntry } from './tdx/entry.ts';
import { tdx } from './tdx/technology.ts';
import type { Vendor } from './roots/roots.ts';
import type { Need, There } from './supply/need.ts';
import type { Category, Check, Claims, Context, Technology, Verified } from './types.ts';

/**
 * @template P evidence taken apart; nothing is authenticated
 * @template C what the signer signed
 * @template E entry of a policy
 */
export type TechnologyOf<P, C extends Claims, E> = {
  readonly name: Technology;
  /** For people. */
  readonly title: string;
  /** Whether it proves something about hardware. */
  readonly hardware: boolean;
  /** Whether it is of a device, which proves nothing of a room. */
  readonly device?: true;
  /** Categories that must have a check that passed (`run`, `binding` and `platform` always must). */
  readonly needs: readonly Category[];
  /** Whether bytes look like this technology's evidence: cheap, and true of every well-formed one. */
  detect(bytes: Uint8Array): boolean;
  /** @throws AttestError */
  parse(bytes: Uint8Array): P;
  /** Who signed it, under the pinned roots and the entry's revocation rule. Never throws for bad evidence. */
  verify(parsed: P, entry: E, context: Context): Promise<Verified<C>>;
  /** Debug, code, floors, configuration: all checks are made and told. */
  appraise(claims: C, entry: E, context: Context): Promise<readonly Check[]>;
  /**
   * Whether the signed field that the entry names holds the run (`hostData: manifest`), where that is not always
   * `claims.hostData`, such as a register that was extended once.
   */
  holdsRun?(claims: C, entry: E, run: Uint8Array): Promise<boolean>;
  /** What must be had beside the evidence, by what it and what is there already say; unauthenticated. Absent: nothing. */
  supplies?(parsed: P, there: There): readonly Need[];
  /** Whose certificates and lists may be needed beside it although no service is asked for them: they are imported. */
  readonly vendors?: readonly Vendor[];
  /** Verifies a part of evidence under an entry of partEntrySchema; it says nothing of a room. */
  verifyPart?(parsed: P, entry: PartEntry, context: Context): Promise<Omit<Verified<C>, 'claims'>>;
  /** An entry for what is only a part of evidence, with what stands beside it; undefined for whole evidence. */
  pinPart?(parsed: P, beside?: Collateral): PartEntry | undefined;
  /**
   * An entry that accepts exactly this evidence, as a start for a policy; unauthenticated. Certificates beside it say what some
   * evidence leaves out. @throws AttestError for a part
   */
  pin(parsed: P, beside?: Collateral): E;
};

/** Pieces of evidence of devices beside a room's own. */
export const MOST_DEVICES = 16;

export type DeviceDemand = z.infer<typeof demand>;

/** A demand once for each piece of evidence that it wants. */
export function demandsOf(demand: DeviceDemand): DeviceDemand[] {
  return Array.from({ length: 'count' in demand ? demand.count : 1 }, () => demand);
}

/** A kind of device that a room must have, and how many of it; a token of a service says by itself of how many it tells. */
const demand = z.discriminatedUnion('technology', [
  gpuEntry.extend({ count: z.int().min(1).max(MOST_DEVICES) }),
  nrasEntry,
]);

/**
 * For an entry for rooms: without it, a room with devices is refused; with it, any other number of them is. Reports and tokens
 * name a device differently, so that one device could stand for two where both kinds are taken.
 */
const devices = z
  .array(demand)
  .min(1)
  .max(4)
  .refine(
    (demands) => new Set(demands.map(({ technology }) => technology)).size === 1,
    'all devices of a room are proven in one way',
  )
  .refine(
    (demands) => demands.flatMap(demandsOf).length <= MOST_DEVICES,
    'more pieces of evidence than a room can bring',
  )
  .optional();

/** The entry of a contract or policy for rooms, by technology. */
export const entrySchema = z.discriminatedUnion('technology', [
  simulatedEntry.safeExtend({ devices }),
  nitroEntry.safeExtend({ devices }),
  maaEntry.safeExtend({ devices }),
  confidentialSpaceEntry.safeExtend({ devices }),
  tdxEntry.safeExtend({ devices }),
  sgxEntry.safeExtend({ devices }),
  sevSnpEntry.safeExtend({ devices }),
  tpmEntry.safeExtend({ devices }),
  azureEntry.safeExtend({ devices }),
]);
export type Entry = z.infer<typeof entrySchema>;

/**
 * Whether the entry itself names the keys that vouch for the room, so that no vendor's root stands behind it: keys of a token
 * service by their thumbprints, also for devices, or attestation keys of TPMs by their names. It is worth what its author is.
 */
export function namesOwnKeys(entry: Entry): boolean {
  const lists = (one: Entry | DeviceDemand) => 'keys' in one && Array.isArray(one.keys);
  const own = entry.technology === 'tpm' ? 'names' in entry.ak : lists(entry);
  return own || (entry.devices ?? []).some(lists);
}

/** What a policy may name: also devices alone, which no contract accepts. */
export const policyEntrySchema = z.union([entrySchema, gpuEntry, nrasEntry]);
export type PolicyEntry = Entry | GpuEntry | NrasEntry;

/**
 * Entries for parts of evidence, such as a key's certificates. They are no entries for rooms: no contract has such a form, and
 * a policy that has one binds nothing.
 */
export const partEntrySchema = z.discriminatedUnion('only', [chainEntry, reportEntry]);
export type PartEntry = z.infer<typeof partEntrySchema>;

/** What appraise.ts reads of any entry. */
export type CommonEntry = RunMembers & {
  readonly platforms?: Platforms | undefined;
  readonly devices?: readonly DeviceDemand[] | undefined;
};

/** A technology with its types forgotten; only what its own `parse` and schema gave may be put into it. */
export type AnyTechnology = TechnologyOf<unknown, Claims, unknown>;

const TABLE: readonly AnyTechnology[] = [
  simulated,
  tdx,
  sgx,
  sevSnp,
  tpm,
  azureCvm,
  nitro,
  maa,
  confidentialSpace,
  nras,
  nvidiaGpu,
];

export function technologyOf(name: Technology): AnyTechnology {
  const found = TABLE.find((one) => one.name === name);
  if (!found) throw new TypeError('A technology is missing from the table.');
  return found;
}

/** The technologies whose evidence these bytes may be. */
export function detectTechnologies(bytes: Uint8Array): readonly Technology[] {
  return TABLE.filter((one) => one.detect(bytes)).map(({ name }) => name);
}
