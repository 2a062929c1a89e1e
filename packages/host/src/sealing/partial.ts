// The folder in which a sealing grows, and from which an interrupted one goes on:
//   .<name>.sealroom-partial/lock      the process that has it
//   .<name>.sealroom-partial/sealed/   the sealed files, renamed to the output when all of them are there
//   .<name>.sealroom-partial/journal   one line a step: JSON, a tab, HMAC-SHA256 over the MAC of the line before and the JSON
// The first line holds kind and asset salt, the others files that are whole. The MAC's key comes from the CEK, so that nobody
// else writes a line; lines that were cut off cost their work and nothing else. A file is never gone on with inside: one that
// is not in the journal is sealed anew under a fresh salt, so that no key and nonce ever meets two contents. Not checked
// here: that the files are still what the journal says (resume.ts).
import { createHmac, hkdfSync } from 'node:crypto';
import { type FileHandle, lstat, mkdir, open, readFile, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  bytesEqual,
  type Digest,
  hexDecode,
} from '@sealroom/bytes';
import { type AssetKind, generateAssetSalt } from '@sealroom/seal';
import { lockDirectory } from '../files.ts';
import { codeOf } from '../problem.ts';
import type { SourceState } from './batch.ts';
import { SealingError } from './error.ts';
import { exists, moveFolder } from './place.ts';

/** A file that was sealed whole. `tree` is the root over its sealed segments, `salt` (base64url) the one in its header. */
export type Entry = {
  readonly path: string;
  readonly source: SourceState;
  readonly size: number;
  readonly tree: Digest;
  readonly salt: string;
};

type Start = { readonly v: 1; readonly kind: AssetKind; readonly assetSalt: string };

export type Partial = {
  /** Where the sealed files go. */
  readonly folder: string;
  readonly assetSalt: Bytes;
  /** What the journal says is whole; empty for a new sealing. */
  readonly entries: readonly Entry[];
  /** Notes files that are whole; their bytes need not be on disk yet, since going on hashes them again. */
  note(entries: readonly Entry[]): Promise<void>;
  /** Gives the sealed files the output's name. */
  place(overwrite: boolean): Promise<void>;
  /** Lets go of the folder, keeping what is in it or not. */
  close(keep: boolean): Promise<void>;
};

export function partialName(output: string): string {
  return join(dirname(resolve(output)), `.${basename(resolve(output))}.sealroom-partial`);
}

function macOf(key: Uint8Array, before: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(before).update(text).digest();
}

function journalKey(cek: Bytes, assetSalt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', cek, assetSalt, 'sealroom/seal-journal/v1', 32));
}

type Journal = {
  readonly key: Uint8Array;
  readonly start: Start;
  readonly entries: readonly Entry[];
  /** The MAC of the last good line, and where it ends in the file. */
  readonly mac: Uint8Array;
  readonly end: number;
};

function startOf(json: string): Start | undefined {
  try {
    const { v, kind, assetSalt } = JSON.parse(json) as Start;
    if (v === 1 && (kind === 'dataset' || kind === 'algorithm') && base64urlDecode(assetSalt).length === 32)
      return { v, kind, assetSalt };
  } catch {
    // It is no journal; the caller says so.
  }
  return undefined;
}

/** The lines up to the first that was not written whole by the holder of the CEK; undefined when the first is not. */
function parseJournal(text: string, cek: Bytes): Journal | undefined {
  const entries: Entry[] = [];
  let found: Omit<Journal, 'mac' | 'end' | 'entries'> | undefined;
  let mac: Uint8Array = new Uint8Array();
  let end = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', end)) {
    const [json = '', tag = ''] = text.slice(end, at).split('\t');
    const start = found?.start ?? startOf(json);
    if (!start) return undefined;
    const key = found?.key ?? journalKey(cek, base64urlDecode(start.assetSalt));
    const wanted = macOf(key, mac, json);
    if (!/^[0-9a-f]{64}$/.test(tag) || !bytesEqual(hexDecode(tag), wanted)) break;
    // What has the MAC is what `note` wrote.
    if (found) entries.push(...(JSON.parse(json) as Entry[]));
    found = { key, start };
    mac = wanted;
    end = at + 1;
  }
  return found && { ...found, entries, mac, end };
}

function badPartial(name: string, why: string): SealingError {
  return new SealingError(
    'sealing/bad-partial',
    `${JSON.stringify(name)} ${why}. Give the key and kind of that sealing, or start anew (--fresh), which deletes it.`,
  );
}

/** A folder that this process made or has to itself. @throws sealing/busy · sealing/bad-partial */
async function take(name: string): Promise<{ release(): void }> {
  await mkdir(name, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  const stats = await lstat(name);
  const mine = process.getuid === undefined || stats.uid === process.getuid();
  if (!stats.isDirectory() || !mine || (stats.mode & 0o022) !== 0)
    throw badPartial(name, 'is no folder that only you may write');
  try {
    return lockDirectory(name);
  } catch (cause) {
    if (codeOf(cause) !== 'file/locked') throw cause;
    throw new SealingError('sealing/busy', 'Another process is sealing to this output; wait for it.', {
      cause,
    });
  }
}

type Opened = Omit<Journal, 'end'> & { readonly file: FileHandle };

async function openJournal(name: string, cek: Bytes, kind: AssetKind): Promise<Opened> {
  const path = join(name, 'journal');
  const text = (await exists(path)) ? await readFile(path, 'latin1') : '';
  // Without a whole line nothing was noted: the sealing was interrupted as it began.
  if (text.includes('\n')) {
    const journal = parseJournal(text, cek);
    if (journal?.start.kind !== kind)
      throw badPartial(name, 'is of a sealing by another key or of another kind, or damaged');
    const file = await open(path, 'a', 0o600);
    await file.truncate(journal.end);
    return { ...journal, file };
  }
  const assetSalt = generateAssetSalt();
  const start: Start = { v: 1, kind, assetSalt: base64urlEncode(assetSalt) };
  const key = journalKey(cek, assetSalt);
  const json = JSON.stringify(start);
  const mac = macOf(key, new Uint8Array(), json);
  const file = await open(path, 'w', 0o600);
  await file.write(`${json}\t${mac.toString('hex')}\n`);
  return { key, start, entries: [], mac, file };
}

/** JSON in ASCII, so that a line's length in characters is that in bytes. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export type PartialOptions = {
  readonly output: string;
  readonly cek: Bytes;
  readonly kind: AssetKind;
  /** Delete what an earlier sealing left. */
  readonly fresh: boolean;
};

/** Begins a sealing, or takes up the one that was interrupted. @throws sealing/busy · sealing/bad-partial */
export async function openPartial({ output, cek, kind, fresh }: PartialOptions): Promise<Partial> {
  const name = partialName(output);
  const lock = await take(name);
  const folder = join(name, 'sealed');
  try {
    if (fresh) {
      await rm(folder, { recursive: true, force: true });
      await rm(join(name, 'journal'), { force: true });
    }
    const { file, key, start, entries, mac } = await openJournal(name, cek, kind);
    let last: Uint8Array = mac;
    return {
      folder,
      assetSalt: base64urlDecode(start.assetSalt),
      entries,
      note: async (made) => {
        const json = asciiJson(made);
        const next = macOf(key, last, json);
        last = next;
        await file.write(`${json}\t${next.toString('hex')}\n`);
      },
      place: async (overwrite) => moveFolder(folder, output, overwrite),
      close: async (keep) => {
        await file.close();
        if (!keep) await rm(join(name, 'journal'), { force: true });
        if (!keep) await rm(folder, { recursive: true, force: true });
        lock.release();
        if (!keep) await rmdir(name).catch(() => undefined);
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}
