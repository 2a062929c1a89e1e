// Pieces of collateral in a folder, one file each, as the vendor made them, so that anything that reads such files can use the
// folder too. A file's name says which need it answers, when it came and what its SHA-256 is, and it is believed only while
// that is true. Files appear whole or not at all; writers of several processes take turns. Secrets are none of them.
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Bytes, hexEncode, sha256 } from '@sealroom/bytes';
import { lockDirectory, writeFileAtomic } from '../files.ts';
import { codeOf, refusal } from '../problem.ts';
import { isAlive } from '../processes.ts';

/** A file by what its name says. */
export type KeptFile = {
  readonly file: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
  readonly sha256: string;
  readonly form: 'der' | 'json' | 'xml';
  /** Of a key set that was imported: until when its importer vouches for it. */
  readonly vouchedUntil?: number | undefined;
};

export type NewFile = Pick<KeptFile, 'name' | 'form' | 'vouchedUntil'> & { readonly bytes: Uint8Array };

export type FolderLimits = { readonly files: number; readonly bytes: number };
export const FOLDER_LIMITS: FolderLimits = { files: 4096, bytes: 128 * 1024 * 1024 };

export type CollateralFolder = {
  readonly path: string;
  list(): Promise<KeptFile[]>;
  /** undefined when the file is gone, cannot be read, or is not the one that its name says. */
  read(kept: KeptFile): Promise<Bytes | undefined>;
  /**
   * Keeps all of these, then removes what they replace. @throws collateral/busy when another process goes on writing
   * @param allowed says which may be written, once nobody else can write
   */
  put(files: readonly NewFile[], fetchedAt: number, allowed?: () => Promise<void>): Promise<KeptFile[]>;
};

const NAME =
  /^([a-zA-Z0-9.-]+(?:_[a-zA-Z0-9.-]+){0,4}?)(?:_vouched-until-(\d{13}))?_(\d{13})_([0-9a-f]{64})\.(der|json|xml)$/;
const LARGEST = 16 * 1024 * 1024;
/** Of one file that cannot be read, which is its own fault and no other's. */
const UNREADABLE: ReadonlySet<string> = new Set(['ENOENT', 'EISDIR', 'EACCES', 'EPERM', 'ELOOP', 'EIO']);
const TURNS = 100;
const TURN_MS = 50;

function keptOf(file: string): KeptFile | undefined {
  const [, name = '', until, fetchedAt = '', digest = '', form] = NAME.exec(file) ?? [];
  if (form !== 'der' && form !== 'json' && form !== 'xml') return undefined;
  const kept = { file, name, fetchedAt: Number(fetchedAt), sha256: digest, form } as const;
  return until === undefined ? kept : { ...kept, vouchedUntil: Number(until) };
}

/** The kind, for keeping the folder bounded fairly. */
function kindOf({ name }: KeptFile): string {
  return name.split('_')[0] ?? name;
}

/** Of the kind that has the most files the one that came first. */
function firstToGo(kept: readonly KeptFile[]): KeptFile | undefined {
  const kinds = Map.groupBy(kept, kindOf);
  const largest = [...kinds.values()].toSorted((a, b) => b.length - a.length)[0] ?? [];
  return largest.toSorted((a, b) => a.fetchedAt - b.fetchedAt)[0];
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (UNREADABLE.has(codeOf(error) ?? '')) return 0;
    throw error;
  }
}

/** Takes a folder for one writer, waiting a while for another. @throws collateral/busy */
async function lockPatiently(path: string): Promise<{ release(): void }> {
  for (let turn = 0; turn < TURNS; turn++) {
    try {
      return lockDirectory(path);
    } catch (error) {
      if (codeOf(error) !== 'file/locked') throw error;
    }
    await pause(TURN_MS);
  }
  throw refusal('collateral/busy', `Another process goes on writing into ${path}; try again.`);
}

/** What a killed writer left: a file in the making, while nobody else writes; or its turn at the lock, when it is dead. */
function isLeftOver(file: string): boolean {
  if (/^\..*\.tmp$/.test(file)) return true;
  const pid = /^\.lock\.(\d{1,10})\./.exec(file)?.[1];
  return pid !== undefined && !isAlive({ pid: Number(pid), start: '' });
}

async function keepBounded(path: string, list: () => Promise<KeptFile[]>, limits: FolderLimits) {
  const kept = await list();
  const sizes = new Map<string, number>();
  for (const { file } of kept) sizes.set(file, await sizeOf(join(path, file)));
  let bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  let left = kept;
  while (left.length > limits.files || bytes > limits.bytes) {
    const gone = firstToGo(left);
    if (!gone) return;
    await rm(join(path, gone.file), { force: true });
    bytes -= sizes.get(gone.file) ?? 0;
    left = left.filter((one) => one !== gone);
  }
}

/**
 * Makes the folder, and leaves the mode of one that is there alone.
 * @throws file/not-private when others may write into it, its owner among them unless that is this user or root
 */
async function openPrivately(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { mode, uid } = await stat(path);
  const own = uid === 0 || uid === process.getuid?.();
  if (own && (mode & 0o022) === 0) return;
  throw refusal(
    'file/not-private',
    `Others may write into ${path}; take that right from them (chmod go-w, chown), or name another folder.`,
  );
}

/** @throws file/not-private, and what making and listing a folder throws */
export async function openCollateralFolder(
  path: string,
  limits: FolderLimits = FOLDER_LIMITS,
): Promise<CollateralFolder> {
  await openPrivately(path);
  const list = async (): Promise<KeptFile[]> => (await readdir(path)).flatMap((file) => keptOf(file) ?? []);
  let writing: Promise<unknown> = Promise.resolve();

  const write = async (files: readonly NewFile[], fetchedAt: number): Promise<KeptFile[]> => {
    for (const file of await readdir(path)) if (isLeftOver(file)) await rm(join(path, file), { force: true });
    const before = await list();
    const made: KeptFile[] = [];
    for (const { name, form, bytes, vouchedUntil } of files) {
      const digest = hexEncode(await sha256(bytes));
      const stamp = String(Math.trunc(fetchedAt)).padStart(13, '0');
      const word = vouchedUntil === undefined ? '' : `_vouched-until-${vouchedUntil}`;
      const file = `${name}${word}_${stamp}_${digest}.${form}`;
      const kept = keptOf(file);
      if (!kept) throw new TypeError('A piece of collateral has no name that a file can have.');
      try {
        await writeFileAtomic(join(path, file), bytes);
      } catch (error) {
        for (const one of made) await rm(join(path, one.file), { force: true });
        throw error;
      }
      made.push(kept);
    }
    const replaced = before.filter(
      (one) => made.some(({ name }) => name === one.name) && !made.some(({ file }) => file === one.file),
    );
    for (const { file } of replaced) await rm(join(path, file), { force: true });
    await keepBounded(path, list, limits);
    return made;
  };

  return {
    path,
    list,
    async read({ file, sha256: digest }) {
      try {
        const whole = join(path, file);
        if ((await sizeOf(whole)) > LARGEST) return undefined;
        const bytes = new Uint8Array(await readFile(whole));
        return hexEncode(await sha256(bytes)) === digest ? bytes : undefined;
      } catch (error) {
        if (UNREADABLE.has(codeOf(error) ?? '')) return undefined;
        throw error;
      }
    },
    async put(files, fetchedAt, allowed = async () => undefined) {
      const turn = writing.then(async () => {
        const lock = await lockPatiently(path);
        try {
          await allowed();
          return await write(files, fetchedAt);
        } finally {
          lock.release();
        }
      });
      writing = turn.catch(() => undefined);
      return turn;
    },
  };
}
