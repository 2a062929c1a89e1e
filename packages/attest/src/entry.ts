// Members that entries of several technologies share.
import { hexEncode, isZero } from '@sealroom/bytes';
import { z } from 'zod';

export const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));

/** Line ends, control characters, and what makes text run the other way: they could pass for words of the program's own. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** A reason that people read, one line: it is repeated in every result and receipt. */
const reason = z
  .string()
  .min(10)
  .max(500)
  .refine((text) => !INVISIBLE.test(text), 'expected one line without control characters');

/** What is to happen when it cannot be known whether a certificate is revoked. */
export const revocation = z.union([z.literal('required'), z.strictObject({ waived: reason })]);

/**
 * How evidence names the run, exactly one of the two: `hostData: manifest` = a launch field, or a register extended once, holds
 * SHA-256 of the manifest; `runBinding: software` = no such field, only the report data does, which the room's program fills.
 */
export const runMembers = {
  hostData: z.literal('manifest').optional(),
  runBinding: z.literal('software').optional(),
};

export type RunMembers = {
  readonly hostData?: 'manifest' | undefined;
  readonly runBinding?: 'software' | undefined;
};

/** For `refine`: exactly one of the two is said. */
export function saysRun({ hostData, runBinding }: RunMembers): boolean {
  return (hostData === undefined) !== (runBinding === undefined);
}

/**
 * What whoever launched the machine chose and its hardware signed, where that field does not name the run: an image may take from it
 * what it is to run (decision 136). Accepted values, in hexadecimal; zeros alone where an entry says nothing.
 */
export const launchData = (...bytes: readonly number[]) =>
  z
    .array(z.union(bytes.map(hex)))
    .max(64)
    .optional();

type LaunchData = { readonly launchData?: readonly string[] | undefined };

/** For `refine`: where the field names the run, no other values of it can be accepted. */
export function saysLaunchData({ hostData, launchData: said }: RunMembers & LaunchData): boolean {
  return said === undefined || hostData === undefined;
}

/** Whether a field that does not name the run holds an accepted value. */
export function isLaunchedWith(
  accepted: readonly string[] | undefined,
  found: Uint8Array | undefined,
): boolean {
  if (found === undefined) return false;
  return accepted ? accepted.includes(hexEncode(found)) : isZero(found);
}

/** What an entry must say so that exactly this value is accepted. */
export function pinnedLaunchData(found: Uint8Array | undefined): string[] | undefined {
  return found === undefined || isZero(found) ? undefined : [hexEncode(found)];
}

/** Platforms that are acceptable: a list of names, or the words that say that any is. */
export const platforms = z.union([
  z.array(z.string().min(1).max(200)).max(10_000),
  z.strictObject({ any: z.literal('accepted') }),
]);

export type Platforms = z.infer<typeof platforms>;

export function allowsPlatform(list: Platforms, platform: string): boolean {
  return 'any' in list || list.includes(platform);
}
