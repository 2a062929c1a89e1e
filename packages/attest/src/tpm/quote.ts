// A quote with its signature and the registers it is over, as every technology with a TPM verifies it: signature under the
// attestation key, then bank, indices and digest of the registers. An empty nonce is refused whatever the policy says.
import type { Bytes } from '@sealroom/bytes';
import type { Checks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { isSignedBy } from '../x509/signature.ts';
import { noteRegisters, type Registers } from './registers.ts';
import { parseQuoteInfo, parseTpmSignature, type QuoteInfo, type TpmSignature } from './structures.ts';

export type Quote = TpmSignature & {
  /** The signed bytes as they came. */
  readonly message: Bytes;
  readonly info: QuoteInfo;
  readonly registers: Registers;
};

/** @param signature TPMT_SIGNATURE. @throws attest/malformed · attest/too-large */
export function readQuote(message: Bytes, signature: Bytes, registers: Registers): Quote {
  return { message, info: parseQuoteInfo(message), ...parseTpmSignature(signature), registers };
}

async function signed({ scheme, message, signature }: Quote, spki: Bytes): Promise<boolean> {
  try {
    return await isSignedBy(spki, scheme, { message, signature });
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

/** Notes whether the holder of the key signed the quote, and whether it is over these registers and not without a nonce. */
export async function noteQuote(checks: Checks, quote: Quote, spki: Bytes): Promise<boolean> {
  const { info, registers, scheme } = quote;
  const authentic = checks.check(
    'quote-signature',
    'authentic',
    await signed(quote, spki),
    'the attestation key signed the quote',
  );
  const fresh = checks.check(
    'nonce',
    'freshness',
    info.extraData.length > 0,
    'the quote was made for somebody’s nonce',
  );
  return (await noteRegisters(checks, info, { registers, hash: scheme.hash })) && authentic && fresh;
}

/** What the TPM signed beside registers and nonce, for display. */
export function describeQuote({ info }: Quote): { [name: string]: string | number | boolean } {
  return {
    firmwareVersion: info.firmwareVersion,
    clock: info.clock,
    resetCount: info.resetCount,
    restartCount: info.restartCount,
    safe: info.safe,
  };
}
