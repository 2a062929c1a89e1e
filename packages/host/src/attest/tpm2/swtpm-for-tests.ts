// A software TPM for tests: swtpm with its state in a folder of its own, and the tpm2-tools speaking to it.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
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

export type Swtpm = {
  readonly folder: string;
  /** The socket to which commands go. */
  readonly path: string;
  readonly open: () => Promise<TpmTransport>;
  /** Runs one of tpm2-tools in the folder and gives its output. */
  readonly tool: (name: string, ...words: string[]) => Promise<string>;
  /** Off and on again: registers begin anew, keys stay. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
};

async function turnOn(folder: string, path: string): Promise<() => Promise<void>> {
  const child = spawn(
    'swtpm',
    [
      ['socket', '--tpm2'],
      ['--tpmstate', `dir=${folder}`],
      ['--server', `type=unixio,path=${path}`],
      // Where tpm2-tools look for the control channel.
      ['--ctrl', `type=unixio,path=${path}.ctrl`],
      ['--flags', 'not-need-init,startup-clear'],
    ].flat(),
    { stdio: 'ignore' },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  for (let left = 100; ; left -= 1) {
    try {
      await (await tpmSocket({ path })).close();
      break;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
  }
  return async () => {
    child.kill();
    await exited;
  };
}

export async function startSwtpm(): Promise<Swtpm> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-swtpm-'));
  const path = join(folder, 'tpm.socket');
  let turnOff = await turnOn(folder, path);
  const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:path=${path}` };
  return {
    folder,
    path,
    open: () => tpmSocket({ path }),
    tool: async (name, ...words) =>
      (await promisify(execFile)(name, words, { cwd: folder, env, timeout: 60_000 })).stdout,
    async restart() {
      await turnOff();
      turnOff = await turnOn(folder, path);
    },
    async stop() {
      await turnOff();
      await rm(folder, { recursive: true });
    },
  };
}
