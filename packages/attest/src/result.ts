// The result of an appraisal as a document, after EAR (draft-ietf-rats-ear) and AR4SI (draft-ietf-rats-ar4si): a status and a
// trustworthiness vector, all reasons at once, only signed claims, the collateral with its windows, and how long it may be
// believed. It is not signed here, and it says nothing about what the policy does not ask for.
import type { Digest } from '@sealroom/bytes';
import { type Appraisal, isReason, type Submodule } from './appraise.ts';
import { type Policy, policyDigest } from './policy.ts';
import { technologyOf } from './technology.ts';
import type { Category, Check, Claims, CollateralUse, Technology } from './types.ts';

/** AR4SI: 2 to 31 affirming, 32 to 95 warning, 96 to 127 contraindicated; 0 says nothing. */
export type TrustVector = {
  readonly 'instance-identity': number;
  readonly configuration: number;
  readonly executables: number;
  readonly hardware: number;
  readonly 'runtime-opaque': number;
  readonly 'sourced-data': number;
};

export type Status = 'affirming' | 'warning' | 'contraindicated' | 'none';

/** What is to be said of one part of a room by itself. */
export type SubmoduleResult = {
  readonly technology: Technology;
  readonly hardware: boolean;
  readonly status: Status;
  readonly vector: TrustVector;
  readonly platform: string | null;
  readonly claims: Claims['signed'] | null;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
};

export type Result = {
  readonly v: 1;
  readonly verdict: 'affirmed' | 'refused';
  /** What was judged: evidence of a room, or only a part of it, which says nothing of a room. */
  readonly scope: Appraisal['scope'];
  readonly technology: Technology;
  /** False for what was never signed by hardware, whatever the verdict. */
  readonly hardware: boolean;
  readonly status: Status;
  /** Of all parts together; each part's own stands in `submods`. */
  readonly vector: TrustVector;
  /** Each part that has evidence of its own, by its name: `cpu`, `gpu0` and so on. */
  readonly submods: Readonly<Record<string, SubmoduleResult>>;
  readonly reasons: readonly { readonly code: string; readonly detail: string }[];
  /** What could not be checked and was let pass, with the reason that the policy gives. */
  readonly waivers: readonly { readonly code: string; readonly detail: string; readonly reason: string }[];
  readonly checks: readonly Check[];
  readonly platform: string | null;
  readonly claims: Claims['signed'] | null;
  readonly collateral: readonly {
    readonly kind: CollateralUse['kind'];
    readonly subject: string;
    readonly sha256: string;
    readonly notBefore: string;
    readonly notAfter: string;
  }[];
  readonly policy: Digest;
  /** When it was judged, and from when until when everything that it rests on is valid, the evidence's own dates included. */
  readonly at: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Of the room's key, where the evidence was held against one. */
  readonly keyThumbprint: Digest | null;
  readonly verifier: { readonly developer: 'sealroom'; readonly build: string };
};

const BUILD = 'attest/1';
const LONGEST_SECONDS = 86_400;
const BAD_SIGNATURE = 99;

type Outcome = 'pass' | 'fail' | 'none';

function outcomeOf(checks: readonly Check[], categories: readonly Category[]): Outcome {
  const found = checks.filter(({ category }) => categories.includes(category));
  if (found.some(isReason)) return 'fail';
  return found.some(({ outcome }) => outcome === 'pass') ? 'pass' : 'none';
}

type Judged = Pick<Submodule, 'checks' | 'claims' | 'technology'> & Pick<Appraisal, 'verdict'>;

function withoutClaims({ checks, verdict }: Judged): number {
  // Of a part of evidence that is as it should be: it says nothing of a room.
  if (verdict === 'affirmed') return 0;
  return checks.some((check) => check.category === 'authentic' && isReason(check)) ? BAD_SIGNATURE : 97;
}

function vectorOf(judged: Judged): TrustVector {
  const { checks, claims, technology } = judged;
  if (!claims) {
    const all = withoutClaims(judged);
    return {
      'instance-identity': all,
      configuration: all,
      executables: all,
      hardware: all,
      'runtime-opaque': all,
      'sourced-data': all,
    };
  }
  const value = (categories: readonly Category[], pass: number, fail: number) => {
    const outcome = outcomeOf(checks, categories);
    return outcome === 'none' ? 0 : outcome === 'pass' ? pass : fail;
  };
  const { hardware } = technologyOf(technology);
  return {
    'instance-identity': value(['platform'], 2, 97),
    configuration: value(['configuration', 'run'], 2, 32),
    executables: value(['code'], 3, 33),
    hardware: hardware ? value(['authentic', 'revocation', 'tcb', 'freshness', 'device'], 2, 97) : 0,
    'runtime-opaque': hardware ? value(['debug'], 2, 96) : 0,
    'sourced-data': value(['binding'], 2, 96),
  };
}

function statusOf(vector: TrustVector, verdict: Appraisal['verdict']): Status {
  const worst = Math.max(...Object.values(vector));
  if (worst >= 96) return 'contraindicated';
  if (worst >= 32 || verdict === 'refused') return 'warning';
  return worst >= 2 ? 'affirming' : 'none';
}

const reasonsIn = (checks: readonly Check[]) =>
  checks.filter(isReason).map(({ id, detail }) => ({ code: id, detail }));

function submoduleResult({ technology, checks, claims }: Submodule): SubmoduleResult {
  const verdict = checks.some(isReason) ? 'refused' : 'affirmed';
  const vector = vectorOf({ technology, checks, claims, verdict });
  return {
    technology,
    hardware: technologyOf(technology).hardware,
    status: statusOf(vector, verdict),
    vector,
    platform: claims?.platform ?? null,
    claims: claims?.signed ?? null,
    reasons: reasonsIn(checks),
  };
}

/** A room is worth no more than its worst part; the first is of all together. */
function worstOf([whole = 'none', ...parts]: readonly Status[]): Status {
  const all = [whole, ...parts];
  if (all.includes('contraindicated')) return 'contraindicated';
  return all.includes('warning') ? 'warning' : whole;
}

const timeOf = (at: number) => new Date(at).toISOString();

/** `keyThumbprint` is of the key that the report binds, where there is one. `at` is in milliseconds since 1970. */
export async function resultOf(
  appraisal: Appraisal,
  { policy, at, keyThumbprint = null }: { policy: Policy; at: number; keyThumbprint?: Digest | null },
): Promise<Result> {
  const { verdict, scope, technology, checks, claims, used, submodules } = appraisal;
  const vector = vectorOf(appraisal);
  const submods = Object.fromEntries(submodules.map((one) => [one.name, submoduleResult(one)]));
  const statuses = [statusOf(vector, verdict), ...Object.values(submods).map((one) => one.status)];
  const windows = [...used, ...submodules.flatMap(({ window }) => window ?? [])];
  return {
    v: 1,
    verdict,
    scope,
    technology,
    hardware: technologyOf(technology).hardware,
    status: worstOf(statuses),
    vector,
    submods,
    reasons: reasonsIn(checks),
    waivers: checks.flatMap(({ id, detail, waived }) =>
      waived === undefined ? [] : [{ code: id, detail, reason: waived }],
    ),
    checks,
    platform: claims?.platform ?? null,
    claims: claims?.signed ?? null,
    collateral: used.map(({ notBefore, notAfter, ...rest }) => ({
      ...rest,
      notBefore: timeOf(notBefore),
      notAfter: timeOf(notAfter),
    })),
    policy: await policyDigest(policy),
    at: timeOf(at),
    notBefore: timeOf(windows.length === 0 ? at : Math.max(...windows.map((one) => one.notBefore))),
    notAfter: timeOf(Math.min(at + 1000 * LONGEST_SECONDS, ...windows.map((one) => one.notAfter))),
    keyThumbprint,
    verifier: { developer: 'sealroom', build: BUILD },
  };
}
