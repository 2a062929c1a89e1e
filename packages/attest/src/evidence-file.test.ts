// Files of evidence, as people or others hand them over: hostile ones end in a refusal, and soon.
import { base64urlDecode, base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import { readEvidenceFile } from './index.ts';
import { FakeIntel, tdBody } from '@sealroom/testkit/vendors/intel';

const refused = expect.objectContaining({ code: 'attest/unknown-technology' });

it('reads the bytes themselves, hexadecimal in either case, and Base64 of both alphabets, padded or not', async () => {
  const intel = await FakeIntel.create(Date.parse('2026-06-01T12:00:00Z'));
  const quote = await intel.quote(4, tdBody({}));
  const url = base64urlEncode(quote);
  const standard = url.replaceAll('-', '+').replaceAll('_', '/');
  const padded = standard.padEnd(Math.ceil(standard.length / 4) * 4, '=');
  for (const text of [
    hexEncode(quote),
    hexEncode(quote).toUpperCase(),
    url,
    standard,
    padded,
    ` ${padded}\n`,
  ])
    expect(readEvidenceFile(utf8Encode(text))).toEqual([{ technology: 'tdx', body: url }]);
  const [read] = readEvidenceFile(quote);
  expect(read && hexEncode(base64urlDecode(read.body))).toBe(hexEncode(quote));
});

// With an expression for the padding this took minutes.
it('refuses a long row of padding with something behind it', () => {
  for (const text of [`${'='.repeat(300_000)}A`, '='.repeat(300_000), 'A'.repeat(4_000_000)])
    expect(() => readEvidenceFile(utf8Encode(text))).toThrow(refused);
});

it('refuses an empty file, and one that is too large', () => {
  expect(() => readEvidenceFile(new Uint8Array())).toThrow(refused);
  expect(() => readEvidenceFile(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({ code: 'attest/too-large' }),
  );
});
