// The Python that a package finds on the sandbox's path, by the names of the machine's files: nothing is started. Not told:
// a Python whose `python3` is no link to a versioned program.
import { realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { PythonRuntime } from '@sealroom/host/package';

// In the order of the sandbox's own path.
const PROGRAM_FOLDERS = ['/usr/local/bin', '/usr/bin'];
const ARCHITECTURES: Readonly<{ [name: string]: string }> = { x64: 'x86_64', arm64: 'aarch64' };

function versionIn(folder: string): string | undefined {
  try {
    return /^python(3\.[0-9]+t?)$/.exec(basename(realpathSync(join(folder, 'python3'))))?.[1] ?? '';
  } catch {
    return undefined; // no python3 there
  }
}

/** Version and processor that compiled modules must be for; a member is missing where it cannot be told. */
export function sandboxPython(folders: readonly string[] = PROGRAM_FOLDERS): PythonRuntime {
  const version = folders.map(versionIn).find((found) => found !== undefined);
  const architecture = ARCHITECTURES[process.arch];
  return {
    ...(version === undefined || version === '' ? {} : { version }),
    ...(architecture === undefined ? {} : { architecture }),
  };
}
