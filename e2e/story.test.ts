import { join } from 'node:path';
import { hubRoutes, vaultRoutes } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt, type Trust, verifyReceipt } from '@sealroom/contract';
import { openOutput, parseEnvelope } from '@sealroom/seal';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probeMachine } from '../apps/node/src/probe.ts';
import { collect, trustOf } from './collect.ts';
import {
  type Agreed,
  type Cast,
  EXAMPLE,
  initiate,
  offer,
  openHouse,
  type OpenHouse,
  request,
  type Stage,
  untilEnded,
} from './story.ts';

let open: OpenHouse;
let folder: string;
let cast: Cast;
let stage: Stage;
let python: Agreed;
let trust: Trust;

beforeAll(async () => {
  open = await openHouse('story');
  ({ folder, cast, stage } = open);
  python = await offer(stage, join(EXAMPLE, 'algorithm-python'), join(folder, 'python'));
  trust = trustOf(stage);
}, 180_000);

afterAll(async () => {
  await open?.close();
}, 60_000);

async function runOf(agreed: Agreed): Promise<Digest> {
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  return run;
}

async function reportOf(run: Digest): Promise<unknown> {
  const { report, verified } = await collect(stage, run);
  expect(verified).toMatchObject({ verdict: 'pinned', hardwareAttested: false });
  return report;
}

const METRICS = {
  report: {
    accuracy: { value: 0.9577, n: 284 },
    sensitivity: { value: 0.9182, n: 110 },
    specificity: { value: 0.9828, n: 174 },
  },
};

test('two parties validate a model on sealed data, and only the agreed report leaves', async () => {
  const run = await runOf(python);
  const ended = await untilEnded(stage, run);
  expect(ended).toMatchObject({ status: 'Run Completed', hasOutput: true, hasReceipt: true });
  expect(ended.stages.map((item) => item.stage)).toEqual([
    'Run Requested',
    'Run Initiated',
    'Runtime Build',
    'Workload Launch',
    'Run',
    'Run Completed',
  ]);
  // What the room saw of the gate is what this machine's node can put up.
  const { bwrap } = await probeMachine();
  const built = ended.stages.find((item) => item.stage === 'Runtime Build');
  expect(built?.detail).toBe(bwrap === undefined ? 'gate/none' : 'gate/closed');
  expect(await reportOf(run)).toMatchObject(METRICS);
  const receipt = await call(stage.steward.hub, hubRoutes.receipt, { params: { run } });
  const { finished, contracts } = await verifyReceipt(receipt, trust);
  expect(finished.answers).toHaveLength(2);
  expect(contracts[0]?.contract.vaults.map((vault) => vault.custody)).toEqual(['operator', 'operator']);
  // The steward may see that the run ended and by which rules, and cannot open its output.
  const sealed = await call(stage.steward.hub, hubRoutes.output, { params: { run } });
  const envelope = parseEnvelope(await call(stage.steward.hub, hubRoutes.envelope, { params: { run } }));
  await expect(
    openOutput({ sealed, envelope, secret: cast.steward.receiving.secret, manifest: finished.manifest }),
  ).rejects.toMatchObject({ code: 'seal/not-recipient' });
}, 180_000);

test('a package in JavaScript gives the same report, on data that is streamed', async () => {
  const streamed = await offer(
    stage,
    join(EXAMPLE, 'algorithm-javascript'),
    join(folder, 'javascript'),
    (contract) => ({
      ...contract,
      datasets: contract.datasets.map((item) => ({ ...item, access: 'streamed' as const })),
    }),
  );
  const run = await runOf(streamed);
  expect((await untilEnded(stage, run)).status).toBe('Run Completed');
  expect(await reportOf(run)).toMatchObject(METRICS);
}, 180_000);

test('one request at a time; a steward rejects with a reason, an owner withdraws', async () => {
  const first = await request(stage, python);
  await expect(request(stage, python)).rejects.toMatchObject({ problem: 'hub/run-in-progress' });
  const params = { runConfiguration: python.runConfiguration };
  const base = { salt: freshSalt(), contract: python.digest, note: null };
  const rejected = await stage.steward.sign('run.rejected', { ...base, run: first, org: cast.steward.org });
  await call(stage.steward.hub, hubRoutes.submitStatement, { params, body: { statement: rejected } });
  expect((await untilEnded(stage, first)).status).toBe('Run Rejected');
  const second = await request(stage, python);
  const withdrawn = await stage.owner.sign('run.withdrawn', {
    ...base,
    salt: freshSalt(),
    run: second,
    org: cast.owner.org,
  });
  await call(stage.owner.hub, hubRoutes.submitStatement, { params, body: { statement: withdrawn } });
  expect((await untilEnded(stage, second)).status).toBe('Run Withdrawn');
}, 60_000);

test('a report that carries a row does not leave; the failed run has a receipt of its own', async () => {
  const cheat = await offer(stage, join(EXAMPLE, 'algorithm-cheat'), join(folder, 'cheat'));
  const run = await runOf(cheat);
  const ended = await untilEnded(stage, run);
  expect(ended).toMatchObject({ status: 'Run Failed', detail: 'room/no-report', hasOutput: false });
  const find = async () => (await call(stage.owner.hub, hubRoutes.run, { params: { run } })).hasReceipt;
  await expect.poll(find, { timeout: 30_000 }).toBe(true);
  const { finished } = await verifyReceipt(
    await call(stage.owner.hub, hubRoutes.receipt, { params: { run } }),
    trust,
  );
  expect(finished).toMatchObject({ outcome: 'failed', output: null, bits: 1, bytes: 0 });
}, 180_000);

test('a suspension that the hub never hears of still stops the keys', async () => {
  const run = await request(stage, python);
  const payload = {
    salt: freshSalt(),
    contract: python.digest,
    org: cast.steward.org,
    note: null,
    prev: python.digest,
  };
  const statement = await stage.steward.sign('contract.suspended', payload);
  await call(stage.steward.vault, vaultRoutes.submit, { body: { statement } });
  // The ledger refuses the approval now; nothing is left for a room to show to a vault.
  await expect(initiate(stage, python, run)).rejects.toMatchObject({ problem: 'statement/wrong-state' });
}, 60_000);
