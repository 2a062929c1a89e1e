// COSE Receipts (RFC 9942) over the ledger's tree: verifiable data structure 1 (RFC9162_SHA256), inclusion only.
//   18([ << {1: alg, 4: kid, 15: {1: origin, 2: "sealroom/entry/v1", "size": tree size}, 395: 1} >>,
//        {396: {-1: [<< [size, index, [+ hash]] >>]}}, nil, signature ])
// The detached payload is the tree root. RFC 9942 signs neither size nor index, and one path can stand for two (index, size)
// pairs; so the size is also a signed claim, which fixes the index. The subject names the profile of the entry: tag ‖ SHA-256(COSE bytes), see entry.ts.
// A transparent statement carries its receipts under label 394. Not checked: freshness, witnesses (tlog-proof has those).
import { type Bytes, bytesEqual, digestBytes, digestString, leafHash } from '@sealroom/bytes';
import {
  ALG,
  type Cbor,
  cborDecode,
  cborEncode,
  CborTag,
  type KeyText,
  keyThumbprint,
  type Signer,
} from '@sealroom/cose';
import { TlogError } from './error.ts';
import { checkEd25519 } from './note.ts';
import { rootFromInclusion } from './proof.ts';

const RECEIPTS = 394;
const VDS = 395;
const VDP = 396;
const RFC9162_SHA256 = 1;
const INCLUSION = -1;
const ENTRY_PROFILE = 'sealroom/entry/v1';

function protectedHeader(origin: string, size: number, kid: Bytes, alg: number): Bytes {
  return cborEncode(
    new Map<Cbor, Cbor>([
      [1, alg],
      [4, kid],
      [
        15,
        new Map<Cbor, Cbor>([
          [1, origin],
          [2, ENTRY_PROFILE],
          ['size', size],
        ]),
      ],
      [VDS, RFC9162_SHA256],
    ]),
  );
}

const signatureInput = (header: Uint8Array, root: Uint8Array): Bytes =>
  cborEncode(['Signature1', header, new Uint8Array(), root]);

/** Signs a receipt for the leaf at `index` of the tree of `size` leaves with root `root`. */
export async function encodeReceipt(
  signer: Signer,
  claim: {
    readonly origin: string;
    readonly index: number;
    readonly size: number;
    readonly proof: readonly Uint8Array[];
    readonly root: Uint8Array;
  },
): Promise<Bytes> {
  const { origin, index, size, proof, root } = claim;
  const header = protectedHeader(origin, size, digestBytes(signer.kid), signer.alg);
  const inclusion = cborEncode([size, index, proof]);
  const proofs = new Map<Cbor, Cbor>([[VDP, new Map<Cbor, Cbor>([[INCLUSION, [inclusion]]])]]);
  const signature = await signer.sign(signatureInput(header, root));
  return cborEncode(new CborTag(18, [header, proofs, null, signature]));
}

export type Receipt = {
  readonly origin: string;
  readonly kid: Bytes;
  readonly index: number;
  readonly size: number;
  readonly proof: readonly Bytes[];
  readonly header: Bytes;
  readonly signature: Bytes;
};

const malformed = (cause?: unknown) =>
  new TlogError('tlog/malformed-receipt', 'Expected a COSE Receipt with exactly one inclusion proof.', {
    cause,
  });

function decode(bytes: Uint8Array): Cbor {
  try {
    return cborDecode(bytes);
  } catch (cause) {
    throw malformed(cause);
  }
}

function decodeHeader(bytes: Uint8Array, size: number): { readonly origin: string; readonly kid: Bytes } {
  const header = decode(bytes);
  const [claims, kid] = header instanceof Map ? [header.get(15), header.get(4)] : [];
  if (!(header instanceof Map) || !(claims instanceof Map) || !(kid instanceof Uint8Array)) throw malformed();
  if (header.get(VDS) !== RFC9162_SHA256) {
    throw new TlogError('tlog/unsupported-tree', 'The receipt is not over an RFC 9162 tree with SHA-256.');
  }
  const origin = claims.get(1);
  if (typeof origin !== 'string' || kid.length !== 32) throw malformed();
  // Whatever else a header could say is refused by comparing it with the one that its fields make.
  if (!bytesEqual(bytes, protectedHeader(origin, size, new Uint8Array(kid), ALG.Ed25519))) throw malformed();
  return { origin, kid: new Uint8Array(kid) };
}

function decodeInclusion(bytes: Uint8Array): Pick<Receipt, 'index' | 'size' | 'proof'> {
  const parts = decode(bytes);
  const [size, index, path] = Array.isArray(parts) && parts.length === 3 ? (parts as readonly Cbor[]) : [];
  if (typeof size !== 'number' || typeof index !== 'number' || !Array.isArray(path) || path.length > 64) {
    throw malformed();
  }
  const proof = (path as readonly Cbor[]).map((hash) => {
    if (!(hash instanceof Uint8Array)) throw malformed();
    return new Uint8Array(hash);
  });
  return { size, index, proof };
}

/** Takes a receipt apart; nothing is verified yet. @throws tlog/malformed-receipt · tlog/unsupported-tree */
export function decodeReceipt(bytes: Uint8Array): Receipt {
  const value = decode(bytes);
  const body = value instanceof CborTag && value.tag === 18 ? value.value : undefined;
  const [header, unprotected, payload, signature] =
    Array.isArray(body) && body.length === 4 ? (body as readonly Cbor[]) : [];
  if (!(header instanceof Uint8Array && signature instanceof Uint8Array) || payload !== null)
    throw malformed();
  const proofs = unprotected instanceof Map && unprotected.size === 1 ? unprotected.get(VDP) : undefined;
  const inclusions = proofs instanceof Map && proofs.size === 1 ? proofs.get(INCLUSION) : undefined;
  const [inclusion] =
    Array.isArray(inclusions) && inclusions.length === 1 ? (inclusions as readonly Cbor[]) : [];
  if (!(inclusion instanceof Uint8Array)) throw malformed();
  const where = decodeInclusion(inclusion);
  return {
    ...decodeHeader(header, where.size),
    ...where,
    header: new Uint8Array(header),
    signature: new Uint8Array(signature),
  };
}

/**
 * Verifies that `entry` is in the log of the given origin and key, and gives back the index, size and the signed root.
 * @throws tlog/wrong-origin · tlog/unknown-signer · tlog/bad-signature, and what decoding and the proof throw
 */
export async function verifyReceipt(
  bytes: Uint8Array,
  options: { readonly entry: Uint8Array; readonly origin: string; readonly key: KeyText },
): Promise<{ readonly index: number; readonly size: number; readonly root: Bytes }> {
  const receipt = decodeReceipt(bytes);
  const { index, size, proof } = receipt;
  if (receipt.origin !== options.origin) {
    throw new TlogError('tlog/wrong-origin', 'The receipt belongs to another log.');
  }
  if (digestString(receipt.kid) !== (await keyThumbprint(options.key))) {
    throw new TlogError('tlog/unknown-signer', 'The receipt names another key than the log is known by.');
  }
  const root = await rootFromInclusion({ index, size, proof, leaf: await leafHash(options.entry) });
  await checkEd25519(options.key, signatureInput(receipt.header, root), receipt.signature);
  return { index, size, root };
}

/** Puts receipts into a statement's unprotected header (a transparent statement, RFC 9943), for other SCITT tools. */
export function attachReceipts(statement: Uint8Array, receipts: readonly Uint8Array[]): Bytes {
  const { header, payload, signature } = splitStatement(statement, 0);
  const unprotected = new Map<Cbor, Cbor>([[RECEIPTS, receipts]]);
  return cborEncode(new CborTag(18, [header, unprotected, payload, signature]));
}

/** The statement as it was signed and logged, and its receipts (not yet verified). @throws tlog/malformed-receipt */
export function detachReceipts(transparent: Uint8Array): {
  readonly statement: Bytes;
  readonly receipts: readonly Bytes[];
} {
  const { header, unprotected, payload, signature } = splitStatement(transparent, 1);
  const found = unprotected.get(RECEIPTS);
  if (!Array.isArray(found) || found.length === 0) throw malformed();
  const receipts = (found as readonly Cbor[]).map((receipt) => {
    if (!(receipt instanceof Uint8Array)) throw malformed();
    return new Uint8Array(receipt);
  });
  return { statement: cborEncode(new CborTag(18, [header, new Map(), payload, signature])), receipts };
}

function splitStatement(bytes: Uint8Array, members: number) {
  const value = decode(bytes);
  const body = value instanceof CborTag && value.tag === 18 ? value.value : undefined;
  const [header, unprotected, payload, signature] =
    Array.isArray(body) && body.length === 4 ? (body as readonly Cbor[]) : [];
  if (!(header instanceof Uint8Array && payload instanceof Uint8Array && signature instanceof Uint8Array)) {
    throw malformed();
  }
  if (!(unprotected instanceof Map) || unprotected.size !== members) throw malformed();
  return { header, unprotected: unprotected as ReadonlyMap<Cbor, Cbor>, payload, signature };
}
