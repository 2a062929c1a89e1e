// The launch digest of the room program as installed: SHA-256 of the canonical JSON of its files' paths and digests (the
// room, the packages it imports, the Python client it offers, the lockfile). It names what a simulated room runs; unlike a
// hardware measurement nobody but the node's operator vouches for it. Not covered: node_modules itself (the lockfile pins
// it) and the Node binary.
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { canonicalBytes, type Digest, sha256Digest } from '@sealroom/bytes';

/** Folder of the installation: the workspace that this file belongs to. */
export const INSTALLATION = join(import.meta.dirname, '..', '..', '..');

const PARTS = [
  'apps/room',
  'packages/api',
  'packages/attest',
  'packages/bytes',
  'packages/client',
  'packages/contract',
  'packages/cose',
  'packages/criteria',
  'packages/host',
  'packages/seal',
  'packages/tlog',
  'sdk/python',
];

function counts(path: string): boolean {
  return (
    /(?:\.ts|\.py|package\.json)$/.test(path) && !path.endsWith('.test.ts') && !/(?:^|\/)tests?\//.test(path)
  );
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.parentPath.split(sep).includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** @param root the installation's folder */
export async function measureRoom(root: string = INSTALLATION): Promise<Digest> {
  const found = (await Promise.all(PARTS.map((part) => filesBelow(join(root, part))))).flat();
  const paths = found.map((path) => relative(root, path).split(sep).join('/')).filter(counts);
  if (paths.length < PARTS.length)
    throw new Error('The room program is not whole: files are missing from the installation.');
  const files: { path: string; digest: Digest }[] = [];
  for (const path of [...paths, 'package-lock.json'].toSorted()) {
    files.push({ path, digest: await sha256Digest(await readFile(join(root, path))) });
  }
  return sha256Digest(canonicalBytes({ v: 1, files }));
}
