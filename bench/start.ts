// From INITIATE RUN to the algorithm's first instruction, on the embedded node of `sealroom up`: the real processes, a small
// dataset that is staged within the time, and a package that reports when it began. Prints milliseconds; asserts nothing.
//   node bench/start.ts [runs, 7 unless given]
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubRoutes } from '@sealroom/api';
import { type Digest, utf8Encode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt, verifyReceipt } from '@sealroom/contract';
import { openOutput, parseEnvelope } from '@sealroom/seal';
import { publishDocument } from '../e2e/party.ts';
import { initiate, offer, openHouse, type OpenHouse, request, type Stage, untilEnded } from '../e2e/story.ts';
import { countOf, load, ratios } from './measure.ts';

const runs = countOf(2, 7);
const CRITERIA = '{"began":{"type":"integer","min":0,"max":9007199254740991,"required":true}}';
// The first line of the entry point; the rest only brings the time out.
const RUN = `#!/bin/sh
BEGAN=$(date +%s%3N)
export BEGAN
exec python3 -c 'import os
from EnclaveSDK import ApiClient, Configuration, Report, ReportApi
report = {"json_data": {"began": int(os.environ["BEGAN"])}, "name": "n", "status": "Completed"}
ReportApi(ApiClient(Configuration())).api_v1_report_post(Report.from_dict(report))'
`;
const DOCKERFILE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["run.sh"]\n';

async function withCriteria({ stage }: OpenHouse): Promise<Stage> {
  const { owner, steward, project } = stage;
  const criteria = await publishDocument(owner, project, 'criteria.published', utf8Encode(CRITERIA), {
    version: 2,
  });
  const accepted = { salt: freshSalt(), org: steward.party.org, project, document: criteria, note: null };
  const statement = await steward.sign('criteria.accepted', accepted);
  await call(steward.hub, hubRoutes.publish, { params: { project }, body: { statement } });
  return { ...stage, criteria };
}

async function began({ house, cast }: OpenHouse, stage: Stage, run: Digest): Promise<number> {
  const { hub, party } = stage.owner;
  const get = { params: { run } };
  const { origin, key } = house.ledger;
  const verified = await verifyReceipt(await call(hub, hubRoutes.receipt, get), {
    v: 1,
    ledger: { origin, key, witnesses: [] },
    organisations: [cast.steward.org, cast.owner.org],
    contracts: [],
    rooms: [stage.node.launch],
    simulators: [stage.node.simulator ?? ''],
  });
  const output = await openOutput({
    sealed: await call(hub, hubRoutes.output, get),
    envelope: parseEnvelope(await call(hub, hubRoutes.envelope, get)),
    secret: party.receiving.secret,
    manifest: verified.finished.manifest,
  });
  return (JSON.parse(new TextDecoder().decode(output)) as { began: number }).began;
}

const open = await openHouse('bench-start');
try {
  const stage = await withCriteria(open);
  const model = join(open.folder, 'model');
  await mkdir(model);
  await writeFile(join(model, 'Dockerfile'), DOCKERFILE);
  await writeFile(join(model, 'run.sh'), RUN);
  const agreed = await offer(stage, model, join(open.folder, 'sealed-model'), (contract) => ({
    ...contract,
    quota: { runs: runs + 1, attemptsPerRun: 1 },
  }));
  const times: number[] = [];
  const unstaged: number[] = [];
  // The first run, which also signs the contract, warms up.
  for (let i = 0; i <= runs; i++) {
    const run = await request(stage, agreed);
    await initiate(stage, agreed, run);
    const accepted = Date.now();
    const { status } = await untilEnded(stage, run);
    if (status !== 'Run Completed') throw new Error(`A run ended as "${status}".`);
    const first = (await began(open, stage, run)) - accepted;
    const { stages } = await call(stage.owner.hub, hubRoutes.run, { params: { run } });
    const reached = (wanted: string) =>
      Date.parse(stages.find(({ stage: name }) => name === wanted)?.at ?? '');
    const staging = reached('Workload Launch') - reached('Runtime Build');
    if (process.env['SEALROOM_BENCH_STAGES'] !== undefined) {
      console.log(
        stages.map(({ stage: name, at }) => `${name} ${Date.parse(at) - accepted}`).join(', '),
        first,
      );
    }
    if (i === 0) continue;
    times.push(first);
    unstaged.push(first - staging);
  }
  console.log(`approval accepted to first instruction, ${runs} runs (min / median / max), ${load()}`);
  console.log(`  isolation "${stage.node.isolation}": ${ratios(times).text(0)} ms`);
  console.log(`  staging taken off (Runtime Build to Workload Launch) ${ratios(unstaged).text(0)} ms`);
} finally {
  await open.close();
}
