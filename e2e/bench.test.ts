// The benchmarks still run, on amounts too small to say anything: they print figures, of whatever size.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { REPOSITORY } from './story.ts';

const run = promisify(execFile);

test.each([
  ['seal.ts', ['2', '1'], ['sealroom seal, flushed', 'sealroom open, flushed', 'most memory']],
  ['folder.ts', ['20', '1', '100'], ['cp -r', 'bare file-key derivations', 'seal, flushed', 'open, flushed']],
  ['serve.ts', ['3', '1'], ['staged to clear', 'streamed to proxied', 'most memory of the server']],
])('bench/%s prints its figures', async (program, given, lines) => {
  const { stdout } = await run(process.execPath, [join(REPOSITORY, 'bench', program), ...given]);
  for (const line of lines) expect(stdout).toMatch(new RegExp(`${line}.*\\d`));
  expect(stdout).not.toContain('NaN');
});

test('a benchmark refuses an amount that is none', async () => {
  const asked = run(process.execPath, [join(REPOSITORY, 'bench', 'folder.ts'), '-1']);
  await expect(asked).rejects.toMatchObject({ code: 1 });
});
