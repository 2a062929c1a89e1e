// The command line as a whole: exit codes, one JSON value, no question where nobody answers.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from './cli-for-tests.ts';
import { CliError, EXIT, failureOf, failureText } from './error.ts';
import { buildProgram } from './program.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

test.each([
  ['an unknown command', ['nonsense']],
  ['an unknown option', ['whoami', '--nonsense']],
  ['a missing argument', ['seal', 'file']],
  ['a missing required option', ['seal', 'file', 'a', 'b', '--path', 'a']],
  ['a number that is none', ['run', 'watch', 'x', '--timeout', 'soon']],
])('%s is a usage error', async (_name, argv) => {
  const home = await temporaryFolder();
  const said = await sealroom([...argv, '--home', home]);
  expect(said.exit).toBe(EXIT.usage);
  expect(said.out).toBe('');
  expect(said.err).toMatch(/^error: .+ \[cli\/[a-z-]+\]\n/);
});

test('with --json a failure is one JSON object on standard output', async () => {
  const said = await sealroom(['nonsense', '--json']);
  expect(said.exit).toBe(EXIT.usage);
  expect(said.json).toMatchObject({ ok: false, code: 'cli/usage', done: [] });
  expect(said.out.trim().split('\n')).toHaveLength(1);
});

test('help is on standard output and is no failure', async () => {
  const said = await sealroom(['--help']);
  expect(said).toMatchObject({ exit: EXIT.ok, err: '' });
  expect(said.out).toContain('Exit codes: 0 done');
});

test('a group of commands by itself shows its help and is a usage error', async () => {
  const said = await sealroom(['key', 'kek']);
  expect(said).toMatchObject({ exit: EXIT.usage, out: '' });
  expect(said.err).toContain('download');
  expect(await sealroom(['key', '--json'])).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/usage' } });
});

test('global options may stand before and after the command', async () => {
  const home = await temporaryFolder();
  const [before, after] = [
    await sealroom(['--home', home, '--json', 'whoami']),
    await sealroom(['whoami', '--json', '--home', home]),
  ];
  expect(before.json).toMatchObject({ home, kid: null });
  expect(after.json).toEqual(before.json);
});

test('the home comes from the environment when no option names it', async () => {
  const home = await temporaryFolder();
  const said = await sealroom(['whoami', '--json'], { environment: { SEALROOM_HOME: home } });
  expect(said.json).toMatchObject({ home });
});

test('a service that cannot be reached has its own exit code', async () => {
  const home = await temporaryFolder();
  const said = await sealroom(['hub', 'connect', 'https://127.0.0.1:1', '--home', home, '--json']);
  expect(said.exit).toBe(EXIT.unreachable);
  expect(said.json).toMatchObject({ ok: false });
});

test('a home without a hub says how to connect', async () => {
  const home = await temporaryFolder();
  const said = await sealroom(['hub', 'connect', '--home', home, '--json']);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/no-hub' } });
});

test('asks nobody when there is no terminal, and says which option to give', async () => {
  const home = await temporaryFolder();
  await fileIn(home, 'settings.json', JSON.stringify({ v: 1, org: `sha256:${'0'.repeat(64)}` }));
  const said = await sealroom(['identity', 'create', '--name', 'Ada', '--home', home]);
  expect(said.exit).toBe(EXIT.usage);
  expect(said.err).toContain('[cli/no-terminal]');
  expect(said.err).toContain('--passphrase-file');
});

test('a file of the home that was damaged is named, not guessed at', async () => {
  const home = await temporaryFolder();
  await fileIn(home, 'pins.json', '{"v":1');
  const said = await sealroom(['org', 'list', '--home', home, '--json']);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/bad-file' } });
});

test('a failure tells what was done before it, and shows no control characters of others', () => {
  const error = new CliError('cli/refused', 'no \u001b[31mred\u0007', { exit: 1, next: 'Try again.' });
  const text = failureText(failureOf(error), ['A file was written.']);
  expect(text).toContain('Done before this: A file was written.');
  expect(text).toContain('Next: Try again.');
  expect(text).not.toContain('\u001b');
  expect(text).not.toContain('\u0007');
});

test('runs as a program, and quickly enough to be a command', () => {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, 'attest', 'measure', '--json'], {
    encoding: 'utf8',
  });
  expect(status).toBe(EXIT.ok);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: true,
    launch: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  });
});

const BIN = join(import.meta.dirname, '..', 'bin', 'sealroom.mjs');
/** Runs the bin file on a Node that says it is an older one. */
const asOlderNode = (bin: string) => {
  const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } });`;
  const code = `${older} import(${JSON.stringify(bin)})`;
  return spawnSync(process.execPath, ['-e', code, 'sealroom', '--help'], { encoding: 'utf8' });
};

test('an older Node hands over to the installed one', () => {
  expect(asOlderNode(BIN)).toMatchObject({
    status: EXIT.ok,
    stdout: expect.stringContaining('Usage: sealroom'),
  });
});

test('an older Node without an installed one says what to do', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'bin'));
  await copyFile(BIN, join(folder, 'bin', 'sealroom.mjs'));
  const { status, stderr } = asOlderNode(join(folder, 'bin', 'sealroom.mjs'));
  expect(status).toBe(EXIT.usage);
  expect(stderr).toContain('npm ci');
});

function* leaves(command: Command, name: string): Generator<string> {
  const below = command.commands;
  if (below.length === 0) yield name;
  for (const item of below) yield* leaves(item, `${name} ${item.name()}`);
}

test('docs/cli.md lists every command, and no other', () => {
  const program = buildProgram(() => async () => undefined, {
    out: () => undefined,
    err: () => undefined,
    columns: 100,
  });
  const known = new Set(
    program.commands.flatMap((command) => [...leaves(command, `sealroom ${command.name()}`)]),
  );
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'cli.md'), 'utf8');
  const listed = new Set(
    [...text.matchAll(/^\| `(sealroom [a-z -]+?)(?: [<[-].*?)?`/gm)].map((match) => match[1] ?? ''),
  );
  expect([...known].filter((name) => !listed.has(name))).toEqual([]);
  expect([...listed].filter((name) => !known.has(name))).toEqual([]);
  expect(known.size).toBeGreaterThan(50);
});
