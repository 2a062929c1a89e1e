import { createPublicKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Bytes,
  concat,
  hexDecode,
  hexEncode,
  leafHash,
  sha256,
  treeRoot,
  utf8Encode,
} from '@sealroom/bytes';
import {
  type Cbor,
  cborDecodeForeign,
  cborEncode,
  CborTag,
  ed25519Signer,
  type FindKey,
  generateSecret,
  type Spki,
} from '@sealroom/cose';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import {
  consistencyProof,
  detachReceipts,
  inclusionProof,
  type TlogError,
  verifyCcfInclusion,
  verifyForeignConsistency,
  verifyForeignInclusion,
} from './index.ts';

const signer = await ed25519Signer(generateSecret());
const findKey: FindKey = () => signer.key;

/** A receipt as another ledger would write it: headers in no order of ours, the proofs as given. */
async function receiptOver(
  root: Bytes,
  proofs: Map<Cbor, Cbor>,
  { structure = 1, payload = null as Cbor } = {},
): Promise<Bytes> {
  const header = cborEncode(
    new Map<Cbor, Cbor>([
      [1, -8],
      [395, structure],
    ]),
  );
  const signature = await signer.sign(cborEncode(['Signature1', header, new Uint8Array(), root]));
  return cborEncode(new CborTag(18, [header, new Map<Cbor, Cbor>([[396, proofs]]), payload, signature]));
}

const oneProof = (kind: number, ...proofs: Cbor[]) => new Map<Cbor, Cbor>([[kind, proofs.map(cborEncode)]]);

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'verified',
    (error: TlogError) => error.code,
  );

/** A log of thirteen entries. */
async function log() {
  const entries = Array.from({ length: 13 }, (_, i) => utf8Encode(`entry ${i}`));
  const leaves = await Promise.all(entries.map((entry) => leafHash(entry)));
  const rootAt = (size: number) => treeRoot(leaves.slice(0, size));
  const read = (level: number, at: number) => treeRoot(leaves.slice(at << level, (at + 1) << level));
  return { entries, rootAt, read };
}

describe('a receipt of inclusion', () => {
  test('proves its own entry, under the key that is known', async () => {
    const { entries, rootAt, read } = await log();
    for (const index of [0, 7, 12]) {
      const path = await inclusionProof(read, index, 13);
      const receipt = await receiptOver(await rootAt(13), oneProof(-1, [13, index, path]));
      const entry = entries[index] ?? new Uint8Array();
      expect(await verifyForeignInclusion(receipt, { entry, findKey })).toMatchObject({ index, size: 13 });
      const other = entries[1] ?? new Uint8Array();
      expect(await code(verifyForeignInclusion(receipt, { entry: other, findKey }))).toBe(
        'tlog/bad-signature',
      );
      expect(await code(verifyForeignInclusion(receipt, { entry, findKey: () => undefined }))).toBe(
        'tlog/unknown-signer',
      );
      const stranger = await ed25519Signer(generateSecret());
      expect(await code(verifyForeignInclusion(receipt, { entry, findKey: () => stranger.key }))).toBe(
        'tlog/bad-signature',
      );
    }
  });

  test('is refused when its proof is another, of another kind, missing, doubled, or beside its root', async () => {
    const { entries, rootAt, read } = await log();
    const [root, path] = [await rootAt(13), await inclusionProof(read, 5, 13)];
    const entry = entries[5] ?? new Uint8Array();
    const check = async (proofs: Map<Cbor, Cbor>, options = {}) =>
      code(verifyForeignInclusion(await receiptOver(root, proofs, options), { entry, findKey }));
    const good: Cbor = [13, 5, path];
    expect(await check(oneProof(-1, good))).toBe('verified');
    expect(await check(oneProof(-1, good), { payload: root })).toBe('tlog/malformed-receipt');
    expect(await check(oneProof(-1, good), { structure: 2 })).toBe('tlog/unsupported-tree');
    expect(await check(oneProof(-1, good, good))).toBe('tlog/malformed-receipt');
    expect(await check(oneProof(-1))).toBe('tlog/malformed-receipt');
    expect(await check(oneProof(-2, good))).toBe('tlog/malformed-receipt');
    expect(await check(new Map([...oneProof(-1, good), ...oneProof(-2, good)]))).toBe(
      'tlog/malformed-receipt',
    );
    expect(await check(new Map([[-1, [good]]]))).toBe('tlog/malformed-receipt');
    const odd: Cbor[] = [
      [13, 5],
      [13, 5, path, 1],
      ['13', 5, path],
      [13, 5, [path]],
      [13, 5, [Uint8Array.of(1)]],
      7,
    ];
    for (const proof of [...odd, [13, 5, Array.from({ length: 65 }, () => root)]])
      expect(await check(oneProof(-1, proof))).toBe('tlog/malformed-receipt');
    expect(await check(oneProof(-1, [13, 13, path]))).toBe('tlog/bad-index');
    expect(await check(oneProof(-1, [13, 5, path.slice(1)]))).toBe('tlog/bad-proof-length');
    expect(await check(oneProof(-1, [13, 4, path]))).toBe('tlog/bad-signature');
  });

  test('survives no change of a byte but of the size, which nobody signs, and no cut', async () => {
    const { entries, rootAt, read } = await log();
    const entry = entries[5] ?? new Uint8Array();
    const proof: Cbor = [13, 5, await inclusionProof(read, 5, 13)];
    const receipt = await receiptOver(await rootAt(13), oneProof(-1, proof));
    const sizes = new Set<number>();
    for (let at = 0; at < receipt.length; at++) {
      const changed = receipt.with(at, (receipt[at] ?? 0) ^ 1);
      const verified = await verifyForeignInclusion(changed, { entry, findKey }).catch(() => undefined);
      if (verified) sizes.add(verified.size);
      expect(await code(verifyForeignInclusion(receipt.slice(0, at), { entry, findKey }))).toBe(
        'tlog/malformed-receipt',
      );
    }
    // Twelve leaves give the same path to the same root. Sealroom's own receipts sign their size for this reason.
    expect([...sizes]).toEqual([12]);
  });
});

describe('a receipt of consistency', () => {
  test('proves growth from a root that is known, and from no other', async () => {
    const { rootAt, read } = await log();
    for (const from of [1, 6, 8, 13]) {
      const path = await consistencyProof(read, from, 13);
      const receipt = await receiptOver(await rootAt(13), oneProof(-2, [from, 13, path]));
      const fromRoot = await rootAt(from);
      expect(await verifyForeignConsistency(receipt, { from, fromRoot, findKey })).toMatchObject({
        size: 13,
        root: await rootAt(13),
      });
      const rewritten = await verifyForeignConsistency(receipt, {
        from,
        fromRoot: await sha256(fromRoot),
        findKey,
      }).catch((error: TlogError) => error.code);
      // From 1, 8 and 13 the known root goes straight into the new one, which then is another than the signed.
      expect(rewritten).toBe(from === 6 ? 'tlog/root-mismatch' : 'tlog/bad-signature');
      expect(await code(verifyForeignConsistency(receipt, { from: 7, fromRoot, findKey }))).toBe(
        'tlog/bad-size',
      );
    }
  });

  test('is none of inclusion, nor the other way round', async () => {
    const { entries, rootAt, read } = await log();
    const fromRoot = await rootAt(6);
    const grown = await receiptOver(
      await rootAt(13),
      oneProof(-2, [6, 13, await consistencyProof(read, 6, 13)]),
    );
    const entry = entries[5] ?? new Uint8Array();
    expect(await code(verifyForeignInclusion(grown, { entry, findKey }))).toBe('tlog/malformed-receipt');
    const included = await receiptOver(
      await rootAt(13),
      oneProof(-1, [13, 5, await inclusionProof(read, 5, 13)]),
    );
    expect(await code(verifyForeignConsistency(included, { from: 6, fromRoot, findKey }))).toBe(
      'tlog/malformed-receipt',
    );
    const backwards = await receiptOver(await rootAt(6), oneProof(-2, [13, 6, []]));
    expect(await code(verifyForeignConsistency(backwards, { from: 13, fromRoot, findKey }))).toBe(
      'tlog/bad-size',
    );
  });
});

const folder = sharedVectors('cose') ?? '';
const scitt = join(folder, 'scitt-cose');
const file = (...path: string[]): Bytes => new Uint8Array(readFileSync(join(folder, ...path)));
const spkiOf = (key: X509Certificate | string): Spki => {
  const found = typeof key === 'string' ? createPublicKey(key) : key.publicKey;
  return { spki: new Uint8Array(found.export({ type: 'spki', format: 'der' })) };
};

describe.skipIf(!folder)('receipts that other ledgers gave', () => {
  test('of scitt-cose get their verdict', async () => {
    const cases = join('scitt-cose', 'test-vectors', 'v1');
    const verdicts: Record<string, string> = {
      'fail-tampered-path': 'tlog/bad-signature',
      'fail-unsupported-vds': 'tlog/unsupported-tree',
    };
    const names = readdirSync(join(folder, cases)).filter((name) => !name.startsWith('.'));
    for (const name of names) {
      type Expected = {
        receipt_valid: boolean;
        leaf_entry: string;
        reconstructed_root: string | null;
        leaf_index: number;
        tree_size: number;
      };
      const expected = JSON.parse(Buffer.from(file(cases, name, 'expected.json')).toString()) as Expected;
      const statement = file(cases, name, 'statement.cose');
      const entry = await sha256(statement);
      expect(hexEncode(entry), name).toBe(expected.leaf_entry);
      const receipt = file(cases, name, 'receipt.cose');
      const find = () => spkiOf(Buffer.from(file(cases, name, 'log-key.pub')).toString());
      const verified = name.includes('ccf')
        ? verifyCcfInclusion(receipt, { statement, findKey: find })
        : verifyForeignInclusion(receipt, { entry, findKey: find });
      if (!expected.receipt_valid) {
        expect(await code(verified), name).toBe(verdicts[name]);
        continue;
      }
      expect(hexEncode((await verified).root), name).toBe(expected.reconstructed_root);
      if (name.includes('ccf')) continue;
      expect(await verified).toMatchObject({ index: expected.leaf_index, size: expected.tree_size });
    }
    expect(names.length).toBe(6);
  });

  test('of three ledgers about two statements verify, each about its own', async () => {
    const shared = JSON.parse(readFileSync(join(scitt, 'interop', 'ccf', 'shared-vector.json'), 'utf8')) as {
      statement: { bytes_base64: string };
      our_receipt: { bytes_base64: string; ts_public_key_pem: string };
      ccf_receipt: { receipt_bytes_base64: string; ts_cert_pem: string };
      direction_flip: {
        statement_bytes_base64: string;
        our_receipt: { bytes_base64: string; ts_public_key_pem: string };
      };
    };
    const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
    const [ours, theirs] = [
      bytes(shared.statement.bytes_base64),
      bytes(shared.direction_flip.statement_bytes_base64),
    ];
    const simple = (
      { bytes_base64, ts_public_key_pem }: { bytes_base64: string; ts_public_key_pem: string },
      entry: Bytes,
    ) => verifyForeignInclusion(bytes(bytes_base64), { entry, findKey: () => spkiOf(ts_public_key_pem) });
    expect(await simple(shared.our_receipt, await sha256(ours))).toMatchObject({ index: 0, size: 1 });
    expect(await simple(shared.direction_flip.our_receipt, await sha256(theirs))).toMatchObject({
      index: 151,
      size: 152,
    });
    expect(await code(simple(shared.our_receipt, await sha256(theirs)))).toBe('tlog/bad-signature');
    const ccf = bytes(shared.ccf_receipt.receipt_bytes_base64);
    const find = () => spkiOf(new X509Certificate(shared.ccf_receipt.ts_cert_pem));
    const { root } = await verifyCcfInclusion(ccf, { statement: theirs, findKey: find });
    expect(hexEncode(root)).toBe('cc1ceda4965b6c490194f1972e6307539d1996a13520bbe28287a8ce983e34ea');
    expect(await code(verifyCcfInclusion(ccf, { statement: ours, findKey: find }))).toBe(
      'tlog/root-mismatch',
    );
  });

  test('of Azure’s ledger about its confidential containers verifies under the key that its kid names', async () => {
    const statements = join('scitt-ccf-ledger', 'test', 'transparent_statements');
    const { parameters } = JSON.parse(Buffer.from(file(statements, 'esrp-cts-db.json')).toString()) as {
      parameters: { serviceCertificate: string; serviceId: string }[];
    };
    expect(parameters.length).toBe(8);
    // The kid of a CCF ledger is the SHA-256 of its SubjectPublicKeyInfo, in hexadecimal text.
    const keys = new Map<string, Spki>();
    for (const { serviceCertificate, serviceId } of parameters) {
      const key = spkiOf(new X509Certificate(Buffer.from(serviceCertificate, 'base64')));
      expect(serviceId).toHaveLength(64);
      keys.set(hexEncode(await sha256(key.spki)), key);
    }
    const find: FindKey = ({ protected: inside }) =>
      keys.get(Buffer.from(inside.get(4) as Uint8Array).toString());
    const { statement, receipts } = detachReceipts(file(statements, 'uvm_0.2.10.cose'));
    const [receipt = new Uint8Array(), ...rest] = receipts;
    expect(rest).toEqual([]);
    const { headers } = await verifyCcfInclusion(receipt, { statement, findKey: find });
    expect((headers.protected.get(15) as ReadonlyMap<Cbor, Cbor>).get(1)).toBe(
      'esrp-cts-db.confidential-ledger.azure.com',
    );
    const other = statement.with(-1, (statement.at(-1) ?? 0) ^ 1);
    expect(await code(verifyCcfInclusion(receipt, { statement: other, findKey: find }))).toBe(
      'tlog/root-mismatch',
    );
  });

  test('of a CCF ledger survives no change of what it proves', async () => {
    const name = join('scitt-cose', 'test-vectors', 'v1', 'valid-ccf-vds2');
    const statement = file(name, 'statement.cose');
    const find = () => spkiOf(Buffer.from(file(name, 'log-key.pub')).toString());
    const receipt = file(name, 'receipt.cose');
    const { value } = cborDecodeForeign(receipt) as CborTag;
    const [header, unprotected, , signature] = value as readonly [
      Cbor,
      ReadonlyMap<Cbor, ReadonlyMap<Cbor, readonly Uint8Array[]>>,
      Cbor,
      Cbor,
    ];
    const [inner = new Uint8Array()] = unprotected.get(396)?.get(-1) ?? [];
    const proof = cborDecodeForeign(inner) as ReadonlyMap<Cbor, readonly Cbor[]>;
    const [leaf = [], path = []] = [proof.get(1), proof.get(2)];
    const check = (leafParts: readonly Cbor[], steps: readonly Cbor[]) => {
      const proofs = oneProof(
        -1,
        new Map<Cbor, Cbor>([
          [1, leafParts],
          [2, steps],
        ]),
      );
      const bytes = cborEncode(
        new CborTag(18, [header, new Map<Cbor, Cbor>([[396, proofs]]), null, signature]),
      );
      return code(verifyCcfInclusion(bytes, { statement, findKey: find }));
    };
    expect(await check(leaf, path)).toBe('verified');
    const [first = [], ...others] = path as readonly (readonly Cbor[])[];
    expect(await check(leaf, [[first[0] !== true, first[1] ?? null], ...others])).toBe('tlog/bad-signature');
    expect(await check(leaf, others)).toBe('tlog/bad-signature');
    expect(await check(leaf, [])).toBe('tlog/malformed-receipt');
    expect(await check(leaf, [[1, first[1] ?? null], ...others])).toBe('tlog/malformed-receipt');
    expect(await check(leaf, [[...first, 1], ...others])).toBe('tlog/malformed-receipt');
    expect(await check([leaf[0] ?? null, 'evidence', leaf[2] ?? null], path)).toBe('tlog/bad-signature');
    expect(await check([leaf[0] ?? null, '', leaf[2] ?? null], path)).toBe('tlog/malformed-receipt');
    expect(await check([leaf[0] ?? null, 'e'.repeat(1025), leaf[2] ?? null], path)).toBe(
      'tlog/malformed-receipt',
    );
    expect(await check([leaf[0] ?? null, leaf[1] ?? null, hexDecode('00'.repeat(32))], path)).toBe(
      'tlog/root-mismatch',
    );
    expect(await check([...leaf, 1], path)).toBe('tlog/malformed-receipt');
    expect(await check(leaf.slice(1), path)).toBe('tlog/malformed-receipt');
    for (let at = 0; at < receipt.length; at++) {
      const changed = concat(
        receipt.slice(0, at),
        Uint8Array.of((receipt[at] ?? 0) ^ 1),
        receipt.slice(at + 1),
      );
      expect(await code(verifyCcfInclusion(changed, { statement, findKey: find })), `byte ${at}`).not.toBe(
        'verified',
      );
    }
  });
});
