// Test support: where Python is. It may be missing on a user's machine; in CI it must be there.
import { spawnSync } from 'node:child_process';

const NEEDED = 'import sys; sys.exit(0 if sys.version_info >= (3, 9) else 1)';

/**
 * The command that starts Python 3.9 or newer, or undefined (with the reason printed) outside CI.
 * @throws when there is none and the environment says CI.
 */
export function pythonForTests(): string | undefined {
  if (spawnSync('python3', ['-c', NEEDED]).status === 0) return 'python3';
  if (process.env['CI'] === 'true')
    throw new Error('Python 3.9 or newer is missing; CI must not skip its tests.');
  console.log('skipped: the tests that need Python, since there is no python3 (3.9 or newer) on the path');
  return undefined;
}
