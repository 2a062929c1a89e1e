// Test support: runs a package's entry point on this machine, without a sandbox. For our own examples only.
import { spawn } from 'node:child_process';
import { dirname, join, posix } from 'node:path';
import { resolveEntrypoint } from './entrypoint.ts';
import { readPackage } from './read.ts';

const SDK = join(import.meta.dirname, '..', '..', '..', '..', 'sdk', 'python');

/** How it ended: exit status and what it printed. */
export type Ended = { readonly status: number | null; readonly output: string };

/** Starts the package as a room does: its entry point, in its folder, with the SDK on Python's path. */
export async function runPackage(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const { entrypoint, workdir, files } = await readPackage(folder);
  const [program = '', ...words] = resolveEntrypoint(
    entrypoint,
    workdir,
    files.map((file) => file.path),
  );
  const local = program.startsWith(`${workdir}/`) ? join(folder, posix.relative(workdir, program)) : program;
  const child = spawn(local, words, {
    cwd: folder,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
      PYTHONPATH: `${SDK}:${join(SDK, 'compat')}`,
      PYTHONDONTWRITEBYTECODE: '1',
      ...environment,
    },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString('utf8')));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output: output.join('') }));
  });
}
