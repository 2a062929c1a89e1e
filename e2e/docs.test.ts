// Keeps the documents honest where a program can: links and named files lead somewhere, each setting of a process stands
// in docs/architecture.md and the other way round, the test names in docs/threat-model.md exist, and the command line knows
// each command that a guide shows.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { buildProgram } from '../apps/cli/src/program.ts';
import { blocksOf, commandsIn, mentionsIn } from './cli-guide.ts';

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

const program = buildProgram(() => async () => undefined, {
  out: () => undefined,
  err: () => undefined,
  columns: 80,
});
type Command = ReturnType<typeof buildProgram>;
const taking = (command: Command, name: string) =>
  [...command.options, ...program.options].find(({ long, short }) => long === name || short === name);

/** What is wrong with a command as a guide shows it. @param whole it is to be typed, so nothing may be missing */
function problemOf(words: readonly string[], whole: boolean): string | undefined {
  let command: Command = program;
  const operands: string[] = [];
  const given = new Set<string>();
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    if (word === '--help') return undefined;
    const below = command.commands.find((item) => item.name() === word);
    if (word.startsWith('--')) {
      const option = taking(command, word);
      if (!option) return `has no option ${word}`;
      given.add(word);
      if (option.required) at++;
    } else if (below && operands.length === 0) command = below;
    else operands.push(word);
  }
  if (command === program || (command.commands.length > 0 && operands.length > 0)) return 'is no command';
  if (operands.length > command.registeredArguments.length) return 'has too many operands';
  if (!whole) return undefined;
  if (command.commands.length > 0) return 'is a group of commands';
  if (operands.length < command.registeredArguments.filter(({ required }) => required).length)
    return 'lacks an operand';
  const missing = command.options.find(({ mandatory, long }) => mandatory && !given.has(long ?? ''));
  return missing && `lacks ${missing.long ?? ''}`;
}

const guides = ['README.md', 'docs/cli.md', ...globSync('docs/guide-*.md', { cwd: ROOT })];

test.each(guides)('the commands that %s shows are known to the command line', (path) => {
  const text = read(path);
  const typed = blocksOf(text)
    .filter(({ language }) => language === 'sh' || language === 'shell')
    .flatMap((block) => commandsIn(block.text));
  const mentioned = mentionsIn(text);
  const problems = [
    ...typed.map((words) => [words, problemOf(words, true)] as const),
    ...mentioned.map((words) => [words, problemOf(words, false)] as const),
  ].filter(([, problem]) => problem !== undefined);
  expect(problems).toEqual([]);
  expect(typed.length + mentioned.length).toBeGreaterThan(1);
});

test('a command that does not exist, or an option or operand that is wrong, would be found', () => {
  expect(problemOf(['receipt', 'believe'], true)).toBe('is no command');
  expect(problemOf(['receipt', 'verify', 'a', '--trsut', 'b'], true)).toBe('has no option --trsut');
  expect(problemOf(['receipt', 'verify'], true)).toBe('lacks an operand');
  expect(problemOf(['receipt', 'verify', 'a', 'b'], true)).toBe('has too many operands');
  expect(problemOf(['dataset', 'publish', 'sealed'], true)).toBe('lacks --sensitivity');
  expect(problemOf(['receipt', 'verify', 'a', '--trust', 'b', '--json'], true)).toBeUndefined();
});
