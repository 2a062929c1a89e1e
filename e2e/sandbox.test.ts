// Hostile packages in a whole house: what the parties see of them is Run Failed, and their rooms stay behind the node's gate.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunShape } from '@sealroom/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { initiate, offer, openHouse, type OpenHouse, REPOSITORY, request, untilEnded } from './story.ts';

let open: OpenHouse;

beforeAll(async () => {
  open = await openHouse('sandbox');
  if (process.env['CI'] === 'true') expect(open.stage.node.isolation).toBe('process');
}, 180_000);
afterAll(async () => {
  await open?.close();
}, 60_000);

/** Runs a package of these files, whose entry point is `run.sh`, for at most a minute. */
async function run(name: string, files: Readonly<Record<string, string>>): Promise<RunShape> {
  const { stage, folder } = open;
  const at = join(folder, name);
  await mkdir(at);
  const dockerfile = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["run.sh"]\n';
  for (const [path, content] of Object.entries({ Dockerfile: dockerfile, ...files }))
    await writeFile(join(at, path), content);
  const agreed = await offer(stage, at, join(folder, `${name}-sealed`), (contract) => ({
    ...contract,
    room: { ...contract.room, maxMinutes: 1 },
  }));
  const digest = await request(stage, agreed);
  await initiate(stage, agreed, digest);
  return untilEnded(stage, digest, 170_000);
}

async function logged(event: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(join(open.house.directory, 'logs', 'node.log'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line.includes(`"event":"${event}"`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const METRIC = '{"value": 1.0, "CI": [1.0, 1.0], "n": len(found)}';

test('a package that tries every probe completes, for it reached nothing', async () => {
  if (open.stage.node.isolation !== 'process') return console.log('skipped: no process sandbox here');
  const probes = await readFile(join(REPOSITORY, 'apps', 'room', 'src', 'sandbox', 'probes.py'), 'utf8');
  const program = `import json, os, subprocess, sys
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
os.environ.update(HOST_PORT="${new URL(open.house.hub).port}", HOST_ABSTRACT="none", HOST_FILE="${open.house.directory}", HOST_PID="${process.pid}")
found = json.loads(subprocess.run(["python3", "probes.py"], capture_output=True, text=True, check=True).stdout)
if any(verdict != "held" for verdict in found.values()): sys.exit(1)
metric = ${METRIC}
report = {"report": {"accuracy": metric, "sensitivity": metric, "specificity": metric}}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict({"json_data": report, "name": "n", "status": "Completed"}))
`;
  const files = {
    'probes.py': probes,
    'and-probes.py': program,
    'run.sh': '#!/bin/sh\nexec python3 and-probes.py\n',
  };
  expect((await run('probes', files)).status).toBe('Run Completed');
}, 200_000);

test.each([
  ['hog', 'exec python3 -c \'hog = []\nwhile True: hog.append(b"x" * (16 << 20))\''],
  [
    'bomb',
    "exec python3 -c 'import os\nwhile True:\n    try: os.fork()\n    except OSError: os.sched_yield()'",
  ],
])(
  'a %s that does not end by itself is Run Failed and has no output',
  async (name, program) => {
    const ended = await run(name, { 'run.sh': `#!/bin/sh\n${program}\n` });
    expect(ended).toMatchObject({ status: 'Run Failed', hasOutput: false });
  },
  200_000,
);

test('every room was behind the gate, was refused nothing, and sent less than its cap', async () => {
  const [started] = await logged('node.started');
  if (started?.['gate'] !== true) {
    if (process.env['CI'] === 'true') expect(started).toMatchObject({ gate: true });
    return console.log(`skipped: no gate here: ${String(started?.['gateReasons'])}`);
  }
  const closed = await logged('gate.closed');
  expect(closed.length).toBeGreaterThan(0);
  for (const { outbound, cap } of closed) expect(Number(outbound)).toBeLessThan(Number(cap));
  expect(await logged('gate.refused')).toEqual([]);
});
