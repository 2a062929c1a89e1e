// What was kept of one platform speaks for no other bytes: someone who has seen a genuine quote moves a byte between two parts
// of it that nobody signs, so that both quotes are the same bytes but for where those parts end.
import { expect, it } from 'vitest';
import { concat } from '@sealroom/bytes';
import { intel, makeQuote, reasons } from '../tdx/world-for-tests.ts';

const SIGNED = 48 + 584;
/** The length of the quoting enclave's own data, behind its report and the signature of it. */
const DATA_LENGTH = SIGNED + 4 + 128 + 6 + 384 + 64;
const DATA = 32;

/** The last byte of the quoting enclave's data stands before its certificates, where text may stand. */
function moved(quote: Uint8Array): Uint8Array {
  const at = DATA_LENGTH + 2;
  const view = new DataView(quote.buffer, quote.byteOffset);
  expect(view.getUint16(DATA_LENGTH, true)).toBe(DATA);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, view.getUint32(at + DATA + 2, true) + 1, true);
  return concat(
    quote.subarray(0, DATA_LENGTH),
    new Uint8Array([DATA - 1, 0]),
    quote.subarray(at, at + DATA - 1),
    quote.subarray(at + DATA, at + DATA + 2),
    length,
    quote.subarray(at + DATA - 1, at + DATA),
    quote.subarray(at + DATA + 6),
  );
}

it('a quote is not accepted for what was kept of another whose parts end elsewhere', async () => {
  const files = await intel.collateral('tdx');
  const quote = await makeQuote({});
  expect(await reasons({ quote, files })).toEqual([]);
  expect(await reasons({ quote: moved(quote), files })).toEqual(['tdx/qe-binding']);
});

it('a quote is not refused for what was kept of another whose parts end elsewhere', async () => {
  const files = await intel.collateral('tdx');
  const quote = await makeQuote({});
  expect(await reasons({ quote: moved(quote), files })).toEqual(['tdx/qe-binding']);
  expect(await reasons({ quote, files })).toEqual([]);
});
