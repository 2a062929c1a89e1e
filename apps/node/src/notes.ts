// Which runs this node has: a note for each on disk, written before its room starts and removed when the hub knows the end.
// A node that was killed finds here which rooms it left behind and which ends it still owes.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, parseStrictJson, utf8Decode } from '@sealroom/bytes';
import { digest } from '@sealroom/contract';
import { ensureDirectory, type ProcessName, writeFileAtomic } from '@sealroom/host';
import { z } from 'zod';

const shape = z.strictObject({
  run: digest,
  /** The room's process; absent until it was started. */
  room: z.strictObject({ pid: z.int().min(1), start: z.string() }).optional(),
});

export type Note = z.infer<typeof shape>;

export type Notes = {
  /** Every run that is noted now. */
  runs(): Digest[];
  /** Durable when it resolves. */
  write(run: Digest, room?: ProcessName): Promise<void>;
  remove(run: Digest): Promise<void>;
};

/** Opens the folder of notes. @returns them, and those that an earlier process of this node left */
export async function openNotes(folder: string): Promise<{ notes: Notes; left: readonly Note[] }> {
  await ensureDirectory(folder, 0o700);
  const left: Note[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json')) await rm(join(folder, name), { force: true });
    else left.push(shape.parse(parseStrictJson(utf8Decode(await readFile(join(folder, name))))));
  }
  const known = new Set(left.map(({ run }) => run));
  const place = (run: Digest) => join(folder, `${run.slice('sha256:'.length)}.json`);
  const notes: Notes = {
    runs: () => [...known],
    write: async (run, room) => {
      await writeFileAtomic(place(run), `${JSON.stringify(room === undefined ? { run } : { run, room })}\n`);
      known.add(run);
    },
    remove: async (run) => {
      await rm(place(run), { force: true });
      known.delete(run);
    },
  };
  return { notes, left };
}
