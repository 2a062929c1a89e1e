// The inventory of a dataset or algorithm version (protocol.md section 3): canonical JSON, sealed like a file at the
// path `inventory.sealed`. Its sealed bytes' SHA-256 is the version's digest. Paths stand in the order of their UTF-16
// code units, as RFC 8785 orders members. Not checked here: that the files themselves are what the inventory lists.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  bytesEqual,
  canonicalBytes,
  type Digest,
  digestBytes,
  hexEncode,
  type Json,
  parseCanonical,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { SealError } from './error.ts';
import { type AssetKind, fileKey, keyCommitment } from './keys.ts';
import { sealedSize } from './layout.ts';
import { checkPath, checkPaths, INVENTORY_NAME } from './path.ts';
import type { SegmentCipher } from './segment.ts';
import { openBytes, sealBytes } from './stream.ts';

/** A sealed file: its path, plaintext and sealed bytes, and the root of the tree over its sealed segments. */
export type InventoryFile = {
  readonly path: string;
  readonly size: number;
  readonly sealedSize: number;
  readonly tree: Digest;
};

/** `salt` (16 bytes), `assetSalt` and `keyCommitment` (32 bytes) are base64url. */
export type Inventory = {
  readonly v: 1;
  readonly kind: AssetKind;
  readonly salt: string;
  readonly assetSalt: string;
  readonly keyCommitment: string;
  readonly format: 'tink/1mb';
  readonly files: readonly InventoryFile[];
};

const LARGEST = 64 * 1024 * 1024;

function bad(message: string, cause?: unknown): SealError {
  return new SealError('seal/bad-inventory', `The inventory ${message}.`, { cause });
}

function members(value: Json | undefined, names: readonly string[]): Record<string, Json> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad(`lacks an object with ${names.join(', ')}`);
  }
  const found = Object.keys(value);
  if (found.length !== names.length || !names.every((name) => Object.hasOwn(value, name))) {
    throw bad(`must have exactly the members ${names.join(', ')}`);
  }
  return value as Record<string, Json>;
}

function text(value: Json | undefined, name: string): string {
  if (typeof value !== 'string') throw bad(`has a ${name} that is no string`);
  return value;
}

function bytesText(value: Json | undefined, name: string, length: number): string {
  const encoded = text(value, name);
  const bytes = base64urlDecode(encoded);
  if (bytes.length !== length) throw bad(`has a ${name} that is not ${length} bytes`);
  return encoded;
}

function salt(value: Json | undefined, name: string, length: number): string {
  const encoded = bytesText(value, name, length);
  if (base64urlDecode(encoded).every((byte) => byte === 0)) {
    throw new SealError('seal/zero-salt', `The inventory's ${name} is all zeros; seal the files again.`);
  }
  return encoded;
}

function file(value: Json): InventoryFile {
  const entry = members(value, ['path', 'sealedSize', 'size', 'tree']);
  const path = checkPath(text(entry['path'], 'path'));
  const tree = text(entry['tree'], 'tree');
  const size = entry['size'];
  digestBytes(tree);
  if (typeof size !== 'number' || size < 0 || entry['sealedSize'] !== sealedSize(size)) {
    throw bad(`gives ${JSON.stringify(path)} sizes that do not belong together`);
  }
  return { path, size, sealedSize: sealedSize(size), tree: tree as Digest };
}

function read(bytes: Uint8Array): Inventory {
  const root = members(parseCanonical(bytes), [
    'assetSalt',
    'files',
    'format',
    'keyCommitment',
    'kind',
    'salt',
    'v',
  ]);
  if (root['v'] !== 1) throw bad('is of a version that this program does not know; update the program');
  if (root['format'] !== 'tink/1mb') throw bad('names a format other than tink/1mb');
  const kind = root['kind'];
  if (kind !== 'dataset' && kind !== 'algorithm') throw bad('is of a kind other than dataset or algorithm');
  const entries: Json | undefined = root['files'];
  if (!Array.isArray(entries) || entries.length === 0) throw bad('lists no file');
  const files = entries.map(file);
  if (files.some(({ path }, i) => i > 0 && path <= (files[i - 1]?.path ?? ''))) {
    throw bad('does not list its files in order of path, each once');
  }
  checkPaths(files.map(({ path }) => path));
  return {
    v: 1,
    kind,
    salt: salt(root['salt'], 'salt', 16),
    assetSalt: salt(root['assetSalt'], 'assetSalt', 32),
    keyCommitment: bytesText(root['keyCommitment'], 'keyCommitment', 32),
    format: 'tink/1mb',
    files,
  };
}

/**
 * Reads the plaintext of an inventory, strictly.
 * @throws seal/bad-inventory · seal/bad-path · seal/zero-salt · seal/too-large
 */
export function parseInventory(bytes: Uint8Array): Inventory {
  if (bytes.length > LARGEST) throw bad('is larger than 64 MiB; make fewer, larger files');
  try {
    return read(bytes);
  } catch (cause) {
    if (cause instanceof BytesError) throw bad(`cannot be read: ${cause.message}`, cause);
    throw cause;
  }
}

/** The canonical bytes, once they parse. @throws as {@link parseInventory} */
export function encodeInventory(inventory: Inventory): Bytes {
  const bytes = canonicalBytes(inventory);
  parseInventory(bytes);
  return bytes;
}

async function checkCommitment(key: Bytes, commitment: string): Promise<void> {
  if (!bytesEqual(await keyCommitment(key), base64urlDecode(commitment))) {
    throw new SealError(
      'seal/wrong-key',
      'The version was sealed with another key than this one. Use the key that was wrapped when it was sealed.',
    );
  }
}

/** The bytes of `inventory.sealed`. @throws seal/wrong-key when the inventory commits to another asset key */
export async function sealInventory(
  assetKey: Bytes,
  inventory: Inventory,
  cipher?: SegmentCipher,
): Promise<Bytes> {
  await checkCommitment(assetKey, inventory.keyCommitment);
  return sealBytes({
    key: await fileKey(assetKey),
    associatedData: utf8Encode(INVENTORY_NAME),
    plaintext: encodeInventory(inventory),
    ...(cipher ? { cipher } : {}),
  });
}

/** What a signed statement says about a version; each member that is given is compared. */
export type ExpectedVersion = {
  readonly digest?: Digest;
  readonly kind?: AssetKind;
  readonly assetSalt?: string;
  readonly keyCommitment?: string;
};

/**
 * Opens `inventory.sealed` and checks that it commits to the key that opened it. The asset salt cannot be recomputed
 * from an asset key: give the one of the signed statement in `expected`.
 * @throws seal/wrong-key · seal/wrong-asset (not the version expected) · what {@link parseInventory} and opening throw
 */
export async function openInventory(
  assetKey: Bytes,
  sealed: Uint8Array,
  expected: ExpectedVersion = {},
): Promise<Inventory> {
  const differs = (what: string) =>
    new SealError(
      'seal/wrong-asset',
      `The inventory is not that of the version asked for (${what} differs); fetch it again.`,
    );
  if (sealed.length > LARGEST) throw bad('is larger than 64 MiB');
  if (expected.digest !== undefined && (await versionDigest(sealed)) !== expected.digest)
    throw differs('digest');
  if (expected.keyCommitment !== undefined) await checkCommitment(assetKey, expected.keyCommitment);
  const inventory = parseInventory(
    await openBytes({
      key: await fileKey(assetKey),
      associatedData: utf8Encode(INVENTORY_NAME),
      sealed,
    }),
  );
  await checkCommitment(assetKey, inventory.keyCommitment);
  for (const name of ['kind', 'assetSalt', 'keyCommitment'] as const) {
    if (expected[name] !== undefined && expected[name] !== inventory[name]) throw differs(name);
  }
  return inventory;
}

/** The digest of a version: SHA-256 of the bytes of `inventory.sealed`. */
export async function versionDigest(sealed: Uint8Array): Promise<Digest> {
  return sha256Digest(sealed);
}

/** Starts an inventory: everything but the files. @throws seal/bad-key */
export async function newInventory(
  assetKey: Bytes,
  { kind, assetSalt }: { kind: AssetKind; assetSalt: Bytes },
): Promise<Omit<Inventory, 'files'>> {
  return {
    v: 1,
    kind,
    salt: base64urlEncode(crypto.getRandomValues(new Uint8Array(16))),
    assetSalt: base64urlEncode(assetSalt),
    keyCommitment: base64urlEncode(await keyCommitment(assetKey)),
    format: 'tink/1mb',
  };
}

/**
 * For readers of several files under one key: the salts in their headers must be different, and not zero.
 * @throws seal/zero-salt · seal/repeated-salt
 */
export function checkSalts(salts: readonly Uint8Array[]): void {
  const seen = new Set<string>();
  for (const bytes of salts) {
    const name = hexEncode(bytes);
    if (bytes.every((byte) => byte === 0)) {
      throw new SealError('seal/zero-salt', "A file's salt is all zeros; seal the files again.");
    }
    if (seen.has(name)) {
      throw new SealError(
        'seal/repeated-salt',
        'Two files were sealed with one salt: key and nonces were used twice. Seal the files again.',
      );
    }
    seen.add(name);
  }
}
