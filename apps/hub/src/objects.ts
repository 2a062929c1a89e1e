// Sealed outputs on disk, named by their digest: what is read is what was written, or nothing. The directory holds
// ciphertext only.
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { codeOf, ensureDirectory, writeFileAtomic } from '@sealroom/host';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Objects = {
  /** Durable when it resolves. The same bytes twice are one object. */
  put(bytes: Uint8Array): Promise<Digest>;
  /** Undefined when the object is not there, or is no longer what was written. */
  get(digest: Digest): Promise<Bytes | undefined>;
};

export async function openObjects(directory: string): Promise<Objects> {
  await ensureDirectory(directory);
  const place = (digest: Digest): { folder: string; path: string } => {
    const hex = digest.slice('sha256:'.length);
    const folder = join(directory, hex.slice(0, 2));
    return { folder, path: join(folder, hex) };
  };
  return {
    async put(bytes) {
      const digest = await sha256Digest(bytes);
      const { folder, path } = place(digest);
      await ensureDirectory(folder);
      await writeFileAtomic(path, bytes);
      return digest;
    },
    async get(digest) {
      try {
        const bytes = new Uint8Array(await readFile(place(digest).path));
        return (await sha256Digest(bytes)) === digest ? bytes : undefined;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}
