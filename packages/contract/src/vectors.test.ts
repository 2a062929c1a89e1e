// The project's own vectors of statements, manifests, messages and receipts (vectors/contract). Ed25519 signatures have one
// value, so all but the receipt and the release, which hold fresh randomness, are made anew and compared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexDecode, hexEncode, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { verifySign1 } from '@sealroom/cose';
import { hpkeOpen } from '@sealroom/seal';
import { expect, test } from 'vitest';
import { parseTrust, readStatement, STATEMENTS, verifyMessage, verifyReceipt } from './index.ts';
import { makeEvidence, makeManifest, makeMessages, makeStatements } from './vectors-for-tests.ts';

function vector(name: string): { readonly [member: string]: unknown } {
  const path = join(import.meta.dirname, '..', '..', '..', 'vectors', name);
  return JSON.parse(readFileSync(path, 'utf8')) as { readonly [member: string]: unknown };
}

test.each([
  ['contract/statements.json', makeStatements],
  ['contract/manifest.json', makeManifest],
  ['contract/messages.json', makeMessages],
  ['attest/simulated.json', makeEvidence],
])('%s is what this code makes', async (name, make) => {
  expect(await make()).toEqual(vector(name)['made']);
});

test('each published statement reads, and names itself by the digest of its payload', async () => {
  const { statements } = vector('contract/statements.json')['made'] as Awaited<
    ReturnType<typeof makeStatements>
  >;
  for (const [type, { payload, digest, cose, coseDigest }] of Object.entries(statements)) {
    const read = await readStatement(hexDecode(cose));
    expect(read).toMatchObject({ type, digest, coseDigest });
    expect(Object.keys(STATEMENTS)).toContain(type);
    expect(utf8Decode(read.payloadBytes)).toBe(payload);
  }
});

test('each published message verifies for its audience and for no other', async () => {
  const made = vector('contract/messages.json')['made'] as Awaited<ReturnType<typeof makeMessages>>;
  expect(made.messages.length).toBeGreaterThan(7);
  for (const { name, cose } of made.messages) {
    const [known, bytes] = [name as 'challenge', hexDecode(cose)];
    await verifyMessage(known, bytes, made);
    const other = verifyMessage(known, bytes, { key: made.key, audience: 'https://other.example' });
    await expect(other).rejects.toMatchObject({ code: 'statement/wrong-signer' });
  }
});

test('the published release opens with the room’s secret, and under no other manifest', async () => {
  const { secret, info, aad, enc, ciphertext, assetKey } = vector('contract/release.json') as Record<
    'secret' | 'info' | 'aad' | 'enc' | 'ciphertext' | 'assetKey',
    string
  >;
  const message = { enc: hexDecode(enc), ciphertext: hexDecode(ciphertext), aad: hexDecode(aad) };
  const opened = await hpkeOpen(hexDecode(secret), { ...message, info: hexDecode(info) });
  expect(hexEncode(opened)).toBe(assetKey);
  const other = hpkeOpen(hexDecode(secret), { ...message, info: utf8Encode('another') });
  await expect(other).rejects.toMatchObject({ code: 'seal/hpke-failed' });
  expect(info).toBe((await makeManifest()).releaseInfo);
});

test('the published receipt verifies with its trust file, and not with a changed one', async () => {
  const { receipt, trust } = vector('contract/receipt.json') as Record<'receipt' | 'trust', string>;
  const pins = parseTrust(utf8Encode(trust));
  expect(await verifyReceipt(utf8Encode(receipt), pins)).toMatchObject({
    verdict: 'pinned',
    hardwareAttested: false,
    finished: { outcome: 'completed', technology: 'simulated' },
  });
  await expect(verifyReceipt(utf8Encode(receipt), { ...pins, rooms: [] })).rejects.toMatchObject({
    code: 'receipt/pins-simulator',
  });
});

test('the evidence of the published vector is signed by the key it names', async () => {
  const made = vector('attest/simulated.json')['made'] as Awaited<ReturnType<typeof makeEvidence>>;
  const body = Uint8Array.from(Buffer.from(made.evidence.body, 'base64url'));
  expect(utf8Decode((await verifySign1(body, made.key)).payload)).toBe(made.payload);
});
