// Keeps runs going between the two parties of the story: several at a time, each to its end, under contracts whose quota
// they use up. Calls of people outlast a hub that is down, with the bytes that were signed the first time.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hubRoutes } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { call, ClientError } from '@sealroom/client';
import { verifyReceipt, type Trust } from '@sealroom/contract';
import { openOutput, parseEnvelope } from '@sealroom/seal';
import { persistentFetch } from '../../apps/room/src/persistent-fetch.ts';
import type { Session } from '../party.ts';
import {
  type Agreed,
  EXAMPLE,
  initiate,
  NotEnded,
  offer,
  request,
  type Stage,
  untilEnded,
} from '../story.ts';

export const QUOTA = { runs: 5, attemptsPerRun: 1 } as const;
/** One run more than a contract allows, so that the refusal is seen too. */
const RUNS_PER_CONTRACT = QUOTA.runs + 1;
/** The hub's own bound for a run whose room falls silent: the contract's minutes and ten. */
const END_WITHIN_MS = 15 * 60_000;
const CALL_MS = 120_000;

export type Driven = {
  /** Payload digests of statements that a person was told stand in the ledger. */
  readonly told: Digest[];
  readonly ends: { [status: string]: number };
  readonly overdue: Digest[];
  /** What a lane could not do; a defect of the product or of this harness. */
  readonly troubles: string[];
};

/** The same session, whose calls are made again while the hub is down. */
function persistent(session: Session, signal: AbortSignal): Session {
  const { hub } = session;
  return { ...session, hub: { ...hub, fetch: persistentFetch(hub.fetch, { forMs: CALL_MS, signal }) } };
}

export function persistentStage(stage: Stage, signal: AbortSignal): Stage {
  return { ...stage, steward: persistent(stage.steward, signal), owner: persistent(stage.owner, signal) };
}

/** A contract of its own over a version of the algorithm of its own. */
async function agree(stage: Stage, folder: string, name: string): Promise<Agreed> {
  const change = <Terms>(contract: Terms): Terms => ({ ...contract, quota: QUOTA });
  for (let attempt = 0; ; attempt++) {
    try {
      const output = join(folder, `${name}-${attempt}`);
      return await offer(stage, join(EXAMPLE, 'algorithm-javascript'), output, change);
    } catch (error) {
      // Files of the package go to the store once; if the hub goes away under one, a fresh version gets a fresh container.
      if (attempt >= 20) throw error;
      await delay(1000);
    }
  }
}

async function checkOutput(stage: Stage, run: Digest, trust: Trust): Promise<void> {
  const { hub, party } = stage.owner;
  const input = { params: { run } };
  const { finished } = await verifyReceipt(await call(hub, hubRoutes.receipt, input), trust);
  await openOutput({
    sealed: await call(hub, hubRoutes.output, input),
    envelope: parseEnvelope(await call(hub, hubRoutes.envelope, input)),
    secret: party.receiving.secret,
    manifest: finished.manifest,
  });
}

async function oneRun(stage: Stage, agreed: Agreed, driven: Driven, trust: Trust): Promise<void> {
  const run = await request(stage, agreed);
  driven.told.push(run);
  await initiate(stage, agreed, run);
  const ended = await untilEnded(stage, run, END_WITHIN_MS).catch((error: unknown) => {
    if (error instanceof NotEnded) return undefined;
    throw error;
  });
  if (!ended) {
    driven.overdue.push(run);
    return;
  }
  const end = ended.status === 'Run Completed' ? ended.status : `${ended.status}: ${ended.detail}`;
  driven.ends[end] = (driven.ends[end] ?? 0) + 1;
  if (ended.status === 'Run Completed') await checkOutput(stage, run, trust);
}

/** One lane: contract after contract, run after run, until it is time. */
export async function drive(
  stage: Stage,
  {
    folder,
    lane,
    driven,
    trust,
    stop,
  }: {
    folder: string;
    lane: number;
    driven: Driven;
    trust: Trust;
    stop: () => boolean;
  },
): Promise<void> {
  for (let count = 0; !stop(); count++) {
    try {
      const agreed = await agree(stage, folder, `lane-${lane}-${count}`);
      driven.told.push(agreed.digest);
      for (let runs = 0; runs < RUNS_PER_CONTRACT && !stop(); runs++)
        await oneRun(stage, agreed, driven, trust);
    } catch (error) {
      const { problem = '', code = '' } = error instanceof ClientError ? error : {};
      const stack = error instanceof Error ? (error.stack ?? '') : '';
      driven.troubles.push(`${code} ${problem} ${stack}`.trim());
      if (driven.troubles.length > 50) throw error;
    }
  }
}
