// Wycheproof's HMAC-SHA-256 cases against the function that makes an entry's tag. (What entries are: receipt.test.ts.)
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors, wycheproofCases } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { entryTag, WEB_HASHES } from './entry.ts';

const folder = sharedVectors('wycheproof') ?? '';

test.skipIf(!folder)(
  'Wycheproof’s HMAC cases get their verdict, and those of an entry’s shape are its tag',
  async () => {
    type Hmac = { readonly key: string; readonly msg: string; readonly tag: string };
    const cases = wycheproofCases<Hmac>(folder, 'hmac_sha256_test.json');
    let shaped = 0;
    for (const { tcId, key, msg, tag, result } of cases) {
      const [keyBytes, message] = [hexDecode(key), hexDecode(msg)];
      const made = hexEncode(await WEB_HASHES.hmac(keyBytes, message));
      // Half of the cases give a tag cut to 16 bytes; entries hold it whole.
      expect(made.startsWith(tag), `case ${tcId}`).toBe(result === 'valid');
      if (keyBytes.length === 32 && message.length === 32) {
        shaped += 1;
        expect(hexEncode(await entryTag(keyBytes, message)).startsWith(tag)).toBe(result === 'valid');
      } else {
        await expect(entryTag(keyBytes, message)).rejects.toMatchObject({ code: 'tlog/malformed-entry' });
      }
    }
    expect([cases.length, shaped]).toEqual([174, 2]);
  },
);
