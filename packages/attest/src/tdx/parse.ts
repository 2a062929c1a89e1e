// TDX quotes of version 4 (TD report 1.0) and 5 (1.0, 1.5 or extended 1.5), taken apart (Intel TDX DCAP Quoting Library API,
// appendix A, and for the extended one Intel's sgx_quote_5.h; offsets in the table below). Nothing is authenticated.
import { type Bytes, Reader } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { parseQuote, type Quote } from '../intel/quote.ts';

export type TdReport = {
  readonly teeTcbSvn: Bytes;
  readonly mrSeam: Bytes;
  readonly mrSignerSeam: Bytes;
  readonly seamAttributes: Bytes;
  readonly tdAttributes: Bytes;
  readonly xfam: Bytes;
  readonly mrTd: Bytes;
  readonly mrConfigId: Bytes;
  readonly mrOwner: Bytes;
  readonly mrOwnerConfig: Bytes;
  readonly rtmr: readonly [Bytes, Bytes, Bytes, Bytes];
  readonly reportData: Bytes;
  /** TD report 1.5 only: the module that runs now, and the service TDs. */
  readonly later: { readonly teeTcbSvn2: Bytes; readonly mrServiceTd: Bytes } | undefined;
  readonly extended: Extended | undefined;
};

/** What the extended report 1.5 adds; a platform fills in what it was set up to say, and leaves the rest zero. */
export type Extended = {
  /** Which virtual machine inside the TD asked; 0 = the TD itself. */
  readonly vmId: Bytes;
  /** Made anew at each launch. */
  readonly tdId: Bytes;
  /** A digest of the devices that belong to the TD. */
  readonly devices: Bytes;
  /** Service TDs and platform at creation, and service TDs now, of a TD that may move. */
  readonly history: Bytes;
};

export type TdxQuote = { readonly quote: Quote; readonly report: TdReport };

function reportOf({ body, kind }: Quote): TdReport {
  const reader = new Reader(body);
  const take = (length: number) => reader.take(length);
  const report = {
    teeTcbSvn: take(16), // 0
    mrSeam: take(48), // 16
    mrSignerSeam: take(48), // 64
    seamAttributes: take(8), // 112
    tdAttributes: take(8), // 120
    xfam: take(8), // 128
    mrTd: take(48), // 136
    mrConfigId: take(48), // 184
    mrOwner: take(48), // 232
    mrOwnerConfig: take(48), // 280
    rtmr: [take(48), take(48), take(48), take(48)] as const, // 328
    reportData: take(64), // 520
  };
  const later = kind === 'td10' ? undefined : { teeTcbSvn2: take(16), mrServiceTd: take(48) }; // 584, 600
  const extended =
    kind === 'td15ex'
      ? { vmId: take(1), tdId: take(32), devices: take(48), history: take(156) } // 648, 649, 681, 729
      : undefined;
  reader.end();
  return { ...report, later, extended };
}

/** @throws attest/too-large · attest/malformed */
export function parseTdxQuote(bytes: Uint8Array): TdxQuote {
  const quote = parseQuote(bytes);
  if (quote.kind === 'sgx') throw new AttestError('attest/malformed', 'The quote is of SGX, not of TDX.');
  return { quote, report: reportOf(quote) };
}
