import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

async function isolationUnder(mask: string): Promise<unknown> {
  const script = `umask ${mask}; exec "$0" "$1" --probe`;
  const program = join(import.meta.dirname, 'main.ts');
  const { stdout } = await run('/bin/sh', ['-c', script, process.execPath, program]);
  return (JSON.parse(stdout) as { isolation: unknown }).isolation;
}

test('the sandbox is as strong under the mask of a hardened service as under the usual one', async () => {
  expect(await isolationUnder('077')).toBe(await isolationUnder('022'));
});
