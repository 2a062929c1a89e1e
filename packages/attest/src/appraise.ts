// One entrance for every technology: authenticate, then hold the signed claims against the contract's entries.
import { base64urlDecode, BytesError } from '@sealroom/bytes';
import { AttestError } from './error.ts';
import { appraiseSimulated } from './simulated/appraise.ts';
import { verifySimulated } from './simulated/verify.ts';
import type { Accept, Appraisal, Binding, Check, Claims, Evidence } from './types.ts';

function refused(check: Check, claims?: Claims): Appraisal {
  return { verdict: 'refused', checks: [check], claims };
}

/**
 * Verifies evidence and appraises it under the entries a contract accepts. Never throws for bad evidence: the verdict is
 * `refused` and the failed checks say why. When several entries could apply, the one with the fewest failures is told.
 */
export async function appraiseEvidence(
  evidence: Evidence,
  accept: readonly Accept[],
  binding: Binding,
): Promise<Appraisal> {
  const entries = accept.filter((entry) => entry.technology === evidence.technology);
  if (entries.length === 0) {
    return refused({
      id: 'technology',
      outcome: 'fail',
      detail: 'the contract does not accept this technology',
    });
  }
  let claims: Claims;
  try {
    claims = await verifySimulated(
      base64urlDecode(evidence.body),
      entries.flatMap((entry) => entry.keys),
    );
  } catch (error) {
    if (!(error instanceof AttestError || error instanceof BytesError)) throw error;
    const platform = error.code === 'attest/untrusted-signer';
    return refused({ id: platform ? 'platform' : 'authentic', outcome: 'fail', detail: error.message });
  }
  const attempts = await Promise.all(entries.map((entry) => appraiseSimulated(claims, entry, binding)));
  const failures = (checks: readonly Check[]) => checks.filter((check) => check.outcome === 'fail').length;
  const best = attempts.toSorted((a, b) => failures(a) - failures(b))[0] ?? [];
  const checks: readonly Check[] = [
    { id: 'authentic', outcome: 'pass', detail: 'the evidence is signed by a platform the contract accepts' },
    ...best,
  ];
  return { verdict: failures(checks) === 0 ? 'affirmed' : 'refused', checks, claims };
}
