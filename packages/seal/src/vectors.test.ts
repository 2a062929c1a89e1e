// The project's own vectors, made by other programs (each file says by which): whole sealed things, as a stranger makes
// them from the specification.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, hexDecode, hexEncode, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import {
  assetKey,
  type AssetKind,
  associatedDataFor,
  encodeInventory,
  fileKey,
  openBytes,
  openInventory,
  openOutput,
  openRange,
  parseEnvelope,
  sealedFile,
  versionDigest,
} from './index.ts';

function vectors(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../../vectors/seal', name), 'utf8'));
}

test('opens files that Tink sealed, and no other path does', async () => {
  const { key, files } = vectors('tink.json') as {
    readonly key: string;
    readonly files: readonly { readonly path: string; readonly plaintext: string; readonly sealed: string }[];
  };
  expect(files.length).toBe(3);
  for (const { path, plaintext, sealed } of files) {
    const given = { key: hexDecode(key), sealed: hexDecode(sealed) };
    const opened = await openBytes({ ...given, associatedData: associatedDataFor(path) });
    expect(hexEncode(opened)).toBe(plaintext);
    const other = openBytes({ ...given, associatedData: associatedDataFor(`${path}x`) });
    await expect(other).rejects.toMatchObject({ code: 'seal/not-authentic' });
  }
});

test('opens a sealed folder from its CEK and asset salt', async () => {
  const vector = vectors('folder.json') as Record<
    'cek' | 'assetSalt' | 'inventory' | 'sealedInventory' | 'digest' | 'file' | 'leaves' | 'plaintext',
    string
  > & { readonly kind: AssetKind };
  const key = await assetKey(hexDecode(vector.cek), hexDecode(vector.assetSalt), vector.kind);
  const sealedInventory = hexDecode(vector.sealedInventory);
  expect(await versionDigest(sealedInventory)).toBe(vector.digest);
  const inventory = await openInventory(key, sealedInventory, { kind: vector.kind });
  expect(utf8Decode(encodeInventory(inventory))).toBe(vector.inventory);
  const [listed] = inventory.files;
  if (!listed) throw new Error('expected a file');
  const source = async () => hexDecode(vector.file);
  const leaves = hexDecode(vector.leaves);
  const file = await sealedFile({ ...listed, key: await fileKey(key), source, leaves });
  expect(hexEncode(await openRange(file, 0, file.size))).toBe(vector.plaintext);
});

test('opens an output sealed to an X25519 key', async () => {
  const vector = vectors('output.json') as Record<'secret' | 'content' | 'sealed' | 'envelope', string> & {
    readonly manifest: Digest;
  };
  const opened = await openOutput({
    sealed: hexDecode(vector.sealed),
    envelope: parseEnvelope(utf8Encode(vector.envelope)),
    secret: hexDecode(vector.secret),
    manifest: vector.manifest,
  });
  expect(utf8Decode(opened)).toBe(vector.content);
});
