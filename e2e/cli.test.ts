// The story of two parties through the command line alone, against the real processes: each command is a process of its own
// that answers with one JSON value, as a script would use it.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLE, REPOSITORY, type RunningHouse, startHouse } from './story.ts';

const MAIN = join(REPOSITORY, 'apps', 'cli', 'src', 'main.ts');
/** The organisations are made later; `vault serve` lets the vaults take note. */
const NOBODY = `sha256:${'0'.repeat(64)}` as const;

type Answer = { readonly exit: number; readonly json: { readonly [name: string]: unknown } };

let folder: string;
let house: RunningHouse;
let isolation: string;

async function sealroom(home: string, ...argv: readonly string[]): Promise<Answer> {
  const flags = ['--home', join(folder, home), '--passphrase-file', join(folder, 'passphrase'), '--json'];
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...argv, ...flags], { cwd: folder }, (error, stdout) => {
      const exit = error === null ? 0 : Number(error.code);
      resolve({ exit, json: JSON.parse(stdout) as Answer['json'] });
    });
  });
}

/** A command that must succeed. */
async function done(home: string, ...argv: readonly string[]): Promise<Answer['json']> {
  const { exit, json } = await sealroom(home, ...argv);
  expect({ exit, json }, argv.join(' ')).toMatchObject({ exit: 0 });
  return json;
}

async function found(organisation: string, vault: string, name: string): Promise<string> {
  const where = ['--hub', house.hub, '--ca', join(folder, 'ca.pem'), '--trust-on-first-use'];
  const said = [
    '--name',
    organisation,
    '--domain',
    `${organisation}.example`,
    '--vault',
    house.vaults[vault] ?? '',
  ];
  const { org } = await done(organisation, 'org', 'create', ...said, ...where);
  await done(organisation, 'vault', 'serve', vault, String(org), '--dir', house.directory);
  await done(organisation, 'identity', 'create', '--name', name);
  await done(organisation, 'login');
  return String(org);
}

async function wrapped(home: string): Promise<void> {
  const file = (name: string) => join(folder, `${home}.${name}`);
  await done(home, 'key', 'kek', 'create', '--out', file('der'));
  await done(home, 'key', 'cek', 'generate', file('key'));
  await done(home, 'key', 'wrap', file('wcek'), '--kek', file('der'), '--cek', file('key'));
  await done(home, 'key', 'upload', '--wcek', file('wcek'));
}

async function sealed(home: string, kind: string, input: string): Promise<string> {
  const output = join(folder, `${home}.sealed`);
  await done(home, 'seal', 'folder', input, output, '--cek', join(folder, `${home}.key`), '--kind', kind);
  await done(home, 'upload', output);
  return output;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-cli-story-'));
  await writeFile(join(folder, 'passphrase'), 'four quite random words\n', { mode: 0o600 });
  house = await startHouse(join(folder, 'house'), { hospital: NOBODY, vendor: NOBODY });
  await writeFile(join(folder, 'ca.pem'), house.caPem);
}, 120_000);

afterAll(async () => {
  await house?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

let hospital: string;
let vendor: string;
let run: string;

test('two organisations join, wrap their keys and publish', async () => {
  hospital = await found('hospital', 'hospital', 'Ada');
  vendor = await found('vendor', 'vendor', 'Bob');
  await done(
    'hospital',
    'project',
    'create',
    '--name',
    'heart',
    '--steward',
    'me',
    '--algorithm-owner',
    vendor,
  );
  await Promise.all([wrapped('hospital'), wrapped('vendor')]);
  await done('vendor', 'specification', 'publish', join(EXAMPLE, 'specification.md'));
  await done('hospital', 'attestation', 'publish', join(EXAMPLE, 'attestation.md'));
  await done('vendor', 'attestation', 'accept');
  await done('vendor', 'criteria', 'publish', join(EXAMPLE, 'criteria.json'));
  await done('hospital', 'criteria', 'accept');
  const data = await sealed('hospital', 'dataset', join(EXAMPLE, 'data', 'steward'));
  await done(
    'hospital',
    'dataset',
    'publish',
    data,
    '--sensitivity',
    'test',
    '--cek',
    join(folder, 'hospital.key'),
  );
  const algorithm = await sealed('vendor', 'algorithm', join(EXAMPLE, 'algorithm-javascript'));
  await done('vendor', 'algorithm', 'publish', algorithm);
}, 180_000);

test('nobody signs before both have compared fingerprints and read the contract', async () => {
  const nodes = (await done('vendor', 'node', 'list')) as unknown as readonly {
    isolation: string;
    sameProgram: boolean;
  }[];
  expect(nodes).toMatchObject([{ sameProgram: true }]);
  isolation = nodes[0]?.isolation === 'none' ? 'none' : 'process';
  const create = ['run-config', 'create', '--name', 'validation', '--isolation', isolation];
  expect(await sealroom('vendor', ...create, '--yes')).toMatchObject({
    exit: 1,
    json: { code: 'client/unpinned' },
  });
  await done('vendor', 'org', 'pin', hospital, '--checked', 'out-of-band');
  expect(await sealroom('vendor', ...create)).toMatchObject({ exit: 2, json: { code: 'cli/no-terminal' } });
  expect(await done('vendor', ...create, '--yes')).toMatchObject({ signed: true, status: 'Pending' });
  run = String((await done('vendor', 'run', 'request'))['run']);
  expect(await sealroom('hospital', 'run', 'initiate', run, '--yes')).toMatchObject({
    exit: 1,
    json: { code: 'client/unpinned' },
  });
  await done('hospital', 'org', 'pin', vendor, '--checked', 'out-of-band');
  expect(await sealroom('hospital', 'run-config', 'review')).toMatchObject({
    exit: 0,
    json: { problems: [] },
  });
}, 120_000);

test('the steward initiates the run, and the owner opens the report', async () => {
  expect(await done('hospital', 'run', 'initiate', run, '--yes')).toMatchObject({ countersigned: true });
  expect(await done('vendor', 'run', 'watch', run, '--timeout', '100')).toMatchObject({
    status: 'Run Completed',
  });
  const [report, receipt] = [join(folder, 'report.json'), join(folder, 'run.receipt.json')];
  await done('vendor', 'report', 'open', run, '--out', report, '--receipt-out', receipt);
  const opened: unknown = JSON.parse(await readFile(report, 'utf8'));
  expect(opened).toMatchObject({ report: { accuracy: { value: expect.any(Number) } } });
  expect(await sealroom('hospital', 'report', 'open', run)).toMatchObject({
    exit: 1,
    json: { code: 'seal/not-recipient' },
  });
}, 180_000);

test('each party verifies the receipt offline by what it pinned, and a stranger only that it is consistent', async () => {
  const receipt = join(folder, 'run.receipt.json');
  for (const home of ['hospital', 'vendor']) {
    const trust = join(folder, `${home}.trust.json`);
    await done(home, 'trust', 'export', '--out', trust);
    expect(await done(home, 'receipt', 'verify', receipt, '--trust', trust)).toMatchObject({
      verdict: 'pinned',
    });
  }
  expect(await sealroom('nobody', 'receipt', 'verify', receipt)).toMatchObject({ exit: 3 });
}, 60_000);

test('a contract that only the vaults heard suspended is suspended, and the hub hears of it with the resumption', async () => {
  const told = await done('hospital', 'contract', 'suspend', '--direct');
  expect(told).toMatchObject({ told: [{ ok: true }, { ok: true }] });
  const again = String((await done('vendor', 'run', 'request'))['run']);
  await done('hospital', 'contract', 'resume');
  await done('hospital', 'run', 'reject', again, '--reason', 'one was enough');
  expect(await sealroom('vendor', 'run', 'watch', again)).toMatchObject({
    exit: 1,
    json: { status: 'Run Rejected' },
  });
}, 120_000);
