// The parser of TDX quotes: every truncation, other versions and kinds, and sizes.
import { describe, expect, it } from 'vitest';
import { parseTdxQuote } from './parse.ts';
import { makeQuote } from './world-for-tests.ts';

describe('the parser', () => {
  it('refuses every truncation', async () => {
    for (const quote of [await makeQuote({}), await makeQuote({ later: true, body: { extended: {} } })])
      for (let length = 0; length < quote.length; length++)
        expect(() => parseTdxQuote(quote.slice(0, length)), String(length)).toThrow(
          expect.objectContaining({ code: 'attest/malformed' }),
        );
  });

  it('refuses other versions, key types, TEEs, bodies and kinds of certification', async () => {
    const quote = await makeQuote({});
    const five = await makeQuote({ later: true });
    const extended = await makeQuote({ later: true, body: { extended: {} } });
    const set = (bytes: Uint8Array, at: number, value: number) =>
      bytes.map((byte, i) => (i === at ? value : byte));
    const malformed = expect.objectContaining({ code: 'attest/malformed' });
    for (const bytes of [
      ...[0, 1, 2, 3, 5, 6, 255].map((version) => set(quote, 0, version)),
      ...[0, 1, 3].map((type) => set(quote, 2, type)),
      set(quote, 4, 0),
      set(quote, 12, 0),
      ...[0, 1, 2, 4, 5].map((type) => set(five, 48, type)),
      ...[0, 1, 2, 3, 5].map((type) => set(extended, 48, type)),
      set(extended, 50, 0),
      set(extended, 51, 2),
      set(five, 50, 0),
      set(quote, 48 + 584 + 4 + 128, 5),
      await makeQuote({ changes: { certificationType: 1 } }),
      await makeQuote({ changes: { chain: [] } }),
    ])
      expect(() => parseTdxQuote(bytes)).toThrow(malformed);
  });

  it('refuses ten megabytes', () => {
    expect(() => parseTdxQuote(new Uint8Array(10_000_000))).toThrow(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });
});
