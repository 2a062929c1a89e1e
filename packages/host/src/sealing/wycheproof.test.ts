// Wycheproof's AES-GCM cases against the segment cipher of servers, as packages/seal puts them to the one of browsers.
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { sharedVectors, wycheproofCases } from '@sealroom/testkit';
import { expect, test } from 'vitest';
import { nodeSegmentCipher } from './index.ts';

const folder = sharedVectors('wycheproof') ?? '';

test.skipIf(!folder)('Wycheproof’s AES-GCM cases get their verdict', async () => {
  type Gcm = Readonly<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>>;
  const cases = wycheproofCases<Gcm & { readonly ivSize: number; readonly keySize: number }>(
    folder,
    'aes_gcm_test.json',
  );
  const fitting = cases.filter(({ ivSize, keySize }) => ivSize === 96 && keySize !== 192);
  for (const { tcId, key, iv, aad, msg, ct, tag, result } of fitting) {
    const aead = await nodeSegmentCipher.load(hexDecode(key));
    const opens = result === 'valid' && aad === '';
    const opened = await aead.open(hexDecode(iv), hexDecode(ct + tag));
    expect(opened && hexEncode(opened), `case ${tcId}`).toBe(opens ? msg : undefined);
    if (opens) expect(hexEncode(await aead.seal(hexDecode(iv), hexDecode(msg)))).toBe(ct + tag);
  }
  expect([cases.length, fitting.length]).toEqual([316, 133]);
});
