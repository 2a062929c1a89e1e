// The policy that accepts exactly one piece of evidence, as a start to edit. It says of itself what the evidence says; that the
// evidence is genuine is for whoever made the policy to know.
import { base64urlDecode, hexEncode } from '@sealroom/bytes';
import { AttestError } from './error.ts';
import { parsePolicy, type Policy } from './policy.ts';
import { type PolicyEntry, technologyOf } from './technology.ts';
import type { AnyEvidence, Context } from './types.ts';

/**
 * As whoever is given it will read it. Evidence may lack what every policy must pin, such as a register that was not quoted.
 */
function readable(policy: Policy): Policy {
  try {
    return parsePolicy(JSON.stringify(policy));
  } catch (cause) {
    if (!(cause instanceof AttestError)) throw cause;
    throw new AttestError(
      cause.code,
      `No policy can be pinned to this evidence, which lacks what every policy must name. ${cause.message}`,
      { cause },
    );
  }
}

/**
 * `authentic` says whether what the evidence binds is pinned too: of evidence that is not authentic with this collateral at this
 * time it is not known. @throws AttestError, attest/bad-policy where no policy can be pinned to it
 */
export async function pinnedPolicy(
  { technology: name, body }: AnyEvidence,
  context: Context,
): Promise<{ readonly policy: Policy; readonly authentic: boolean }> {
  const technology = technologyOf(name);
  const parsed = technology.parse(base64urlDecode(body));
  const part = technology.pinPart?.(parsed, context.collateral);
  if (part) {
    const policy = readable({ v: 1, binding: 'none', accept: [part], distrust: [] });
    return { policy, authentic: true };
  }
  const entry = technology.pin(parsed, context.collateral) as PolicyEntry;
  const { claims } = await technology.verify(parsed, entry, context);
  const run = claims?.hostData && { run: hexEncode(claims.hostData) };
  const binding = claims ? { reportData: hexEncode(claims.reportData), ...run } : 'room';
  return {
    policy: readable({ v: 1, binding, accept: [entry], distrust: [] }),
    authentic: claims !== undefined,
  };
}
