// Keeps the documents honest where a program can: links and named files lead somewhere, each setting of a process stands
// in docs/architecture.md and the other way round, and the test names in docs/threat-model.md exist.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const documents = [...globSync('*.md', { cwd: ROOT }), ...globSync('{docs,vectors}/**/*.md', { cwd: ROOT })];

test('there are documents to look at', () => {
  expect(documents.length).toBeGreaterThan(10);
});

test.each(documents)('the links of %s lead to files that exist', (path) => {
  const links = [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map((match) => match[1] ?? '');
  const local = links.filter((link) => !/^[a-z]+:/.test(link));
  expect(local.filter((link) => !existsSync(join(ROOT, dirname(path), link)))).toEqual([]);
});

test.each(documents)('the source files that %s names exist', (path) => {
  const named = [...read(path).matchAll(/`((?:packages|apps|e2e|vectors)\/[\w./-]+\.(?:ts|py|json|sql))`/g)];
  const missing = named.map((match) => match[1] ?? '').filter((file) => !existsSync(join(ROOT, file)));
  expect(missing).toEqual([]);
});

test('the tests that the threat model names exist under these names', () => {
  const text = read('docs/threat-model.md').split('## Attack, defence, test')[1]?.split('\n## ')[0] ?? '';
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) => line.split('|')[3] ?? '');
  let checked = 0;
  for (const cell of cells) {
    const found = [...cell.matchAll(/`([^`]+\.ts)`|"([^"]+)"/g)];
    let file = '';
    for (const [, path, name] of found) {
      if (path !== undefined) file = path;
      const part = (name ?? '').split('…')[0] ?? '';
      if (part.length < 8) continue;
      expect(read(file), `${file}: ${part}`).toContain(part.trimEnd());
      checked++;
    }
  }
  expect(checked).toBeGreaterThan(20);
});

const SETTINGS = {
  LEDGER: 'apps/ledger/src/start.ts',
  HUB: 'apps/hub/src/config.ts',
  VAULT: 'apps/vault/src/start.ts',
  NODE: 'apps/node/src/config.ts',
};

test.each(Object.entries(SETTINGS))('SEALROOM_%s_* is documented, setting by setting', (name, path) => {
  const shape = /(?:Settings|shape) = \{\n([\s\S]*?)\n\};/.exec(read(path))?.[1] ?? '';
  const settings = [...shape.matchAll(/^ {2}([a-zA-Z]+):/gm)].map((match) =>
    (match[1] ?? '').replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  );
  expect(settings.length).toBeGreaterThan(6);
  const section =
    read('docs/architecture.md').split(`prefix \`SEALROOM_${name}_\``)[1]?.split('\n**')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const documented = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map((m) => m[1]),
  );
  expect(new Set(documented)).toEqual(new Set(settings));
  expect(documented.length).toBe(settings.length);
});
