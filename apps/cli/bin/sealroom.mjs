#!/usr/bin/env node
// The command `sealroom` in plain JavaScript, so that a Node too old to read the rest hands over to the one that the
// lockfile installed instead of failing on the first TypeScript file.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = 24;
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

function installedNode(folder) {
  const found = join(folder, 'node_modules', '.bin', 'node');
  if (existsSync(found)) return found;
  const above = dirname(folder);
  return above === folder ? undefined : installedNode(above);
}

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  await import('../src/main.ts');
} else {
  const node = installedNode(dirname(main));
  if (node === undefined) {
    process.stderr.write(
      `error: sealroom needs Node ${NEEDED} or newer; this is ${process.versions.node}. Run npm ci, or install Node ${NEEDED}.\n`,
    );
    process.exitCode = 2;
  } else {
    process.exitCode = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 2;
  }
}
