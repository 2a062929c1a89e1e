// Evidence of a TPM 2.0: canonical JSON, binary members in base64url,
//   { v: 1, ak: TPMT_PUBLIC | akCertificates: [DER…], quote: { message, signature }, pcrs: { bank, values: { "0": hex… } } }
// A file of certificates alone is read as well: it has no quote, and no policy for rooms accepts it.
import { base64urlDecode, BytesError, parseCanonical } from '@sealroom/bytes';
import { z } from 'zod';
import { AttestError } from '../error.ts';
import type { Certificate } from '../x509/certificate.ts';
import { isAkCertificate, readAkCertificates, readPaddedCertificate } from './ak-chain.ts';
import { type Quote, readQuote } from './quote.ts';
import { readRegisters } from './registers.ts';
import { parseTpmKey, type TpmKey } from './structures.ts';

export type TpmEvidence =
  | { readonly kind: 'certificates'; readonly certificates: readonly Certificate[] }
  | {
      readonly kind: 'quote';
      readonly key: TpmKey | undefined;
      /** Empty where the key itself came. */
      readonly certificates: readonly Certificate[];
      readonly quote: Quote;
    };

const LARGEST = 256 * 1024;
const blob = z.string().min(1).max(90_000);

/** Members that evidence of other technologies with a TPM has too. */
export const quoteMembers = {
  quote: z.strictObject({ message: blob, signature: blob }),
  pcrs: z.strictObject({ bank: z.string(), values: z.record(z.string(), z.string()) }),
};

const evidence = z.strictObject({
  v: z.literal(1),
  ak: blob.optional(),
  akCertificates: z.array(blob).min(1).max(8).optional(),
  ...quoteMembers,
});

/** Reads canonical JSON of a schema. @throws attest/malformed · attest/too-large */
export function readDocument<T>(bytes: Uint8Array, schema: z.ZodType<T>): T {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The evidence is larger than it can be.');
  const result = schema.safeParse(wrapped(() => parseCanonical(bytes)));
  if (!result.success)
    throw new AttestError('attest/malformed', 'The evidence has members that are missing, odd or too many.');
  return result.data;
}

/** Turns what is wrong with bytes or text into this package's error. @throws attest/malformed */
export function wrapped<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (!(cause instanceof BytesError)) throw cause;
    throw new AttestError('attest/malformed', 'The evidence holds text that is not what it must be.', {
      cause,
    });
  }
}

export function decodeQuote({ quote, pcrs }: Pick<z.infer<typeof evidence>, 'quote' | 'pcrs'>): Quote {
  return wrapped(() =>
    readQuote(
      base64urlDecode(quote.message),
      base64urlDecode(quote.signature),
      readRegisters(pcrs.bank, pcrs.values),
    ),
  );
}

function readJson(bytes: Uint8Array): TpmEvidence {
  const read = readDocument(bytes, evidence);
  const { ak, akCertificates } = read;
  if ((ak === undefined) === (akCertificates === undefined))
    throw new AttestError('attest/malformed', 'The evidence must hold either a key or certificates of one.');
  return wrapped(() => ({
    kind: 'quote',
    key: ak === undefined ? undefined : parseTpmKey(base64urlDecode(ak)),
    certificates: (akCertificates ?? []).map((one) => readPaddedCertificate(base64urlDecode(one))),
    quote: decodeQuote(read),
  }));
}

/** Takes evidence apart; nothing is authenticated. @throws AttestError */
export function parseTpm(bytes: Uint8Array): TpmEvidence {
  if (bytes[0] === 0x7b) return readJson(bytes);
  const certificates = readAkCertificates(bytes);
  const [leaf] = certificates;
  if (!leaf || !isAkCertificate(leaf))
    throw new AttestError('attest/malformed', 'The first certificate is not of an attestation key.');
  return { kind: 'certificates', certificates };
}

export function looksLikeTpm(bytes: Uint8Array): boolean {
  try {
    parseTpm(bytes);
    return true;
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}
