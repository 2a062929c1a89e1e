// Evidence of an Azure confidential VM: an HCL report, a quote of its TPM, and what the hardware's vendor needs beside it (SNP:
// the VCEK; TDX: the quote). In the forms of
//   this project: canonical JSON { v: 1, hclReport, quote: { message, signature }, pcrs: { bank, values }, vcek: [DER…] | tdQuote }
//   Confidential Containers (az-snp-vtpm versions 0 to 2, az-tdx-vtpm versions 0 and 1): JSON, bytes as numbers, hex or base64url
//   a bare HCL report: no quote; only a policy for parts of evidence accepts it.
import { base64urlDecode, type Bytes, hexDecode, hexEncode, parseStrictJson } from '@sealroom/bytes';
import { z } from 'zod';
import { AttestError } from '../error.ts';
import { decodeQuote, quoteMembers, readDocument, wrapped } from '../tpm/parse.ts';
import type { Quote } from '../tpm/quote.ts';
import { readRegisters } from '../tpm/registers.ts';
import { parseQuoteInfo } from '../tpm/structures.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';
import { type HclReport, looksLikeHcl, parseHclReport } from './hcl.ts';

export type AzureEvidence = {
  readonly hcl: HclReport;
  /** Absent from a bare HCL report. */
  readonly quote: Quote | undefined;
  /** Certificates that came beside the report: candidates, which prove nothing. */
  readonly certificates: readonly Certificate[];
  /** TDX: the quote of the trust domain. */
  readonly tdQuote: Bytes | undefined;
};

const LARGEST = 256 * 1024;
const blob = z.string().min(1).max(200_000);

const own = z.strictObject({
  v: z.literal(1),
  hclReport: blob,
  ...quoteMembers,
  vcek: z.array(blob).min(1).max(4).optional(),
  tdQuote: blob.optional(),
});

const octets = z
  .array(z.int().min(0).max(255))
  .max(LARGEST)
  .transform((list): Bytes => new Uint8Array(list));
const hexText = z
  .string()
  .max(LARGEST)
  .transform((text): Bytes => wrapped(() => hexDecode(text)));
/** Some versions pad it. */
const base64url = blob.transform(
  (text): Bytes => wrapped(() => base64urlDecode(text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text)),
);
const quoteIn = <T extends z.ZodType<Bytes>>(bytes: T) =>
  z.strictObject({ message: bytes, pcrs: z.array(bytes).length(24), signature: bytes });
const version = z.union([z.literal(1), z.literal(2)]);

const snp0 = z.strictObject({ quote: quoteIn(octets), report: octets, vcek: blob });
const snp1 = z.strictObject({ version, hcl_report: base64url, tpm_quote: quoteIn(hexText), vcek: base64url });
const tdx0 = z.strictObject({ tpm_quote: quoteIn(octets), hcl_report: octets, td_quote: octets });
const tdx1 = z.strictObject({
  version: z.literal(1),
  hcl_report: base64url,
  tpm_quote: quoteIn(hexText),
  td_quote: base64url,
});

/** Confidential Containers leave out the algorithm, which is RSASSA with SHA-256, and give all registers of SHA-256. */
function foreignQuote({
  message,
  pcrs,
  signature,
}: {
  message: Bytes;
  pcrs: Bytes[];
  signature: Bytes;
}): Quote {
  const values = Object.fromEntries(pcrs.map((value, index) => [String(index), hexEncode(value)]));
  const scheme = { kind: 'PKCS1', hash: 'SHA-256' } as const;
  return {
    message,
    info: parseQuoteInfo(message),
    scheme,
    signature,
    registers: readRegisters('sha256', values),
  };
}

function pemCertificates(text: string): Certificate[] {
  return readPem(text).map(({ bytes }) => parseCertificate(bytes));
}

/** The members say which form it is, so that errors in it are told and not taken for another form. */
function readForeign(value: object): AzureEvidence {
  const take = <T>(schema: z.ZodType<T>): T => {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw new AttestError('attest/malformed', 'The evidence has members that are missing, odd or too many.');
  };
  if ('report' in value) {
    const { quote, report, vcek } = take(snp0);
    const certificates = pemCertificates(vcek);
    return { hcl: parseHclReport(report), quote: foreignQuote(quote), certificates, tdQuote: undefined };
  }
  if ('vcek' in value) {
    const { hcl_report: report, tpm_quote: quote, vcek } = take(snp1);
    const certificates = [parseCertificate(vcek)];
    return { hcl: parseHclReport(report), quote: foreignQuote(quote), certificates, tdQuote: undefined };
  }
  const evidence = 'version' in value ? take(tdx1) : take(tdx0);
  const { hcl_report: report, tpm_quote: quote, td_quote: tdQuote } = evidence;
  return { hcl: parseHclReport(report), quote: foreignQuote(quote), certificates: [], tdQuote };
}

function readOwn(bytes: Uint8Array): AzureEvidence {
  const read = readDocument(bytes, own);
  return wrapped(() => ({
    hcl: parseHclReport(base64urlDecode(read.hclReport)),
    quote: decodeQuote(read),
    certificates: (read.vcek ?? []).map((one) => parseCertificate(base64urlDecode(one))),
    tdQuote: read.tdQuote === undefined ? undefined : base64urlDecode(read.tdQuote),
  }));
}

function read(bytes: Uint8Array): AzureEvidence {
  if (looksLikeHcl(bytes))
    return { hcl: parseHclReport(bytes), quote: undefined, certificates: [], tdQuote: undefined };
  const value = wrapped(() => parseStrictJson(bytes));
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new AttestError('attest/malformed', 'The evidence is not a JSON object.');
  return 'v' in value ? readOwn(bytes) : readForeign(value);
}

/** Takes evidence apart; nothing is authenticated. @throws AttestError */
export function parseAzure(bytes: Uint8Array): AzureEvidence {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The evidence is larger than it can be.');
  const evidence = read(bytes);
  const { hcl, tdQuote, certificates } = evidence;
  const odd = hcl.hardware === 'tdx' ? certificates.length > 0 : tdQuote !== undefined;
  if (odd || (evidence.quote && hcl.hardware === 'tdx' && !tdQuote))
    throw new AttestError('attest/malformed', 'What stands beside the HCL report is not of its hardware.');
  return evidence;
}

export function looksLikeAzure(bytes: Uint8Array): boolean {
  if (bytes.find((byte) => byte > 0x20) !== 0x7b && !looksLikeHcl(bytes)) return false;
  try {
    parseAzure(bytes);
    return true;
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}
