// How people keep evidence in files: the bytes, or text that stands for them.
import { base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { fakeAmd } from '@sealroom/testkit/vendors/sev-snp';
import { expect, test } from 'vitest';
import { readEvidenceFile } from './evidence-file.ts';

const amd = await fakeAmd('Milan', Date.parse('2026-11-25T00:00:00Z'));
const report = await amd.report(await amd.endorse('VCEK'));
const hex = hexEncode(report);
const base64 = Buffer.from(report).toString('base64');

test.each([
  ['bytes', report],
  ['hexadecimal', utf8Encode(hex)],
  ['hexadecimal in capitals, in lines', utf8Encode(`${hex.toUpperCase().replaceAll(/.{64}/g, '$&\n')}\n`)],
  ['hexadecimal with 0x before it', utf8Encode(`0x${hex}`)],
  ['Base64', utf8Encode(`${base64}\n`)],
  ['Base64 without its padding', utf8Encode(base64.replaceAll('=', ''))],
  ['base64url', utf8Encode(base64urlEncode(report))],
])('a report is read as %s', (_form, file) => {
  expect(readEvidenceFile(file)).toEqual([{ technology: 'sev-snp', body: base64urlEncode(report) }]);
});

test.each([
  ['nothing', ''],
  ['0x alone', '0x'],
  ['0x twice', `0x0x${hex}`],
  ['an odd number of digits', `0x${hex}0`],
  ['words', 'no evidence'],
])('%s is no evidence', (_what, text) => {
  expect(() => readEvidenceFile(utf8Encode(text))).toThrow(
    expect.objectContaining({ code: 'attest/unknown-technology' }),
  );
});

// With an expression for the padding this took minutes.
test.each([`${'='.repeat(300_000)}A`, '='.repeat(300_000), 'A'.repeat(4_000_000)])(
  'a long row of one letter ends in a refusal',
  (text) => {
    expect(() => readEvidenceFile(utf8Encode(text))).toThrow(
      expect.objectContaining({ code: 'attest/unknown-technology' }),
    );
  },
);

test('a file larger than evidence can be is not looked at', () => {
  expect(() => readEvidenceFile(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(
    expect.objectContaining({ code: 'attest/too-large' }),
  );
});
