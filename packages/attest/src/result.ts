// The result of an appraisal as a document, after EAR (draft-ietf-rats-ear) and AR4SI (draft-ietf-rats-ar4si): a status and a
// trustworthiness vector, all reasons at once, only signed claims, the collateral with its windows, and how long it may be
// believed. It is not signed here, and it says nothing about what the policy does not ask for.
import type { Digest } from '@sealroom/bytes';
import { type Appraisal, isReason } from './appraise.ts';
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

export type Result = {
  readonly v: 1;
  readonly verdict: 'affirmed' | 'refused';
  /** What was judged: evidence of a room, or only a part of it, which says nothing of a room. */
  readonly scope: Appraisal['scope'];
  readonly technology: Technology;
  /** False for what was never signed by hardware, whatever the verdict. */
  readonly hardware: boolean;
  readonly status: Status;
  readonly vector: TrustVector;
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
  /** When it was judged, and until when what it rests on is valid. */
  readonly at: string;
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

function withoutClaims({ checks, verdict }: Appraisal): number {
  // Of a part of evidence that is as it should be: it says nothing of a room.
  if (verdict === 'affirmed') return 0;
  return checks.some((check) => check.category === 'authentic' && isReason(check)) ? BAD_SIGNATURE : 97;
}

function vectorOf(appraisal: Appraisal): TrustVector {
  const { checks, claims, technology } = appraisal;
  if (!claims) {
    const all = withoutClaims(appraisal);
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

const timeOf = (at: number) => new Date(at).toISOString();

/** `keyThumbprint` is of the key that the report binds, where there is one. `at` is in milliseconds since 1970. */
export async function resultOf(
  appraisal: Appraisal,
  { policy, at, keyThumbprint = null }: { policy: Policy; at: number; keyThumbprint?: Digest | null },
): Promise<Result> {
  const { verdict, scope, technology, checks, claims, used } = appraisal;
  const vector = vectorOf(appraisal);
  const ends = used.map(({ notAfter }) => notAfter);
  return {
    v: 1,
    verdict,
    scope,
    technology,
    hardware: technologyOf(technology).hardware,
    status: statusOf(vector, verdict),
    vector,
    reasons: checks.filter(isReason).map(({ id, detail }) => ({ code: id, detail })),
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
    notAfter: timeOf(Math.min(at + 1000 * LONGEST_SECONDS, ...ends)),
    keyThumbprint,
    verifier: { developer: 'sealroom', build: BUILD },
  };
}
