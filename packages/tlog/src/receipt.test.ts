import { concat, hexDecode, hexEncode, leafHash, treeRoot, utf8Encode } from '@sealroom/bytes';
import {
  cborDecode,
  cborEncode,
  CborTag,
  contentTypeOf,
  ed25519Signer,
  generateSecret,
  sign1,
} from '@sealroom/cose';
import { expect, test } from 'vitest';
import {
  attachReceipts,
  cosign,
  decodeReceipt,
  detachReceipts,
  encodeReceipt,
  encodeTlogProof,
  entryTag,
  inclusionProof,
  ledgerEntry,
  parseTlogProof,
  PUBLIC_SUBJECT_KEY,
  signCheckpoint,
  splitEntry,
  subjectKey,
  verifyReceipt,
  verifyTlogProof,
} from './index.ts';

const origin = 'ledger.example/receipts';
const signer = await ed25519Signer(generateSecret());
const stranger = await ed25519Signer(generateSecret());
const { key } = signer;

/** A log of eleven entries, and both receipts of the sixth. */
async function example() {
  const K = await subjectKey(utf8Encode('salt of version 1'));
  const entries = await Promise.all(Array.from({ length: 11 }, (_, i) => ledgerEntry(K, Uint8Array.of(i))));
  const leaves = await Promise.all(entries.map((entry) => leafHash(entry)));
  const [index, size, root] = [5, 11, await treeRoot(leaves)];
  const proof = await inclusionProof(
    (level, at) => treeRoot(leaves.slice(at << level, (at + 1) << level)),
    index,
    size,
  );
  const checkpoint = await signCheckpoint(signer, { origin, size, root });
  const receipt = await encodeReceipt(signer, { origin, index, size, proof, root });
  return {
    entries,
    entry: entries[index] ?? new Uint8Array(),
    checkpoint,
    index,
    root,
    receipt,
    text: encodeTlogProof({ index, proof, checkpoint }),
  };
}

test('both receipts prove the same leaf under the same root', async () => {
  const { entry, index, root, receipt, text } = await example();
  expect(await verifyTlogProof(text, { entry, origin, key })).toMatchObject({
    index,
    checkpoint: { size: 11, root },
  });
  expect(await verifyReceipt(receipt, { entry, origin, key })).toEqual({ index, size: 11, root });
});

test('refuses a proof file after any one character has changed, gone or been added', async () => {
  const { entry, text } = await example();
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] === 'B' ? 'C' : 'B';
    for (const changed of [text.slice(0, at) + letter + text.slice(at + 1), text.slice(0, at)]) {
      await expect(verifyTlogProof(changed, { entry, origin, key }), `character ${at}`).rejects.toThrow();
    }
  }
  const added = [
    `${text}\n`,
    ` ${text}`,
    text.replace('index', 'extra AAAA\nindex'),
    text.replace('index 5', 'index 05'),
  ];
  added.push(text.replaceAll('\n', '\r\n'));
  for (const changed of added)
    await expect(verifyTlogProof(changed, { entry, origin, key })).rejects.toThrow();
});

test('refuses a COSE receipt after any one bit has changed, and one cut short', async () => {
  const { entry, receipt } = await example();
  for (let at = 0; at < receipt.length; at++) {
    const changed = receipt.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await expect(verifyReceipt(changed, { entry, origin, key }), `byte ${at}`).rejects.toThrow();
    await expect(verifyReceipt(receipt.slice(0, at), { entry, origin, key })).rejects.toMatchObject({
      code: 'tlog/malformed-receipt',
    });
  }
});

test('a receipt proves its own entry, log and key only', async () => {
  const { entries, entry, receipt, text } = await example();
  const other = entries[6] ?? new Uint8Array();
  await expect(verifyTlogProof(text, { entry: other, origin, key })).rejects.toMatchObject({
    code: 'tlog/root-mismatch',
  });
  await expect(verifyReceipt(receipt, { entry: other, origin, key })).rejects.toMatchObject({
    code: 'tlog/bad-signature',
  });
  await expect(verifyReceipt(receipt, { entry, origin: 'other.example', key })).rejects.toMatchObject({
    code: 'tlog/wrong-origin',
  });
  await expect(verifyReceipt(receipt, { entry, origin, key: stranger.key })).rejects.toMatchObject({
    code: 'tlog/unknown-signer',
  });
});

test('witnesses that are asked for must have cosigned, and others must not stand in the file', async () => {
  const { entry, checkpoint, text } = await example();
  const witness = { name: 'witness.example', key: stranger.key };
  const cosigned = text + (await cosign(stranger, witness.name, checkpoint, 1_700_000_000_000));
  await verifyTlogProof(cosigned, { entry, origin, key, witnesses: [witness] });
  await expect(verifyTlogProof(text, { entry, origin, key, witnesses: [witness] })).rejects.toMatchObject({
    code: 'tlog/missing-witness',
  });
  await expect(verifyTlogProof(cosigned, { entry, origin, key })).rejects.toMatchObject({
    code: 'tlog/unknown-signature-line',
  });
});

test('a proof file reads back to what it was made from', async () => {
  const { text } = await example();
  expect(encodeTlogProof(parseTlogProof(text))).toBe(text);
});

test('refuses receipts over another kind of tree, with a payload, or with two proofs', async () => {
  const { receipt } = await example();
  const { value } = cborDecode(receipt) as CborTag;
  const [header, unprotected, , signature] = value as [
    Uint8Array,
    Map<number, Map<number, Uint8Array[]>>,
    null,
    Uint8Array,
  ];
  const again = (...parts: Parameters<typeof cborEncode>[0][]) => cborEncode(new CborTag(18, parts));
  expect(() => decodeReceipt(again(header, unprotected, new Uint8Array(32), signature))).toThrow(
    expect.objectContaining({ code: 'tlog/malformed-receipt' }),
  );
  const ccf = cborEncode(
    new Map([...(cborDecode(header) as Map<number, number>)].map(([k, v]) => [k, k === 395 ? 2 : v])),
  );
  expect(() => decodeReceipt(again(ccf, unprotected, null, signature))).toThrow(
    expect.objectContaining({ code: 'tlog/unsupported-tree' }),
  );
  const inclusion = unprotected.get(396)?.get(-1)?.[0] ?? new Uint8Array();
  const two = new Map([[396, new Map([[-1, [inclusion, inclusion]]])]]);
  expect(() => decodeReceipt(again(header, two, null, signature))).toThrow(
    expect.objectContaining({ code: 'tlog/malformed-receipt' }),
  );
});

test('receipts attach to a statement for other tools, and come off without changing it', async () => {
  const { receipt } = await example();
  const claims = { iss: 'sha256:aa', sub: 'run', aud: origin, iat: 1_700_000_000 };
  const statement = await sign1(signer, {
    contentType: contentTypeOf('run.requested'),
    claims,
    payload: utf8Encode('{}'),
  });
  expect(detachReceipts(attachReceipts(statement, [receipt]))).toEqual({ statement, receipts: [receipt] });
  expect(() => detachReceipts(statement)).toThrow(
    expect.objectContaining({ code: 'tlog/malformed-receipt' }),
  );
});

test('an entry is tag and digest, found by those who know the subject key', async () => {
  const K = await subjectKey(hexDecode('00112233445566778899aabbccddeeff'));
  const statement = utf8Encode('statement');
  const entry = await ledgerEntry(K, statement);
  const { tag, coseDigest } = splitEntry(entry);
  expect(await entryTag(K, coseDigest)).toEqual(tag);
  expect(concat(tag, coseDigest)).toEqual(entry);
  expect(await entryTag(PUBLIC_SUBJECT_KEY, coseDigest)).not.toEqual(tag);
  expect(() => splitEntry(entry.slice(1))).toThrow(expect.objectContaining({ code: 'tlog/malformed-entry' }));
  await expect(entryTag(K.slice(1), coseDigest)).rejects.toMatchObject({ code: 'tlog/malformed-entry' });
});

test('the public subject key is the published one', () => {
  expect(hexEncode(PUBLIC_SUBJECT_KEY)).toBe(
    '7461edfaeab1f46b9bdf3300f4981f9ce2f43de62d5c48d7835b2b573f49b0e8',
  );
});
