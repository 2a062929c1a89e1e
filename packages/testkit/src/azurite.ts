// Microsoft's emulator of Azure Blob Storage as a child process on loopback, for tests of the Azure adapter with the real SDK.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { ContainerClient, ContainerSASPermissions, StorageSharedKeyCredential } from '@azure/storage-blob';

export type Azurite = {
  /** Such as `http://127.0.0.1:40123`. */
  readonly origin: string;
  /** Makes a container. */
  createContainer(name: string): Promise<ContainerClient>;
  stop(): Promise<void>;
};

const ACCOUNT = 'testaccount';
const KEY = Buffer.alloc(64, 1).toString('base64');

/** @throws when the emulator ends before it listens */
export async function startAzurite(): Promise<Azurite> {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-azurite-'));
  const installed = createRequire(import.meta.url).resolve('azurite/package.json');
  const program = join(dirname(installed), 'dist/src/blob/main.js');
  const options = ['--blobPort', '0', '--location', folder, '--skipApiVersionCheck', '--disableTelemetry'];
  const child = spawn(process.execPath, [program, ...options], {
    env: { PATH: process.env['PATH'], AZURITE_ACCOUNTS: `${ACCOUNT}:${KEY}` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { stdout } = child;
  if (stdout === null) throw new Error('The emulator has no output.');
  // The lines are read to the end: a full pipe would stop the emulator.
  const origin = await new Promise<string>((found, failed) => {
    child.once('exit', () => failed(new Error('The emulator has ended.')));
    createInterface(stdout).on('line', (line) => {
      const address = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) found(address);
    });
  });
  return {
    origin,
    createContainer: async (name) => {
      const container = new ContainerClient(
        `${origin}/${ACCOUNT}/${name}`,
        new StorageSharedKeyCredential(ACCOUNT, KEY),
      );
      await container.create();
      return container;
    },
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(folder, { recursive: true });
    },
  };
}

/** A SAS URL of a container. @param permissions such as `rl` (read and list) or `rcw` */
export function sasUrl(
  container: ContainerClient,
  permissions: string,
  expiresOn = new Date(Date.now() + 600_000),
): Promise<string> {
  return container.generateSasUrl({ permissions: ContainerSASPermissions.parse(permissions), expiresOn });
}
