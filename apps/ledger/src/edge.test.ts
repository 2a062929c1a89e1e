// Node's synchronous HMAC, which the ledger makes tags with, against Wycheproof. (The edge itself: ledger.test.ts.)
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors, wycheproofCases } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { HASHES } from './edge.ts';

const folder = sharedVectors('wycheproof') ?? '';

test.skipIf(!folder)('Wycheproof’s HMAC cases get their verdict', async () => {
  type Hmac = { readonly key: string; readonly msg: string; readonly tag: string };
  const cases = wycheproofCases<Hmac>(folder, 'hmac_sha256_test.json');
  for (const { tcId, key, msg, tag, result } of cases) {
    const made = hexEncode(await HASHES.hmac(hexDecode(key), hexDecode(msg)));
    expect(made.startsWith(tag), `case ${tcId}`).toBe(result === 'valid');
  }
  expect(cases.length).toBe(174);
});
