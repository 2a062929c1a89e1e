// The policy document: which evidence is acceptable, by technology. What identifies code, its floor and its binding must be
// said by type; unknown members are refused; an empty list allows nothing; and there is no word for "any" but where the
// schema of a technology has one. Its digest goes into every result.
import {
  canonicalJson,
  type Digest,
  type Json,
  parseStrictJson,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { z } from 'zod';
import { AttestError } from './error.ts';
import {
  type Entry,
  type PartEntry,
  partEntrySchema,
  type PolicyEntry,
  policyEntrySchema,
} from './technology.ts';

/** The name of a platform, as results have it; their technology and the case of letters do not matter. */
const platformName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]*:[!-~](?:[ -~]{0,197}[!-~])?$/);
const hexBytes = z.string().regex(/^(?:[0-9a-f]{2}){1,512}$/);

/** An entry for rooms, or one for a part of evidence alone, by the member that says so. */
const policyEntry = z.unknown().transform((value, context): PolicyEntry | PartEntry => {
  const part = typeof value === 'object' && value !== null && 'only' in value;
  const result = (part ? partEntrySchema : policyEntrySchema).safeParse(value);
  if (result.success) return result.data;
  for (const { message, path } of result.error.issues) context.addIssue({ code: 'custom', message, path });
  return z.NEVER;
});

export const policySchema = z
  .strictObject({
    v: z.literal(1),
    /**
     * What evidence must bind: `room` = what the verifier gives at the time (nonces, keys and manifest of a run); else these
     * bytes in hexadecimal, with zeros behind them where the field is longer; `run` is the launch field that names a run.
     * `none` is for entries of parts of evidence, which bind nothing.
     */
    binding: z.union([
      z.enum(['room', 'none']),
      z.strictObject({ reportData: hexBytes, run: hexBytes.optional() }),
    ]),
    accept: z.array(policyEntry).max(64),
    /** Platforms (as results name them) that are not believed any more, whatever they sign. */
    distrust: z.array(platformName).max(10_000).default([]),
  })
  .refine(
    ({ binding, accept }) => accept.every((entry) => 'only' in entry === (binding === 'none')),
    'binding is none where, and only where, every entry is for a part of evidence',
  );

export type Policy = {
  readonly v: 1;
  readonly binding: 'room' | 'none' | { readonly reportData: string; readonly run?: string | undefined };
  readonly accept: readonly (PolicyEntry | PartEntry)[];
  readonly distrust: readonly string[];
};

/** The policy that the entries of a contract make: the binding is that of the run. */
export function roomPolicy(accept: readonly Entry[], distrust: readonly string[] = []): Policy {
  return { v: 1, binding: 'room', accept, distrust };
}

/** @throws attest/bad-policy, saying where */
export function parsePolicy(text: string): Policy {
  let value: unknown;
  try {
    value = parseStrictJson(text);
  } catch (cause) {
    throw new AttestError('attest/bad-policy', 'The policy is not well-formed JSON.', { cause });
  }
  const result = policySchema.safeParse(value);
  if (result.success) return result.data as Policy;
  const [issue] = result.error.issues;
  const where = issue ? issue.path.map(String).join('.') : '';
  throw new AttestError(
    'attest/bad-policy',
    `The policy does not fit its schema at ${JSON.stringify(where)}: ${issue?.message ?? 'unknown'}`,
  );
}

/** SHA-256 over the canonical JSON of a policy. */
export async function policyDigest(policy: Policy): Promise<Digest> {
  return sha256Digest(utf8Encode(canonicalJson(policy as unknown as Json)));
}
