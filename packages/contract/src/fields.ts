// Field schemas that documents and statements share. All objects are strict: an unknown member is refused.
import { DEVICE_TECHNOLOGIES, MOST_DEVICES, ROOM_TECHNOLOGIES } from '@sealroom/attest';
import { BytesError, base64urlDecode, type Digest } from '@sealroom/bytes';
import { CoseError, type KeyText, parseKey } from '@sealroom/cose';
import { z } from 'zod';

export const digest = z.custom<Digest>(
  (value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value),
  'expected sha256: and 64 lower-case hexadecimal digits',
);

function isBytes(value: string, length?: number): boolean {
  try {
    const bytes = base64urlDecode(value);
    return length === undefined || bytes.length === length;
  } catch (error) {
    if (error instanceof BytesError) return false;
    throw error;
  }
}

function isKey(value: string): boolean {
  try {
    parseKey(value);
    return true;
  } catch (error) {
    if (error instanceof CoseError) return false;
    throw error;
  }
}

/** base64url without padding, of exactly `length` bytes when given. */
export function bytesText(length?: number) {
  return z
    .string()
    .max(1_000_000)
    .refine((value) => isBytes(value, length), 'expected base64url without padding');
}

export const keyText = z
  .string()
  .max(200)
  .refine((value): value is KeyText => isKey(value), 'expected a public key (COSE_Key, base64url)');

/** A public key of one curve: what is bound or sealed to by its x alone must not be read as another kind of key. */
export function keyOf(curve: 'Ed25519' | 'X25519') {
  return keyText.refine(
    (value) => isKey(value) && parseKey(value).curve === curve,
    `expected an ${curve} key`,
  );
}

/** 16 random bytes that keep a statement's digest unguessable. */
export const salt = bytesText(16);

/** JavaScript reads 30 February as 2 March; another reader of the same contract would not. */
function exists(time: string): boolean {
  const at = Date.parse(time);
  return !Number.isNaN(at) && new Date(at).toISOString().slice(0, 19) === time.slice(0, 19);
}

/** RFC 3339 in UTC, seconds or milliseconds. */
export const time = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/, 'expected a time such as 2026-11-22T10:00:00Z')
  .refine(exists, 'this time does not exist');

export const count = z.int().min(0);

/** An identifier made by a program: project and run configuration ids. */
export const identifier = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/);

/** Control characters, line separators, and what makes text run the other way: nobody sees them, and stores choke on some. */
const INVISIBLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** One line of text as people read it. */
export function line(max: number) {
  return z
    .string()
    .max(max)
    .refine((value) => !INVISIBLE.test(value), 'expected one line without control characters');
}

/** Text of several lines: tabs and line ends are the only control characters. */
export function lines(max: number) {
  return z
    .string()
    .max(max)
    .refine((value) => !/[^\P{Cc}\t\n\r]/u.test(value), 'expected text without control characters');
}

/** Short text that may be public for ever: a domain, a purpose code. */
export const shortText = line(200).min(1);

export const url = z
  .string()
  .max(2000)
  .refine(
    // The parser leaves out spaces, tabs and line ends: what remains is not what was signed.
    (value) => /^[!-~]+$/.test(value) && URL.canParse(value) && /^https?:$/.test(new URL(value).protocol),
    'expected an http(s) URL',
  );

export const technology = z.enum(ROOM_TECHNOLOGIES);

/** Characters of all devices' evidence together; a GPU's report with its certificates has some 16,000. */
const LARGEST_DEVICES = 1_000_000;

const deviceEvidence = z.strictObject({ technology: z.enum(DEVICE_TECHNOLOGIES), body: bytesText() });

/** Evidence as it travels: base64url of the technology's own bytes, and that of devices, in the order of the entry that names them. */
export const evidenceSchema = z.strictObject({
  technology,
  body: bytesText(),
  devices: z
    .array(deviceEvidence)
    .min(1)
    .max(MOST_DEVICES)
    .refine(
      (devices) => devices.reduce((sum, { body }) => sum + body.length, 0) <= LARGEST_DEVICES,
      'more evidence of devices than a room can bring',
    )
    .readonly()
    .exactOptional(),
});

/** A platform as its technology names it: `sev-snp:chip:…`; of a simulated room the thumbprint of the node's simulator key. */
export const platformName = z
  .string()
  .regex(/^[a-z][a-z0-9-]*:[ -~]{1,199}$/, 'expected the name of a platform, such as sev-snp:chip:…');
