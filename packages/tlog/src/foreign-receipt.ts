// COSE Receipts of other ledgers (RFC 9942), verified on import: inclusion and consistency in an RFC 9162 tree with SHA-256
// (verifiable data structure 1, sections 5.2 and 5.3), and inclusion in a ledger of Microsoft's CCF (structure 2,
// draft-ietf-scitt-receipts-ccf-profile), as Azure's confidential ledger gives them. The detached payload is the root, which is
// computed and never read; a receipt that carries it, more than one proof, or none, is refused.
// Nothing but the signed root binds size and index here, and a receipt of inclusion and one of consistency can sign the same
// bytes; Sealroom's own receipts (receipt.ts) say both. Not checked: who holds the key, times, and what the headers claim.
import { type Bytes, bytesEqual, leafHash, sha256, utf8Encode } from '@sealroom/bytes';
import {
  type Cbor,
  cborDecodeForeign,
  CoseError,
  type FindKey,
  type Headers,
  verifyForeignSign1,
} from '@sealroom/cose';
import { TlogError } from './error.ts';
import { rootFromConsistency, rootFromInclusion } from './proof.ts';

const VDS = 395;
const VDP = 396;
const RFC9162_SHA256 = 1;
const CCF_LEDGER_SHA256 = 2;
const INCLUSION = -1;
const CONSISTENCY = -2;
const MAX_PATH = 64;

const malformed = (cause?: unknown) =>
  new TlogError(
    'tlog/malformed-receipt',
    'Expected a COSE Receipt with exactly one proof of the kind asked for.',
    {
      cause,
    },
  );

/** The one proof of the receipt of this kind; the structure is read from the protected header alone. */
function proofOf({ protected: inside, unprotected }: Headers, structure: number, kind: number): Cbor {
  if (inside.get(VDS) !== structure) {
    throw new TlogError(
      'tlog/unsupported-tree',
      'The receipt is over another kind of tree than the one asked for.',
    );
  }
  const proofs = unprotected.get(VDP);
  const list = proofs instanceof Map && proofs.size === 1 ? proofs.get(kind) : undefined;
  const [proof] = Array.isArray(list) && list.length === 1 ? (list as readonly Cbor[]) : [];
  if (!(proof instanceof Uint8Array)) throw malformed();
  return cborDecodeForeign(proof);
}

function asHash(value: Cbor | undefined): Bytes {
  if (value instanceof Uint8Array && value.length === 32) return new Uint8Array(value);
  throw malformed();
}

function asList(value: Cbor | undefined, most: number): readonly Cbor[] {
  if (Array.isArray(value) && value.length <= most) return value as readonly Cbor[];
  throw malformed();
}

/** Two numbers and a path: size and index, or both sizes. */
function numbersAndPath(proof: Cbor): readonly [number, number, readonly Bytes[]] {
  const [first, second, path, ...rest] = asList(proof, 3);
  if (typeof first !== 'number' || typeof second !== 'number' || rest.length > 0) throw malformed();
  return [first, second, asList(path, MAX_PATH).map(asHash)];
}

/** Verifies the signature over the root that `rootOf` computes, and gives the root. */
async function verifyRoot(
  receipt: Uint8Array,
  findKey: FindKey,
  rootOf: (headers: Headers) => Promise<Bytes>,
): Promise<{ readonly headers: Headers; readonly root: Bytes }> {
  try {
    const { headers, payload } = await verifyForeignSign1(receipt, findKey, { detached: rootOf });
    return { headers, root: payload };
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    if (cause.code === 'cose/malformed' || cause.code === 'cose/not-deterministic') throw malformed(cause);
    if (cause.code === 'cose/wrong-key')
      throw new TlogError('tlog/unknown-signer', 'The receipt is signed by a key that is not known.', {
        cause,
      });
    throw new TlogError('tlog/bad-signature', 'The receipt’s signature does not verify.', { cause });
  }
}

export type ForeignReceipt = { readonly headers: Headers; readonly root: Bytes };

/**
 * Verifies that `entry` is a leaf of an RFC 9162 tree (RFC 9942 section 5.2): size and index are what the proof says.
 * @throws tlog/malformed-receipt · tlog/unsupported-tree · tlog/unknown-signer · tlog/bad-signature, and what the proof throws
 */
export async function verifyForeignInclusion(
  receipt: Uint8Array,
  { entry, findKey }: { readonly entry: Uint8Array; readonly findKey: FindKey },
): Promise<ForeignReceipt & { readonly index: number; readonly size: number }> {
  let place = { index: 0, size: 0 };
  const verified = await verifyRoot(receipt, findKey, async (headers) => {
    const [size, index, proof] = numbersAndPath(proofOf(headers, RFC9162_SHA256, INCLUSION));
    place = { index, size };
    return rootFromInclusion({ index, size, proof, leaf: await leafHash(entry) });
  });
  return { ...verified, ...place };
}

/**
 * Verifies that a log grew from a root that the caller knows already to the one that the receipt signs (RFC 9942 section
 * 5.3). The old size and root come from the caller: a log that named them itself could name any.
 * @throws tlog/malformed-receipt · tlog/unsupported-tree · tlog/unknown-signer · tlog/bad-signature · tlog/bad-size (the
 *   receipt begins elsewhere), and what the proof throws
 */
export async function verifyForeignConsistency(
  receipt: Uint8Array,
  {
    from,
    fromRoot,
    findKey,
  }: { readonly from: number; readonly fromRoot: Uint8Array; readonly findKey: FindKey },
): Promise<ForeignReceipt & { readonly size: number }> {
  let size = 0;
  const verified = await verifyRoot(receipt, findKey, async (headers) => {
    const [first, to, proof] = numbersAndPath(proofOf(headers, RFC9162_SHA256, CONSISTENCY));
    if (first !== from)
      throw new TlogError('tlog/bad-size', 'The receipt begins at another size than the known one.');
    size = to;
    return rootFromConsistency({ from, to, fromRoot, proof });
  });
  return { ...verified, size };
}

/** The root of a CCF ledger from its inclusion proof (section 3.2 of the profile), if the leaf is that of `dataHash`. */
async function ccfRoot(proof: Cbor, dataHash: Uint8Array): Promise<Bytes> {
  if (!(proof instanceof Map) || proof.size !== 2) throw malformed();
  const [transaction, evidence, data, ...rest] = asList(proof.get(1), 3);
  if (typeof evidence !== 'string' || rest.length > 0) throw malformed();
  const evidenceBytes = utf8Encode(evidence);
  if (evidenceBytes.length < 1 || evidenceBytes.length > 1024) throw malformed();
  if (!bytesEqual(asHash(data), dataHash)) {
    throw new TlogError('tlog/root-mismatch', 'The receipt is about another statement.');
  }
  let root = await sha256(asHash(transaction), await sha256(evidenceBytes), dataHash);
  const path = asList(proof.get(2), MAX_PATH);
  if (path.length === 0) throw malformed();
  for (const step of path) {
    const [left, hash, ...more] = asList(step, 2);
    if (typeof left !== 'boolean' || more.length > 0) throw malformed();
    root = left ? await sha256(asHash(hash), root) : await sha256(root, asHash(hash));
  }
  return root;
}

/**
 * Verifies that a statement stands in a CCF ledger.
 * @param options.statement the COSE_Sign1 with an empty unprotected header, as the ledger took it (`detachReceipts`)
 * @throws tlog/malformed-receipt · tlog/unsupported-tree · tlog/root-mismatch (another statement) · tlog/unknown-signer ·
 *   tlog/bad-signature
 */
export async function verifyCcfInclusion(
  receipt: Uint8Array,
  { statement, findKey }: { readonly statement: Uint8Array; readonly findKey: FindKey },
): Promise<ForeignReceipt> {
  const dataHash = await sha256(statement);
  return verifyRoot(receipt, findKey, async (headers) =>
    ccfRoot(proofOf(headers, CCF_LEDGER_SHA256, INCLUSION), dataHash),
  );
}
