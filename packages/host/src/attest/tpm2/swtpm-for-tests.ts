// A software TPM for tests: swtpm with its state in a folder of its own, and the tpm2-tools speaking to it.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tpmSocket, type TpmTransport } from './transport.ts';

const PROGRAMS = ['swtpm', 'tpm2_createek', 'tpm2_checkquote'];

/** False, with the reason printed, where the programs are not installed; CI must have them. @throws in CI */
export function hasSwtpm(): boolean {
  const folders = (process.env['PATH'] ?? '').split(':');
  const missing = PROGRAMS.filter((name) => !folders.some((folder) => existsSync(join(folder, name))));
  if (missing.length === 0) return true;
  if (process.env['CI'] === 'true')
    throw new Error(`${missing.join(', ')}: missing; CI must not skip its tests.`);
  console.log(`skipped: ${missing.join(', ')} not installed (Debian: swtpm, tpm2-tools)`);
  return false;
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  server.once('error', () => resolve(undefined)).listen(port, '127.0.0.1', () => resolve(server));
  return promise;
}

async function portOf(server: Server | undefined): Promise<number> {
  const address = server?.address();
  const { promise, resolve } = Promise.withResolvers<void>();
  server?.close(() => resolve());
  await promise;
  return typeof address === 'object' && address ? address.port : 0;
}

/** A port that is free, as is the one after it, by which tpm2-tools reach swtpm's control channel. */
async function twoPorts(): Promise<number> {
  for (;;) {
    const port = await portOf(await listen(0));
    const next = await listen(port + 1);
    if (next && (await portOf(next)) === port + 1) return port;
  }
}

export type Swtpm = {
  readonly folder: string;
  readonly open: () => Promise<TpmTransport>;
  /** Runs one of tpm2-tools in the folder and gives its output. */
  readonly tool: (name: string, ...words: string[]) => Promise<string>;
  readonly stop: () => Promise<void>;
};

export async function startSwtpm(): Promise<Swtpm> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-swtpm-'));
  const port = await twoPorts();
  const child = spawn(
    'swtpm',
    [
      ['socket', '--tpm2'],
      ['--tpmstate', `dir=${folder}`],
      ['--server', `type=tcp,port=${port},bindaddr=127.0.0.1`],
      ['--ctrl', `type=tcp,port=${port + 1},bindaddr=127.0.0.1`],
      ['--flags', 'not-need-init,startup-clear'],
    ].flat(),
    { stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const open = () => tpmSocket({ host: '127.0.0.1', port });
  for (let left = 100; ; left -= 1) {
    try {
      await (await open()).close();
      break;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }
  const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` };
  return {
    folder,
    open,
    tool: async (name, ...words) =>
      (await promisify(execFile)(name, words, { cwd: folder, env, timeout: 60_000 })).stdout,
    async stop() {
      child.kill();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
