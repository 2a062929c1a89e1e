// The project's own vector: what the ledger's bytes are, for those who write another implementation. Ed25519 signatures
// have one value, so everything in it is made anew and compared.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  base64urlDecode,
  base64urlEncode,
  hexDecode,
  hexEncode,
  leafHash,
  treeRoot,
  utf8Encode,
} from '@sealroom/bytes';
import { ed25519Signer } from '@sealroom/cose';
import { expect, test } from 'vitest';
import {
  cosign,
  encodeReceipt,
  encodeTlogProof,
  inclusionProof,
  ledgerEntry,
  noteKeyText,
  PUBLIC_SUBJECT_KEY,
  signCheckpoint,
  subjectKey,
  verifyReceipt,
  verifyTlogProof,
} from './index.ts';

const file = join(import.meta.dirname, '..', '..', '..', 'vectors', 'ledger', 'receipts.json');
const vector = JSON.parse(readFileSync(file, 'utf8')) as Record<'given' | 'made', Record<string, unknown>>;

const given = vector.given as {
  origin: string;
  secret: string;
  witness: { name: string; secret: string; time: number };
  salt: string;
  statements: { subject: 'public' | 'salt'; coseBytes: string }[];
  index: number;
};

async function make() {
  const { origin, index } = given;
  const signer = await ed25519Signer(hexDecode(given.secret));
  const witness = await ed25519Signer(hexDecode(given.witness.secret));
  const K = await subjectKey(base64urlDecode(given.salt));
  const entries = await Promise.all(
    given.statements.map(({ subject, coseBytes }) =>
      ledgerEntry(subject === 'public' ? PUBLIC_SUBJECT_KEY : K, utf8Encode(coseBytes)),
    ),
  );
  const leaves = await Promise.all(entries.map((entry) => leafHash(entry)));
  const [size, root] = [leaves.length, await treeRoot(leaves)];
  const read = (level: number, at: number) => treeRoot(leaves.slice(at * 2 ** level, (at + 1) * 2 ** level));
  const proof = await inclusionProof(read, index, size);
  const signed = await signCheckpoint(signer, { origin, size, root });
  const checkpoint = signed + (await cosign(witness, given.witness.name, signed, given.witness.time));
  const receipt = await encodeReceipt(signer, { origin, index, size, proof, root });
  return {
    key: signer.key,
    noteKey: await noteKeyText(origin, signer.key),
    witnessKey: witness.key,
    publicSubjectKey: base64urlEncode(PUBLIC_SUBJECT_KEY),
    subjectKey: base64urlEncode(K),
    entries: entries.map(hexEncode),
    leaves: leaves.map(hexEncode),
    root: hexEncode(root),
    proof: encodeTlogProof({ index, proof, checkpoint }),
    receipt: hexEncode(receipt),
  };
}

test('the ledger’s bytes are those of the published vector', async () => {
  expect(await make()).toEqual(vector.made);
});

test('the receipts of the published vector verify', async () => {
  const made = vector.made as Awaited<ReturnType<typeof make>>;
  const { origin, index } = given;
  const entry = hexDecode(made.entries[index] ?? '');
  const witnesses = [{ name: given.witness.name, key: made.witnessKey }];
  const verified = await verifyTlogProof(made.proof, { entry, origin, key: made.key, witnesses });
  expect(verified).toMatchObject({ index, checkpoint: { cosignatures: [{ time: given.witness.time }] } });
  expect(await verifyReceipt(hexDecode(made.receipt), { entry, origin, key: made.key })).toMatchObject({
    index,
  });
});
