// Which Node runs this. Older ones (from 22.18, which strip types but lack Argon2) hand over to the Node that the
// lockfile installed; Node 20 cannot read this file at all, and `npx sealroom` starts the right one by itself.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const NEEDED = 24;

function installedNode(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', '.bin', 'node');
    if (existsSync(found)) return found;
    if (dirname(folder) === folder) return undefined;
  }
}

/** True when this process may go on; else the work was handed over, or the reader told, and the exit code is set. */
export function onSuitableNode(
  version: string = process.versions.node,
  folder: string = import.meta.dirname,
): boolean {
  if (Number.parseInt(version, 10) >= NEEDED) return true;
  const node = installedNode(folder);
  if (node === undefined) {
    process.stderr.write(
      `error: sealroom needs Node ${NEEDED} or newer; this is ${version}. Run it with "npx sealroom" after "npm ci", or install Node ${NEEDED}.\n`,
    );
    process.exitCode = 2;
    return false;
  }
  const main = join(import.meta.dirname, 'main.ts');
  const { status } = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exitCode = status ?? 2;
  return false;
}
