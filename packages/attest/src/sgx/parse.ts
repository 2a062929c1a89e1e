// SGX DCAP quotes of version 3, taken apart. Nothing is authenticated.
import { AttestError } from '../error.ts';
import { parseQuote, type Quote } from '../intel/quote.ts';
import { parseSgxReport, type SgxReport } from '../intel/report.ts';

export type SgxQuote = { readonly quote: Quote; readonly report: SgxReport };

/** @throws attest/too-large · attest/malformed */
export function parseSgxQuote(bytes: Uint8Array): SgxQuote {
  const quote = parseQuote(bytes);
  if (quote.kind !== 'sgx') throw new AttestError('attest/malformed', 'The quote is of TDX, not of SGX.');
  return { quote, report: parseSgxReport(quote.body) };
}
