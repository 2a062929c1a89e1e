// Members that policy entries for TDX and SGX share, and the checks of them.
import { z } from 'zod';
import type { Checks } from '../checks.ts';
import { hex } from '../entry.ts';
import type { Claims } from '../types.ts';
import type { Platform } from './pck.ts';
import { STATUSES } from './statements.ts';
import type { Rating } from './tcb.ts';

const any = z.strictObject({ any: z.literal('accepted') });
const evaluationNumber = z.int().min(1).max(1_000_000);

/** Acceptable values of a field; an empty list allows nothing. */
export const listOf = (bytes: number) => z.array(hex(bytes)).max(256);

export const listOrAny = (bytes: number) => z.union([listOf(bytes), any]);

export type List = readonly string[] | { readonly any: 'accepted' };

/** The word by which an entry says that a field names the run, instead of listing its values. */
export const listOrRun = (bytes: number) => z.union([listOf(bytes), z.literal('run')]);

/** Flags by name: those that may be set, and those that must. Any other that is set is refused. */
export const flagsOf = <const N extends string>(names: readonly [N, ...N[]]) =>
  z.strictObject({ allowed: z.array(z.enum(names)).max(64), required: z.array(z.enum(names)).max(64) });

export const intelMembers = {
  /** Families of platforms (FMSPC), six bytes each. */
  fmspc: listOrAny(6),
  /** Whether several threads of a core may run at once, as the PCK certificate says it. */
  smt: z.enum(['accepted', 'disabled']),
  tcb: z.strictObject({
    statuses: z.array(z.enum(STATUSES)).max(STATUSES.length),
    /** The least tcbEvaluationDataNumber of TCB info and identity: older statements, although in date, are refused. */
    minimumEvaluationNumber: evaluationNumber,
    /** Advisories that the platform may be open to. */
    advisories: z.strictObject({ allowed: z.array(z.string().min(1).max(64)).max(512) }),
  }),
};

export type IntelEntry = {
  readonly fmspc: List;
  readonly smt: 'accepted' | 'disabled';
  readonly tcb: {
    readonly statuses: readonly string[];
    readonly minimumEvaluationNumber: number;
    readonly advisories: { readonly allowed: readonly string[] };
  };
};

export function inList(list: List, value: string): boolean {
  return Array.isArray(list) ? list.includes(value) : true;
}

/** What Intel says of the platform, and what its certificate says; undefined what could not be found out. */
export type IntelClaims = {
  readonly platform: Platform;
  readonly tcb:
    | {
        /** undefined = the platform reaches no level. */
        readonly level: Rating | undefined;
        readonly module: { readonly genuine: boolean; readonly rating: Rating | undefined } | undefined;
        readonly qe: Rating | undefined;
        /** All of them in one; undefined when one is missing. */
        readonly rating: Rating | undefined;
        /** The lower of the two statements'. */
        readonly evaluationNumber: number;
      }
    | undefined;
};

/** Of the name of a platform: the PPID, which a factory reset does not change. */
export function platformName(technology: 'sgx' | 'tdx', { ppid }: Platform): string {
  return `${technology}:ppid:${ppid}`;
}

export function noteTcb(checks: Checks, { tcb }: IntelClaims, entry: IntelEntry['tcb']): void {
  if (!tcb) {
    checks.skip('tcb/status', 'tcb', 'without Intel’s current statements the platform has no TCB status');
    return;
  }
  const { level, module, qe, rating } = tcb;
  checks.check('tcb/level', 'tcb', level !== undefined, 'the platform reaches a level of the TCB info');
  checks.check('tcb/qe', 'tcb', qe !== undefined, 'the quoting enclave reaches a level of its identity');
  if (module) {
    checks.check('tcb/module', 'code', module.genuine, 'the TDX module is one that Intel names');
    checks.check(
      'tcb/module-level',
      'tcb',
      module.rating !== undefined,
      'the TDX module reaches a level of its identity',
    );
  }
  const enough = tcb.evaluationNumber >= entry.minimumEvaluationNumber;
  checks.check(
    'tcb/evaluation-number',
    'tcb',
    enough,
    `Intel’s statements are of evaluation ${entry.minimumEvaluationNumber} or later`,
  );
  if (!rating) return;
  const accepted = entry.statuses.includes(rating.status);
  checks.check('tcb/status', 'tcb', accepted, `the TCB status ${rating.status} is one that is accepted`);
  const open = rating.advisories.filter((one) => !entry.advisories.allowed.includes(one));
  const list = open.map((one) => JSON.stringify(one)).join(', ');
  checks.check(
    'tcb/advisories',
    'tcb',
    open.length === 0,
    list === '' ? 'no advisory stands open that is not accepted' : `advisories stand open: ${list}`,
  );
}

export function notePlatform(checks: Checks, { platform }: IntelClaims, { fmspc, smt }: IntelEntry): void {
  checks.check(
    'fmspc',
    'platform',
    inList(fmspc, platform.fmspc),
    'the platform is of a family that is accepted',
  );
  const single = platform.configuration?.smt === false;
  checks.check(
    'smt',
    'configuration',
    smt === 'accepted' || single,
    'threads of a core are as the entry wants them',
  );
}

/** Names of the flags that are set in a field of 64 bits (little-endian), and whether a bit without a name is set. */
export function flagsIn(
  field: Uint8Array,
  names: { readonly [name: string]: number },
): { readonly set: readonly string[]; readonly unknown: boolean } {
  const bit = (at: number) => (((field[at >> 3] ?? 0) >> (at & 7)) & 1) === 1;
  const known = Object.entries(names);
  const set = known.filter(([, at]) => bit(at)).map(([name]) => name);
  const bits = Array.from({ length: 64 }, (_, at) => at).filter(bit);
  return { set, unknown: bits.length !== set.length };
}

export function noteFlags(
  checks: Checks,
  { set, unknown }: { readonly set: readonly string[]; readonly unknown: boolean },
  { allowed, required }: { readonly allowed: readonly string[]; readonly required: readonly string[] },
): void {
  const extra = set.filter((name) => !allowed.includes(name) && !required.includes(name));
  checks.check(
    'attributes',
    'configuration',
    !unknown && extra.length === 0,
    'no attribute is set that the entry does not name',
  );
  const missing = required.filter((name) => !set.includes(name));
  checks.check(
    'attributes/required',
    'configuration',
    missing.length === 0,
    'the attributes that the entry requires are set',
  );
}

/** Signed claims of the platform, for display. */
export function platformClaims({ platform, tcb }: IntelClaims): Claims['signed'] {
  const { configuration, instance } = platform;
  return {
    fmspc: platform.fmspc,
    ppid: platform.ppid,
    pceId: platform.pceId,
    pceSvn: platform.pceSvn,
    cpuSvn: platform.cpuSvn,
    sgxType: platform.sgxType,
    ...(instance === undefined ? {} : { platformInstanceId: instance }),
    ...(configuration === undefined
      ? {}
      : {
          dynamicPlatform: configuration.dynamic,
          cachedKeys: configuration.cachedKeys,
          smtEnabled: configuration.smt,
        }),
    ...(tcb?.rating === undefined
      ? {}
      : {
          tcbStatus: tcb.rating.status,
          advisories: tcb.rating.advisories,
          tcbDate: new Date(tcb.rating.date).toISOString(),
          tcbEvaluationDataNumber: tcb.evaluationNumber,
        }),
  };
}
