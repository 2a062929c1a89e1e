// Plays docs/guide-data-steward.md, docs/guide-algorithm-owner.md and docs/guide-receipts.md word for word: what a reader types
// is run by a shell, in the order in which two strangers would work, against the real processes. A stand-in named `sealroom`
// adds --json and --yes, and notes each command's exit code and answer. Then what goes wrong: a script that forgot an option,
// a wrong passphrase, an id that nobody has, a service that is down. Time limits are for what hangs: each test starts many
// processes one after another, on a machine that may be busy.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { scriptOf } from './cli-guide.ts';
import { EXAMPLE, REPOSITORY, type RunningHouse, startHouse } from './story.ts';

const run = promisify(execFile);
const MAIN = join(REPOSITORY, 'apps', 'cli', 'src', 'main.ts');

type Json = { readonly [name: string]: unknown };
type Said = { readonly command: string; readonly exit: number; readonly json: Json };
type Party = { readonly name: string; readonly folder: string; readonly environment: NodeJS.ProcessEnv };

let folder: string;
let house: RunningHouse;
let steward: Party;
let owner: Party;

/** Runs the command line for real, and keeps what it was asked and what it answered. */
const STAND_IN = `#!/bin/sh
case "$1 $2" in "run-config create") isolation="--isolation $ISOLATION" ;; esac
at=$(printf '%03d' "$(ls "$SAID" | wc -l)")
"$NODE" "$MAIN" "$@" $isolation --yes --json > "$SAID/$at" 2> "$SAID.errors"
code=$?
{ echo; echo "$code"; echo "$*"; } >> "$SAID/$at"
exit $code
`;

async function settle(name: string, vault: string, environment: NodeJS.ProcessEnv): Promise<Party> {
  const own = join(folder, name);
  await mkdir(join(own, 'said'), { recursive: true });
  await writeFile(join(own, 'passphrase'), `four words of ${name}\n`, { mode: 0o600 });
  await writeFile(join(own, 'root-passphrase'), `the root of ${name}\n`, { mode: 0o600 });
  return {
    name,
    folder: own,
    environment: {
      ...environment,
      SAID: join(own, 'said'),
      SEALROOM_HOME: join(own, 'home'),
      SEALROOM_PASSPHRASE_FILE: join(own, 'passphrase'),
      SEALROOM_ROOT_PASSPHRASE_FILE: join(own, 'root-passphrase'),
      VAULT: house.vaults[vault],
      VAULT_KEY: house.vaultKeys[vault],
    },
  };
}

async function saidIn({ folder: own }: Party): Promise<Said[]> {
  const names = (await readdir(join(own, 'said'))).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(own, 'said', name), 'utf8');
      const [json, , exit, command] = text.split('\n');
      return { command: command ?? '', exit: Number(exit), json: JSON.parse(json ?? '') as Json };
    }),
  );
}

/** Types what a guide has in a section. @returns what each `sealroom` command answered */
async function follow(party: Party, guide: string, section: string, more: Json = {}): Promise<Said[]> {
  const before = (await saidIn(party)).length;
  const env = { ...party.environment, ...more } as NodeJS.ProcessEnv;
  const script = scriptOf(guide, section);
  await run('/bin/sh', ['-c', script], { cwd: party.folder, env }).catch((error: { code?: unknown }) => {
    // The last command's exit code is looked at below, with those of all others.
    if (typeof error.code !== 'number') throw error;
  });
  const said = (await saidIn(party)).slice(before);
  expect(said.length, script).toBe(script.match(/^sealroom /gm)?.length);
  return said;
}

/** A section in which every command succeeds. */
async function play(party: Party, guide: string, section: string, more: Json = {}): Promise<Said[]> {
  const said = await follow(party, guide, section, more);
  for (const { command, exit, json } of said) expect({ exit, json }, command).toMatchObject({ exit: 0 });
  return said;
}

function answerTo(said: readonly Said[], command: string): Json {
  const found = said.findLast((item) => item.command.startsWith(command));
  if (!found) throw new Error(`Nobody typed "${command}".`);
  return found.json;
}

/** One command outside of the guides, without --yes. */
async function sealroom(party: Party, ...argv: readonly string[]): Promise<Said> {
  const options = { cwd: party.folder, env: party.environment };
  const given = await run(process.execPath, [MAIN, ...argv, '--json'], options).then(
    ({ stdout }) => ({ exit: 0, stdout }),
    (error: { code: number; stdout: string }) => ({ exit: error.code, stdout: error.stdout }),
  );
  return { command: argv.join(' '), exit: given.exit, json: JSON.parse(given.stdout) as Json };
}

async function hasPython(): Promise<boolean> {
  return run('/usr/bin/python3', ['--version']).then(
    () => true,
    () => false,
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-guides-'));
  await writeFile(join(folder, 'sealroom'), STAND_IN, { mode: 0o755 });
  house = await startHouse(join(folder, 'house'), {});
  const environment = {
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    TMPDIR: tmpdir(),
    NODE: process.execPath,
    MAIN,
    EXAMPLE,
    ALGORITHM: join(EXAMPLE, (await hasPython()) ? 'algorithm-python' : 'algorithm-javascript'),
    HUB: house.hub,
    CA: join(house.directory, 'ca.pem'),
    LEDGER_KEY: house.ledger.kid,
  };
  steward = await settle('hospital', 'steward', environment);
  owner = await settle('vendor', 'owner', environment);
}, 600_000);

afterAll(async () => {
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
}, 600_000);

async function joinAndServe(party: Party, guide: string, vault: string): Promise<string> {
  const org = String(answerTo(await play(party, guide, '1. Join'), 'org create')['org']);
  const served = await sealroom(party, 'vault', 'serve', vault, org, '--dir', house.directory);
  expect(served).toMatchObject({ exit: 0, json: { vault, organisation: org } });
  return org;
}

test('both sides join, compare their ids, and make their keys as the guides say', async () => {
  const [hospital, vendor] = await Promise.all([
    joinAndServe(steward, 'data-steward', 'steward'),
    joinAndServe(owner, 'algorithm-owner', 'owner'),
  ]);
  const [known, pinned] = await Promise.all([
    play(steward, 'data-steward', '2. Know', { THEIR_ORG: vendor }),
    play(owner, 'algorithm-owner', '2. Know', { THEIR_ORG: hospital }),
  ]);
  expect(answerTo(known, `org show ${vendor}`)).toMatchObject({ name: 'Vendor Ltd', checked: null });
  expect(answerTo(pinned, 'org pin')).toMatchObject({ org: hospital, checked: 'out-of-band' });
  const keys = await play(steward, 'data-steward', '3. Project', { THEIR_ORG: vendor });
  // The key that OpenSSL wrapped came last, so that it is the one that the run needs.
  const [first, last] = keys.filter(({ command }) => command.startsWith('key upload'));
  expect(first?.json).toMatchObject({ role: 'data-steward', kek: last?.json['kek'] });
  expect(last?.json['wcek']).not.toBe(first?.json['wcek']);
  await play(owner, 'algorithm-owner', '3. Project');
}, 600_000);

test('both sides publish, and a digest stays the same from sealing to publication', async () => {
  expect(answerTo(await play(owner, 'algorithm-owner', '4. Say'), 'criteria lint')).toMatchObject({
    ok: true,
  });
  const [published, packaged] = await Promise.all([
    play(steward, 'data-steward', '4. Publish').then(async (said) => {
      await play(steward, 'data-steward', '5. Answer');
      return said;
    }),
    play(owner, 'algorithm-owner', '5. Publish'),
  ]);
  for (const [said, kind] of [
    [published, 'dataset'],
    [packaged, 'algorithm'],
  ] as const) {
    const { digest } = answerTo(said, 'seal folder');
    expect(answerTo(said, 'upload')).toMatchObject({ digest });
    expect(answerTo(said, `${kind} publish`)).toMatchObject({ kind, digest, version: 1 });
  }
}, 600_000);

test('a script that forgot an option is told which, with exit code 2', async () => {
  const silent = { ...owner, environment: { ...owner.environment, SEALROOM_PASSPHRASE_FILE: undefined } };
  const { exit, json } = await sealroom(silent, 'criteria', 'publish', join(EXAMPLE, 'criteria.json'));
  expect({ exit, json }).toMatchObject({ exit: 2, json: { code: 'cli/no-terminal' } });
  expect(json['next']).toContain('--passphrase-file');
});

test('they agree, the steward initiates the run, and the owner opens the report', async () => {
  const { stdout } = await run(process.execPath, [
    join(REPOSITORY, 'apps', 'room', 'src', 'main.ts'),
    '--probe',
  ]);
  const ISOLATION = (JSON.parse(stdout) as { isolation: string }).isolation;
  const agreed = await play(owner, 'algorithm-owner', '6. Agree', { ISOLATION });
  expect(
    agreed.filter(({ command }) => command.startsWith('run-config create')).map(({ json }) => json),
  ).toEqual([
    expect.objectContaining({ signed: false, problems: [] }),
    expect.objectContaining({ signed: true, status: 'Pending' }),
  ]);
  expect(await sealroom(steward, 'run', 'initiate', '1')).toMatchObject({
    exit: 2,
    json: { code: 'cli/no-terminal', next: expect.stringContaining('--yes') },
  });
  const initiated = await play(steward, 'data-steward', '6. Review');
  expect(answerTo(initiated, 'status')).toHaveLength(2);
  expect(answerTo(initiated, 'run-config review')).toMatchObject({ problems: [], unpinned: [] });
  expect(answerTo(initiated, 'run initiate')).toMatchObject({ countersigned: true });
  const opened = await play(owner, 'algorithm-owner', '7. Watch');
  expect(answerTo(opened, 'run watch')).toMatchObject({ status: 'Run Completed', hasOutput: true });
  expect(answerTo(opened, 'receipt verify')).toMatchObject({ verdict: 'pinned', hardwareAttested: false });
  const report = JSON.parse(await readFile(join(owner.folder, 'report.json'), 'utf8')) as unknown;
  expect(report).toMatchObject({ report: { accuracy: { value: 0.9577, n: 284 } } });
  const kept = await play(steward, 'data-steward', '7. Watch');
  expect(answerTo(kept, 'receipt verify')).toMatchObject({ verdict: 'pinned' });
  expect(await sealroom(owner, 'status')).toMatchObject({ exit: 0 });
}, 600_000);

test('the receipt is judged as the guide says: 0 by pins, 3 without, 1 when a byte is changed or a pin is missing', async () => {
  const verified = await follow(owner, 'receipts', 'Verify it');
  expect(verified.map(({ exit, json }) => [exit, json['verdict']])).toEqual([
    [0, 'pinned'],
    [3, 'consistent'],
  ]);
  const exported = await play(owner, 'receipts', 'Whom');
  expect(answerTo(exported, 'trust export')).toMatchObject({ out: 'my-trust.json' });
  const path = join(owner.folder, 'run.receipt.json');
  const bytes = await readFile(path);
  bytes[bytes.length - 200] = (bytes.at(-200) ?? 0) ^ 1;
  await writeFile(join(owner.folder, 'changed.json'), bytes);
  const trust = ['--trust', 'trust.json'];
  expect(await sealroom(owner, 'receipt', 'verify', 'changed.json', ...trust)).toMatchObject({
    exit: 1,
    json: { verdict: 'refused', code: expect.stringMatching(/^receipt\//) },
  });
  const stranger = JSON.parse(await readFile(join(owner.folder, 'trust.json'), 'utf8')) as Json;
  await writeFile(join(owner.folder, 'none.json'), JSON.stringify({ ...stranger, organisations: [] }));
  expect(await sealroom(owner, 'receipt', 'verify', path, '--trust', 'none.json')).toMatchObject({
    exit: 1,
    json: { code: 'receipt/pins-organisation' },
  });
}, 600_000);

test('one file is sealed and opened again, under its path only', async () => {
  await play(steward, 'data-steward', 'One file');
  const plain = await readFile(join(EXAMPLE, 'data', 'steward', 'validation.csv'));
  expect((await readFile(join(steward.folder, 'validation.csv'))).equals(plain)).toBe(true);
  const other = [
    'open',
    'file',
    'validation.sealed',
    'other.csv',
    '--key',
    'file.key',
    '--path',
    'data/other.csv',
  ];
  const { exit, json } = await sealroom(steward, ...other);
  expect({ exit, json }).toMatchObject({ exit: 1, json: { code: expect.stringMatching(/^seal\//) } });
}, 600_000);

test('a wrong passphrase, and an id that nobody has, are refused by name', async () => {
  await writeFile(join(owner.folder, 'wrong'), 'not this one\n', { mode: 0o600 });
  const wrong = ['--passphrase-file', 'wrong'];
  const request = ['run', 'request', '--param', 'ITERATIONS=10'];
  expect(await sealroom(owner, ...request, ...wrong)).toMatchObject({
    exit: 1,
    json: { code: 'cli/locked' },
  });
  expect(await sealroom(owner, 'run', 'request', '--param', 'ITERATIONS=0')).toMatchObject({
    exit: 1,
    json: { code: 'contract/parameters' },
  });
  expect(await sealroom(owner, 'run', 'show', 'deadbeef')).toMatchObject({
    exit: 2,
    json: { code: 'cli/not-found' },
  });
  const nobody = `sha256:${'0'.repeat(64)}`;
  expect(await sealroom(owner, 'org', 'show', nobody)).toMatchObject({ exit: 1, json: { ok: false } });
  const served = await sealroom(owner, 'vault', 'serve', 'nowhere', nobody, '--dir', house.directory);
  expect(served).toMatchObject({ exit: 2, json: { code: 'cli/not-found' } });
}, 600_000);

test('a hub by an unknown authority, or one that is down, cannot be reached: exit code 4, and what to do', async () => {
  const fresh = { ...owner, environment: { ...owner.environment, SEALROOM_HOME: join(folder, 'fresh') } };
  const { exit, json } = await sealroom(fresh, 'hub', 'connect', house.hub, '--ledger-key', house.ledger.kid);
  expect({ exit, json }).toMatchObject({ exit: 4, json: { code: 'client/unreachable' } });
  expect(json['next']).toContain('--ca');
  await house.stop();
  expect(await sealroom(owner, 'status')).toMatchObject({ exit: 4, json: { code: 'client/unreachable' } });
}, 600_000);
