// Runs the Python SDK's own tests, so that `npm test` covers them.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pythonForTests } from './python-for-tests.ts';

const folder = join(import.meta.dirname, '..', '..', '..', '..', 'sdk', 'python');
const python = pythonForTests();

describe.skipIf(python === undefined)('the Python SDK', () => {
  test('passes its own tests', () => {
    const run = spawnSync(python ?? '', ['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.'], {
      cwd: folder,
      encoding: 'utf8',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    });
    expect(run.status, run.stderr).toBe(0);
    // unittest ends well when it finds no test at all.
    const ran = /^Ran (\d+) tests/m.exec(run.stderr)?.[1];
    expect(Number(ran)).toBeGreaterThan(30);
    expect(run.stderr).not.toContain('skipped=');
  });
});
