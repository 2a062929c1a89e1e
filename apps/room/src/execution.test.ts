import { cp, mkdir, mkdtemp, readdir, readlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SealedFile } from '@sealroom/seal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderStore, REPOSITORY, sealAsset, type SealedAsset } from './fixtures.ts';
import { createRunner, reportOf, type Runner } from './runner-for-tests.ts';
import { openAsset, readAll } from './staging.ts';

const EXAMPLE = join(REPOSITORY, 'examples', 'breast-cancer');
const criteria = readFileSync(join(EXAMPLE, 'criteria.json'), 'utf8');
let runner: Runner;
let folder: string;
let dataset: SealedAsset;
let run: Runner['run'];
let packageOf: Runner['packageOf'];

beforeAll(async () => {
  runner = await createRunner(join(EXAMPLE, 'data', 'steward'), criteria);
  ({ folder, dataset, run, packageOf } = runner);
});

afterAll(async () => {
  await runner?.close();
});

test('the Python algorithm validates its model on the sealed data, and so does its JavaScript twin', async () => {
  const python = reportOf(await run(join(EXAMPLE, 'algorithm-python')));
  expect(JSON.stringify(python)).toContain('0.9577');
  expect(reportOf(await run(join(EXAMPLE, 'algorithm-javascript')))).toEqual(python);
});

test('a report that carries a row of the data does not leave', async () => {
  expect(await run(join(EXAMPLE, 'algorithm-cheat'))).toMatchObject({
    outcome: 'failed',
    code: 'room/no-report',
  });
});

test('the manual’s sample package runs', async () => {
  const at = join(folder, 'sample');
  await cp(join(REPOSITORY, 'sdk', 'python', 'samples', 'algorithm-package'), at, { recursive: true });
  const accepts = '{"report":{"type":"string","allowed":["Performance Report"],"required":true}}';
  expect(reportOf(await run(at, { criteria: accepts }))).toEqual({ report: 'Performance Report' });
});

test.each(['list_files.py', 'download_file.py', 'validate_report.py', 'post_report.py'])(
  'the manual’s sample %s runs with its plain requests and verify=False',
  async (sample) => {
    const source = readFileSync(join(REPOSITORY, 'sdk', 'python', 'samples', sample), 'utf8');
    const finish = `from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict({"json_data": {"done": True}, "name": "n", "status": "Completed"}))
`;
    const files = { 'sample.py': source, 'finish.py': finish };
    const at = await packageOf('set -e\npython3 sample.py\npython3 finish.py', files);
    const lenient = '{"done":{"type":"boolean","required":true}}';
    const sealed = runner.next('sample-data');
    const data = await sealAsset(await sampleData(), sealed, 'dataset');
    const store = folderStore(sealed);
    expect(reportOf(await run(at, { criteria: lenient, data, dataStore: store }))).toEqual({ done: true });
  },
);

async function sampleData(): Promise<string> {
  const at = runner.next('plain');
  await mkdir(at);
  await writeFile(join(at, 'test_file.txt'), 'a test file\n');
  return at;
}

test('parameters arrive under their own names and in the parameters file', async () => {
  const program = `python3 - <<'END'
import json, os
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
values = json.load(open(os.environ["ESCROW_RUN_PARAMETERS_FILE"]))
report = {"n": int(os.environ["ITERATIONS"]), "same": values["ITERATIONS"] == int(os.environ["ITERATIONS"])}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict({"json_data": report, "name": "n", "status": "Completed"}))
END`;
  const wanted =
    '{"n":{"type":"integer","min":0,"max":100,"required":true},"same":{"type":"boolean","required":true}}';
  expect(
    reportOf(await run(await packageOf(program), { criteria: wanted, parameters: { ITERATIONS: 5 } })),
  ).toEqual({ n: 5, same: true });
});

test('libraries are told to start as many threads as the run has processors', async () => {
  const program = `python3 - <<'END'
import os
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
report = {"n": int(os.environ["OMP_NUM_THREADS"])}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict({"json_data": report, "name": "n", "status": "Completed"}))
END`;
  const wanted = '{"n":{"type":"integer","min":0,"max":100,"required":true}}';
  expect(reportOf(await run(await packageOf(program), { criteria: wanted }))).toEqual({ n: 1 });
});

test('a package with compiled modules for another Python does not start', async ({ skip }) => {
  skip(runner.level !== 'process', 'without a sandbox the Python of the package is not known');
  const files = {
    Dockerfile: 'FROM debian\nWORKDIR /app\nENTRYPOINT ["run.sh"]\n',
    'deps/m.cpython-31-x86_64-linux-gnu.so': '',
  };
  await expect(run(await packageOf('exit 0', files))).rejects.toMatchObject({ code: 'room/package' });
});

test('staging keeps no file open, however many there are', async () => {
  const plain = runner.next('many');
  await mkdir(plain);
  for (let file = 0; file < 64; file++) await writeFile(join(plain, `${file}.txt`), `${file}`);
  const sealed = runner.next('sealed');
  const many = await sealAsset(plain, sealed, 'dataset');
  const staging = {
    fetch: folderStore(sealed),
    folder: await mkdtemp(join(folder, 'many-')),
    opener: runner.threads.open,
  };
  const opened = await openAsset(many.asset, many.key, staging);
  expect([...opened.files.keys()].sort()).toEqual((await readdir(plain)).sort());
  expect(new TextDecoder().decode(await readAll(opened.files.get('63.txt') as SealedFile))).toBe('63');
  const links = await readdir('/proc/self/fd');
  const targets = await Promise.all(links.map((link) => readlink(`/proc/self/fd/${link}`).catch(() => '')));
  expect(targets.filter((target) => target.startsWith(staging.folder))).toEqual([]);
});

test.each([
  ['ends without a report', 'exit 0'],
  [
    'ends with an error after its report',
    `python3 -c 'import sys
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict({"json_data": {"n": 3}, "name": "n", "status": "Completed"}))
sys.exit(3)'`,
  ],
])('an algorithm that %s has failed', async (_, program) => {
  const wanted = '{"n":{"type":"integer","min":0,"max":100,"required":true}}';
  expect(await run(await packageOf(program), { criteria: wanted })).toMatchObject({ outcome: 'failed' });
});

test('an algorithm that says all it can lets out its first passing report and nothing else', async () => {
  const wanted = '{"n":{"type":"integer","min":0,"max":100,"required":true}}';
  const program = `python3 -c '
from concurrent.futures import ThreadPoolExecutor
from EnclaveSDK import ApiClient, Configuration, DataApi, LogApi, LogData, Report, ReportApi
client = ApiClient(Configuration())
row = bytes(DataApi(client).api_v1_data_file_get("validation.csv")).decode().splitlines()[1]
def post(data, status="Completed"):
    try:
        ReportApi(client).api_v1_report_post(Report.from_dict({"json_data": data, "name": row[:99], "status": status}))
        return True
    except Exception:
        return False
print(row)
LogApi(client).api_v1_log_post(LogData.from_dict({"message": row, "status": "In Progress"}))
post({"row": row}, "In Progress")
assert not post({"n": 3, "row": row})
assert not post({"n": 101})
assert not post({"n": 3.5})
assert post({"n": 3})
with ThreadPoolExecutor(8) as pool:
    assert not any(pool.map(lambda n: post({"n": n}), range(8)))
assert not post({"n": 4}, "Failed")
'`;
  expect(reportOf(await run(await packageOf(program), { criteria: wanted }))).toEqual({ n: 3 });
});

const flip = (wanted: string) => (path: string, bytes: Buffer) => {
  if (path !== wanted) return bytes;
  const changed = Buffer.from(bytes);
  changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
  return changed;
};

test.each<[string, (path: string, bytes: Buffer) => Buffer | undefined]>([
  ['one bit of a data file is changed', flip('validation.csv')],
  ['one bit of its leaf hashes is changed', flip('validation.csv.tree')],
  ['the inventory is changed', flip('inventory.sealed')],
  ['a file is missing', (path, bytes) => (path === 'validation.csv' ? undefined : bytes)],
  [
    'a file is cut short',
    (path, bytes) => (path === 'validation.csv' ? bytes.subarray(0, bytes.length - 1) : bytes),
  ],
  [
    'a file is longer',
    (path, bytes) => (path === 'validation.csv' ? Buffer.concat([bytes, Buffer.alloc(1)]) : bytes),
  ],
])('nothing runs when %s', async (_, tamper) => {
  const fetch = folderStore(join(folder, 'dataset'), tamper);
  const staging = { fetch, folder: await mkdtemp(join(folder, 'tampered-')), opener: runner.threads.open };
  await expect(openAsset(dataset.asset, dataset.key, staging)).rejects.toMatchObject({
    code: 'room/staging',
  });
});

test('another version at the same place, sealed with the same key’s owner, is not opened', async () => {
  const other = runner.next('other');
  await sealAsset(join(EXAMPLE, 'data', 'steward'), other, 'dataset');
  const staging = {
    fetch: folderStore(other),
    folder: await mkdtemp(join(folder, 'other-')),
    opener: runner.threads.open,
  };
  await expect(openAsset(dataset.asset, dataset.key, staging)).rejects.toMatchObject({
    code: 'room/staging',
  });
});

test.each([
  ['makes it stricter', { n: { type: 'integer', max: 2 } }, 'failed'],
  ['cannot make it looser', { n: { type: 'integer' }, row: { type: 'string' } }, 'failed'],
  ['is refused when it cannot be used', { n: { type: 'nonsense' } }, 'failed'],
  ['may agree', { n: { type: 'integer', max: 3, required: true } }, 'completed'],
])('a schema of the algorithm’s own %s', async (name, schema, outcome) => {
  const row = name.includes('looser') ? ', "row": "17.99,10.38"' : '';
  const program = `python3 - <<'END'
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
report = {"json_data": {"n": 3${row}}, "name": "n", "status": "Completed", "json_schema": ${JSON.stringify(schema).replaceAll('true', 'True')}}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict(report))
END`;
  const wanted = '{"n":{"type":"integer","min":0,"max":100,"required":true}}';
  expect((await run(await packageOf(program), { criteria: wanted })).outcome).toBe(outcome);
});

// Found by fuzzing: a large float was taken for an integer that no report may hold.
test('a report with a float beyond the integers that a double holds for certain leaves', async () => {
  const program = `python3 - <<'END'
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
report = {"json_data": {"deviance": 1.25e16}, "name": "n", "status": "Completed"}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict(report))
END`;
  const wanted = '{"deviance":{"type":"float","min":0,"max":1e300,"required":true}}';
  expect(reportOf(await run(await packageOf(program), { criteria: wanted }))).toEqual({ deviance: 1.25e16 });
});
