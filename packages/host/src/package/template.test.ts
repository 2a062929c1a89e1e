import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PackageError } from './error.ts';
import { pythonForTests } from './python-for-tests.ts';
import { runPackage } from './run-package-for-tests.ts';
import { startStubEnclave } from './stub-enclave.ts';
import { writeTemplate } from './template.ts';

const code = (value: string) => expect.objectContaining({ constructor: PackageError, code: value });
const python = pythonForTests();
const data = new Map([
  ['a.csv', Buffer.from('a,b\n1,2\n')],
  ['sub/é &.bin', Buffer.alloc(5000)],
]);

describe('a new package', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sealroom-template-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const language of ['python', 'javascript'] as const) {
    test.skipIf(language === 'python' && python === undefined)(`in ${language} runs as it is`, async () => {
      const target = join(folder, 'new', 'package');
      const written = await writeTemplate(target, { language, name: 'Mean age 2' });
      expect(written).toEqual(expect.arrayContaining(['Dockerfile', 'README.md', 'criteria.json', 'run.sh']));
      expect(readFileSync(join(target, 'README.md'), 'utf8')).toMatch(/^# Mean age 2\n/);
      const stub = await startStubEnclave(data);
      try {
        const ended = await runPackage(target, stub.environment);
        expect(ended).toEqual({ status: 0, output: '' });
        expect(stub.reports).toEqual([{ report: { files: 2, bytes: 5008 } }]);
      } finally {
        await stub.stop();
      }
    });
  }

  test('is not written over anything', async () => {
    writeFileSync(join(folder, 'mine'), 'x');
    for (const target of [folder, join(folder, 'mine')]) {
      await expect(writeTemplate(target, { language: 'python', name: 'n' })).rejects.toThrow(
        code('package/exists'),
      );
    }
    expect(readFileSync(join(folder, 'mine'), 'utf8')).toBe('x');
  });

  test.each(['', ' x', '"""', "a'b", 'a\nb', 'x'.repeat(61)])('is not named %j', async (name) => {
    await expect(writeTemplate(join(folder, 'p'), { language: 'python', name })).rejects.toThrow(
      code('package/bad-name'),
    );
  });
});
