// Evidence held against one entry of a policy, with the reasons by their ids.
import {
  type Appraisal,
  appraiseEvidence,
  type Context,
  type Entry,
  isReason,
  policySchema,
  roomPolicy,
  technologyOf,
  type Technology,
} from '@sealroom/attest';
import { base64urlEncode, hexEncode } from '@sealroom/bytes';

export type Judged = {
  readonly verdict: Appraisal['verdict'];
  /** Ids of the checks that failed or could not be made, without the technology's name before them. */
  readonly reasons: readonly string[];
  readonly appraisal: Appraisal;
};

/** The entry goes through the policy's schema, as a document's does. */
export async function judge(
  technology: Technology,
  bytes: Uint8Array,
  {
    entry,
    context,
    binding,
    distrust = [],
  }: {
    entry: unknown;
    context: Context;
    binding?: { reportData: Uint8Array; hostData: Uint8Array } | undefined;
    distrust?: readonly string[];
  },
): Promise<Judged> {
  const { accept } = policySchema.parse({ v: 1, binding: 'room', accept: [entry] });
  const policy = roomPolicy(accept as readonly Entry[], distrust);
  // A device is judged by itself only under a policy that is about no room.
  const bare = technologyOf(technology).device && binding;
  const appraisal = await appraiseEvidence(
    { technology, body: base64urlEncode(bytes) },
    bare ? { ...policy, binding: { reportData: hexEncode(bare.reportData) } } : policy,
    { binding, context },
  );
  const reasons = appraisal.checks.filter(isReason).map(({ id }) => id.slice(technology.length + 1));
  return { verdict: appraisal.verdict, reasons, appraisal };
}
