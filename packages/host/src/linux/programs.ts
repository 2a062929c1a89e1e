// Programs of the system.
import { accessSync, constants, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Absolute path of a program on the PATH, or undefined. */
export function findProgram(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '/usr/bin:/bin').split(':')) {
    try {
      const path = join(folder, name);
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch {
      continue; // not in this folder
    }
  }
  return undefined;
}
