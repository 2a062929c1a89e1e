// Evidence of SEV-SNP and TDX guests through Linux' configfs-tsm (ABI: Documentation/ABI/testing/configfs-tsm-report, kernel 6.7
// and later): a folder a request, report data written in one write, the report read back, and the generation compared around
// every read so that nobody else's write went in between. What comes back is not verified here; certificates beside a report
// come from the host. Not here: service providers (SVSM), and report interfaces older than this one.
import { mkdir, open, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlEncode, concat } from '@sealroom/bytes';
import type { RoomTechnology } from '@sealroom/attest';
import { codeOf } from '../problem.ts';
import { ProviderError } from './error.ts';
import type { EvidenceProvider } from './provider.ts';

export const TSM_REPORTS = '/sys/kernel/config/tsm/report';

/** The file operations that are used, so that tests can play the kernel behind them. */
export type TsmFiles = {
  makeDirectory: (path: string) => Promise<void>;
  removeDirectory: (path: string) => Promise<void>;
  read: (path: string) => Promise<Uint8Array>;
  /** One write and no more; says how many bytes were taken. */
  write: (path: string, bytes: Uint8Array) => Promise<number>;
};

async function writeOnce(path: string, bytes: Uint8Array): Promise<number> {
  const file = await open(path, 'w');
  try {
    return (await file.write(bytes)).bytesWritten;
  } finally {
    // The kernel takes a binary attribute when the file is closed, and may refuse it then.
    await file.close();
  }
}

export const LINUX_FILES: TsmFiles = {
  makeDirectory: async (path) => {
    await mkdir(path);
  },
  removeDirectory: rmdir,
  read: readFile,
  write: writeOnce,
};

export type TsmOptions = {
  readonly folder?: string;
  readonly files?: TsmFiles;
  /** SNP: the privilege level (VMPL) that asks, 0 to 3; the kernel's own where nothing is said. */
  readonly privilegeLevel?: number;
  readonly attempts?: number;
  /** Name of the request's folder; unique. */
  readonly entry?: () => string;
};

const REPORT_DATA = 64;
const LARGEST = 128 * 1024;
const ATTEMPTS = 8;
const TECHNOLOGIES: Readonly<Record<string, RoomTechnology | undefined>> = {
  sev_guest: 'sev-snp' as RoomTechnology,
  tdx_guest: 'tdx' as RoomTechnology,
};
/** Somebody else's request is under way, or a signal came: worth trying again. */
const PASSING = new Set(['EBUSY', 'EAGAIN', 'EWOULDBLOCK', 'EINTR']);

/** Another's write went in between, or the platform was busy. */
class Disturbed extends Error {}

function told(cause: unknown, what: string): Error {
  const code = codeOf(cause) ?? 'unknown';
  if (PASSING.has(code)) return new Disturbed(code, { cause });
  if (code === 'EFBIG')
    return new ProviderError('provider/too-large', `The kernel has no room for ${what}.`, { cause });
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR')
    return new ProviderError(
      'provider/unavailable',
      `${what} cannot be reached (${code}); mount configfs, load the guest's driver and let the room write there.`,
      { cause },
    );
  return new ProviderError('provider/refused', `The platform gave no ${what} (${code}).`, { cause });
}

async function attempt<T>(what: string, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    throw told(cause, what);
  }
}

type Report = {
  readonly technology: RoomTechnology;
  readonly report: Uint8Array;
  readonly certificates: Uint8Array;
};

class Request {
  readonly #files: TsmFiles;
  readonly #folder: string;
  #generation = 0;

  constructor(files: TsmFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  async #text(name: string): Promise<string> {
    const bytes = await attempt(name, () => this.#files.read(join(this.#folder, name)));
    return bytes.length > 256 ? '' : new TextDecoder().decode(bytes).trim();
  }

  async #number(name: string): Promise<number> {
    const text = await this.#text(name);
    if (!/^[0-9]{1,15}$/.test(text))
      throw new ProviderError('provider/malformed', `The kernel's ${name} is not a number.`);
    return Number(text);
  }

  async begin(): Promise<void> {
    this.#generation = await this.#number('generation');
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const written = await attempt(name, () => this.#files.write(join(this.#folder, name), bytes));
    if (written !== bytes.length) throw new Disturbed(`only ${written} bytes of ${name} were taken`);
    this.#generation += 1;
  }

  /** Reads a file, and makes sure that it is of what was written here and nowhere else. */
  async read(name: string, { optional = false } = {}): Promise<Uint8Array> {
    const bytes = await attempt(name, async () => {
      try {
        return await this.#files.read(join(this.#folder, name));
      } catch (error) {
        if (optional && codeOf(error) === 'ENOENT') return new Uint8Array();
        throw error;
      }
    });
    if ((await this.#number('generation')) !== this.#generation) throw new Disturbed('another wrote as well');
    if (bytes.length > LARGEST)
      throw new ProviderError(
        'provider/too-large',
        `The platform's ${name} is larger than such reports are.`,
      );
    return bytes;
  }

  async floor(level: number): Promise<void> {
    const least = await this.#number('privlevel_floor');
    if (level < least)
      throw new ProviderError(
        'provider/refused',
        `This guest may ask at privilege level ${least} or higher, not at ${level}.`,
      );
  }

  async technology(): Promise<RoomTechnology> {
    const provider = await this.#text('provider');
    const technology = Object.hasOwn(TECHNOLOGIES, provider) ? TECHNOLOGIES[provider] : undefined;
    if (technology) return technology;
    throw new ProviderError(
      'provider/unavailable',
      `The kernel's provider ${JSON.stringify(provider)} is not known here.`,
    );
  }
}

async function inFolder<T>(
  { folder = TSM_REPORTS, files = LINUX_FILES, entry }: TsmOptions,
  body: (request: Request) => Promise<T>,
): Promise<T> {
  const name = entry?.() ?? `sealroom-${crypto.randomUUID()}`;
  const path = join(folder, name);
  await attempt('the folder of reports', () => files.makeDirectory(path));
  try {
    return await body(new Request(files, path));
  } finally {
    await files.removeDirectory(path).catch(() => undefined);
  }
}

async function once(options: TsmOptions, reportData: Uint8Array): Promise<Report> {
  return inFolder(options, async (request) => {
    await request.begin();
    const { privilegeLevel } = options;
    if (privilegeLevel !== undefined) {
      await request.floor(privilegeLevel);
      await request.write('privlevel', new TextEncoder().encode(String(privilegeLevel)));
    }
    await request.write('inblob', reportData);
    const report = await request.read('outblob');
    const certificates = await request.read('auxblob', { optional: true });
    const technology = await request.technology();
    if (report.length === 0)
      throw new ProviderError('provider/malformed', 'The platform gave an empty report.');
    return { technology, report, certificates };
  });
}

/** Which technology this guest's kernel reports for. @throws provider/unavailable · provider/busy */
export async function tsmTechnology(options: TsmOptions = {}): Promise<RoomTechnology> {
  return persist(options, () => inFolder(options, (request) => request.technology()));
}

async function persist<T>({ attempts = ATTEMPTS }: TsmOptions, body: () => Promise<T>): Promise<T> {
  let last: unknown;
  for (let count = 0; count < attempts; count += 1) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof Disturbed)) throw error;
      last = error;
    }
  }
  throw new ProviderError(
    'provider/busy',
    'Others ask this guest for reports all the time; none came of this room.',
    {
      cause: last,
    },
  );
}

/** @throws ProviderError when this guest has no such interface */
export async function configfsTsm(options: TsmOptions = {}): Promise<EvidenceProvider> {
  const technology = await tsmTechnology(options);
  return {
    name: 'configfs-tsm',
    technology,
    async provide(reportData) {
      const padded = new Uint8Array(REPORT_DATA);
      padded.set(reportData);
      const found = await persist(options, () => once(options, padded));
      if (found.technology !== technology)
        throw new ProviderError(
          'provider/malformed',
          'The guest reports for another technology than before.',
        );
      // Linux gives the certificate table of SNP apart; the evidence has it behind the report.
      const bytes = technology === 'tdx' ? found.report : concat(found.report, found.certificates);
      return { technology, body: base64urlEncode(bytes) };
    },
  };
}
