// The Enclave API as algorithms meet it: Python and JavaScript in the sandbox, over https://localhost:5000.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Outcome, runSpec, type Spec } from '../sandbox/fixture.ts';
import { detectIsolation } from '../sandbox/sandbox.ts';
import { memoryApi, type Recorded, serveMemory, testTls } from './fixture.ts';

const isolation = await detectIsolation();
if (isolation.level !== 'process') {
  const words = `no process sandbox here: ${isolation.reasons.join(' ')}`;
  if (process.env['CI'] === 'true') throw new Error(words);
  console.log(`skipped: ${words}`);
}
const levels = isolation.level === 'process' ? (['process', 'none'] as const) : (['none'] as const);
const SDK = join(import.meta.dirname, '..', '..', '..', '..', 'sdk', 'python');
const contents = { 'scores.csv': new TextEncoder().encode('0.5\n0.75\n') };

let material: Awaited<ReturnType<typeof testTls>>;
beforeAll(async () => {
  material = await testTls();
});
afterAll(() => material.remove());

async function run(spec: Omit<Spec, 'environment'>): Promise<Outcome & { recorded: Recorded }> {
  const { options, recorded } = memoryApi(contents);
  const ca = '/opt/sealroom/files/ca.pem';
  const environment = {
    ENCLAVE_CA_FILE: ca,
    SSL_CERT_FILE: ca,
    NODE_EXTRA_CA_CERTS: ca,
    ESCROW_RUN_ID: 'r-1',
  };
  const outcome = await runSpec(
    { ...spec, environment, extraFiles: [{ name: 'ca.pem', content: material.ca }] },
    (place) => serveMemory(options, material.tls, place),
  );
  return { ...outcome, recorded };
}

const PYTHON = `
import json, os, urllib.request
base = os.environ["ENCLAVE_URL"]
files = json.load(urllib.request.urlopen(base + "/api/v1/data/files"))["files"]
rows = urllib.request.urlopen(base + "/api/v1/data/file?filepath=" + files[0]["name"]).read().decode().split()
report = {"name": "mean", "status": "Completed", "run": os.environ["ESCROW_RUN_ID"], "json_data": {"score": sum(map(float, rows)) / len(rows)}}
print(json.load(urllib.request.urlopen(urllib.request.Request(base + "/api/v1/report", json.dumps(report).encode(), {"Content-Type": "application/json"}))))
`;

const JAVASCRIPT = `
const base = process.env.ENCLAVE_URL;
const { files } = await (await fetch(base + '/api/v1/data/files')).json();
const rows = (await (await fetch(base + '/api/v1/data/file?filepath=' + files[0].name)).text()).trim().split('\\n').map(Number);
const report = { name: 'mean', status: 'Completed', json_data: { score: rows.reduce((a, b) => a + b) / rows.length } };
const answer = await fetch(base + '/api/v1/report', { method: 'POST', body: JSON.stringify(report) });
console.log(answer.status);
`;

describe.each(levels)('at isolation level %s', (level) => {
  test('a Python package reads its data and reports', async () => {
    const { result, stderr, recorded } = await run({
      level,
      files: { 'main.py': PYTHON },
      command: ['python3', 'main.py'],
    });
    expect(stderr).toBe('');
    expect(result).toMatchObject({ exit: 'exited', code: 0 });
    expect(recorded.accepted).toEqual([{ name: 'mean', data: { score: 0.625 } }]);
  });

  test('a JavaScript package reads its data and reports', async () => {
    const { stdout, recorded } = await run({
      level,
      files: { 'main.mjs': JAVASCRIPT },
      command: ['node', 'main.mjs'],
    });
    expect(stdout).toBe('200\n');
    expect(recorded.accepted).toEqual([{ name: 'mean', data: { score: 0.625 } }]);
  });
});

test.skipIf(isolation.level !== 'process' || !existsSync(join(SDK, 'EnclaveSDK')))(
  'the manual’s algorithm package runs in the sandbox byte for byte',
  async () => {
    const folder = join(SDK, 'samples', 'algorithm-package');
    const files = Object.fromEntries(
      ['run.sh', 'algo-template.py'].map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    );
    const { options, recorded } = memoryApi(contents, { gateReport: async () => ({ ok: true }) });
    const { result, stderr } = await runSpec(
      {
        level: 'process',
        files,
        command: ['run.sh'],
        pythonPath: SDK,
        environment: { ENCLAVE_CA_FILE: '/opt/sealroom/files/ca.pem' },
        extraFiles: [{ name: 'ca.pem', content: material.ca }],
      },
      (place) => serveMemory(options, material.tls, place),
    );
    expect(stderr).toBe('');
    expect(result).toMatchObject({ exit: 'exited', code: 0 });
    expect(recorded.accepted).toEqual([
      { name: 'EscrowAI Algorithm Package', data: { report: 'Performance Report' } },
    ]);
  },
);
