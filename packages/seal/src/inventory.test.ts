import { base64urlDecode, base64urlEncode, type Bytes, canonicalBytes, utf8Encode } from '@sealroom/bytes';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  assetKey,
  checkSalts,
  encodeInventory,
  fileKey,
  generateAssetSalt,
  generateCek,
  type Inventory,
  newInventory,
  openInventory,
  parseInventory,
  sealBytes,
  sealedSize,
  sealInventory,
  versionDigest,
} from './index.ts';

const tree = `sha256:${'ab'.repeat(32)}` as const;
const file = (path: string, size = 5) => ({ path, size, sealedSize: sealedSize(size), tree });

let key: Bytes;
let inventory: Inventory;

beforeAll(async () => {
  const assetSalt = generateAssetSalt();
  key = await assetKey(generateCek(), assetSalt, 'dataset');
  const start = await newInventory(key, { kind: 'dataset', assetSalt });
  inventory = { ...start, files: [file('a.csv'), file('b/c.csv', 3_000_000)] };
});

test('reads back what it wrote, in one form only', () => {
  const bytes = encodeInventory(inventory);
  expect(parseInventory(bytes)).toEqual(inventory);
  const spaced = utf8Encode(JSON.stringify(inventory, null, 1));
  expect(() => parseInventory(spaced)).toThrow(expect.objectContaining({ code: 'seal/bad-inventory' }));
});

test('reads back any set of files', () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9 _-]{1,8}$/), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(names, fc.nat(), (paths, size) => {
      const made = { ...inventory, files: paths.toSorted().map((path) => file(path, size)) };
      expect(parseInventory(encodeInventory(made))).toEqual(made);
    }),
  );
});

test('refuses an inventory cut short at any byte', () => {
  const bytes = encodeInventory(inventory);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => parseInventory(bytes.slice(0, length))).toThrow(
      expect.objectContaining({ code: 'seal/bad-inventory' }),
    );
  }
});

describe('one mutation a field', () => {
  const zero = (length: number) => base64urlEncode(new Uint8Array(length));
  const ones = (length: number) => base64urlEncode(new Uint8Array(length).fill(1));
  const entry = (change: Record<string, unknown>) => ({ files: [{ ...file('a'), ...change }] });
  const cases: Record<string, readonly [Record<string, unknown>, string?]> = {
    'another version': [{ v: 2 }],
    'another kind': [{ kind: 'report' }],
    'another format': [{ format: 'bkenc' }],
    'a short salt': [{ salt: ones(15) }],
    'a zero salt': [{ salt: zero(16) }, 'seal/zero-salt'],
    'a short asset salt': [{ assetSalt: ones(31) }],
    'a zero asset salt': [{ assetSalt: zero(32) }, 'seal/zero-salt'],
    'a padded asset salt': [{ assetSalt: `${ones(32)}=` }],
    'a short commitment': [{ keyCommitment: ones(31) }],
    'a commitment that is a number': [{ keyCommitment: 1 }],
    'a missing member': [{ keyCommitment: undefined }],
    'an unknown member': [{ note: 'x' }],
    'no files': [{ files: [] }],
    'files that are no list': [{ files: {} }],
    'a file that is no object': [{ files: ['a'] }],
    'an unknown member of a file': [entry({ mode: 1 })],
    'a bad path': [entry({ path: '../a' }), 'seal/bad-path'],
    'the path of the inventory': [entry({ path: 'inventory.sealed' }), 'seal/bad-path'],
    'a path that is a number': [entry({ path: 1 })],
    'a negative size': [entry({ size: -1 })],
    'a size as text': [entry({ size: '5' })],
    'a size too large': [entry({ size: 2 ** 52 }), 'seal/too-large'],
    'sizes that do not match': [entry({ sealedSize: 62 })],
    'a tree in upper case': [entry({ tree: tree.toUpperCase() })],
    'files out of order': [{ files: [file('b'), file('a')] }],
    'a file twice': [{ files: [file('a'), file('a')] }],
    'two files that differ in letter case': [{ files: [file('A'), file('a')] }, 'seal/bad-path'],
    'a file that is also a folder': [{ files: [file('a'), file('a/b')] }, 'seal/bad-path'],
    'a file that is also a folder in other letters': [{ files: [file('A/b'), file('a')] }, 'seal/bad-path'],
  };
  test.each(Object.entries(cases))('refuses %s', (_name, [change, code = 'seal/bad-inventory']) => {
    expect(() => parseInventory(canonicalBytes({ ...inventory, ...change }))).toThrow(
      expect.objectContaining({ code }),
    );
  });
});

describe('sealed', () => {
  test('opens under its asset key and says which version it is', async () => {
    const sealed = await sealInventory(key, inventory);
    const digest = await versionDigest(sealed);
    const { kind, assetSalt, keyCommitment } = inventory;
    expect(await openInventory(key, sealed, { digest, kind, assetSalt, keyCommitment })).toEqual(inventory);
  });

  test('is not made under a key that it does not commit to', async () => {
    const other = await assetKey(generateCek(), generateAssetSalt(), 'dataset');
    await expect(sealInventory(other, inventory)).rejects.toMatchObject({ code: 'seal/wrong-key' });
  });

  test('does not open under another key, and says so when the commitment is known', async () => {
    const sealed = await sealInventory(key, inventory);
    const other = await assetKey(generateCek(), generateAssetSalt(), 'dataset');
    await expect(openInventory(other, sealed)).rejects.toMatchObject({ code: 'seal/not-authentic' });
    const { keyCommitment } = inventory;
    const known = openInventory(other, sealed, { keyCommitment });
    await expect(known).rejects.toMatchObject({ code: 'seal/wrong-key' });
  });

  test('is refused when it commits to another key than the one that opens it', async () => {
    const forged = { ...inventory, keyCommitment: base64urlEncode(new Uint8Array(32).fill(9)) };
    const sealed = await sealBytes({
      key: await fileKey(key),
      associatedData: utf8Encode('inventory.sealed'),
      plaintext: encodeInventory(forged),
    });
    await expect(openInventory(key, sealed)).rejects.toMatchObject({ code: 'seal/wrong-key' });
  });

  test('is refused when it is not the version that was asked for', async () => {
    const sealed = await sealInventory(key, inventory);
    const wrong = { code: 'seal/wrong-asset' };
    const older = await versionDigest(await sealInventory(key, inventory));
    await expect(openInventory(key, sealed, { digest: older })).rejects.toMatchObject(wrong);
    await expect(openInventory(key, sealed, { kind: 'algorithm' })).rejects.toMatchObject(wrong);
    const assetSalt = base64urlEncode(generateAssetSalt());
    await expect(openInventory(key, sealed, { assetSalt })).rejects.toMatchObject(wrong);
  });

  test('is refused when a listed file stands in its place', async () => {
    const sealed = await sealBytes({
      key: await fileKey(key),
      associatedData: utf8Encode('inventory.csv'),
      plaintext: encodeInventory(inventory),
    });
    await expect(openInventory(key, sealed)).rejects.toMatchObject({ code: 'seal/not-authentic' });
  });
});

test('refuses salts that are zero or repeated', () => {
  const [a, b] = [generateAssetSalt(), base64urlDecode(inventory.assetSalt)];
  expect(checkSalts([a, b])).toBeUndefined();
  expect(() => checkSalts([a, b, a.slice()])).toThrow(
    expect.objectContaining({ code: 'seal/repeated-salt' }),
  );
  expect(() => checkSalts([a, new Uint8Array(32)])).toThrow(
    expect.objectContaining({ code: 'seal/zero-salt' }),
  );
});
