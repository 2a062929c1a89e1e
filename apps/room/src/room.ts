// One run from boot to destruction, in the order of protocol.md section 8: plan, keys, staging, sandbox and gate, ending.
import { rm } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { Fetch } from '@sealroom/client';
import { isolationSuffices } from '@sealroom/contract';
import { SegmentPool } from '@sealroom/host/sealing';
import { endRun } from './ending.ts';
import { RoomError } from './error.ts';
import { execute, type Execution } from './execution.ts';
import { gateSeen } from './gate-seen.ts';
import { createHubLink } from './hub-link.ts';
import { createIdentity, obtainKeys, type Quote, type Released } from './keys.ts';
import { type Boot, makePlan, type Plan } from './plan.ts';
import { detectIsolation, SandboxError, type SandboxLevel } from './sandbox/sandbox.ts';
import { openAsset, type OpenAsset } from './staging.ts';
import type { StoreFetch } from './store.ts';

export type RoomLinks = {
  /** To vaults and hub. */
  readonly fetch: Fetch;
  /** To the data's stores, and nowhere else. */
  readonly storeFetch: StoreFetch;
  readonly quote: Quote;
  /** Milliseconds since 1970, for message headers only; decisions use the vaults' times. */
  readonly now: () => number;
  /** Why a run failed, for the node's log: codes of this house, nothing of the data or the algorithm. */
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
};

async function chooseIsolation(plan: Plan): Promise<SandboxLevel> {
  const { level, reasons } = await detectIsolation();
  for (const { contract } of plan.contracts) {
    if (isolationSuffices(level, contract.room.isolation)) continue;
    throw new RoomError(
      'room/isolation',
      `This machine reaches isolation "${level}", the contract asks for "${contract.room.isolation}". ${reasons.join(' ')}`,
    );
  }
  return level;
}

async function stageAll(
  plan: Plan,
  released: Released,
  boot: Boot,
  { storeFetch, threads }: { storeFetch: StoreFetch; threads: SegmentPool },
): Promise<{ algorithm: OpenAsset; datasets: OpenAsset[] }> {
  const staging = { fetch: storeFetch, folder: join(boot.spool, 'sealed'), opener: threads.open };
  const keyOf = (asset: Parameters<typeof openAsset>[0]) => {
    const key = released.keys.get(asset.asset);
    if (!key) throw new RoomError('room/answer', 'No key was released for an asset of the run.');
    return key;
  };
  const algorithm = await openAsset(plan.algorithm, keyOf(plan.algorithm), staging);
  const datasets: OpenAsset[] = [];
  for (const dataset of plan.datasets) datasets.push(await openAsset(dataset, keyOf(dataset), staging));
  return { algorithm, datasets };
}

/** Failures after the release are the run's own and are finished with a receipt; what fails before goes to the node. */
function asFailure(error: unknown, say: (text: string) => void): Execution {
  if (error instanceof RoomError || error instanceof SandboxError) {
    say(`${error.code}: ${error.message}`);
    // A sandbox that broke may have been broken by the algorithm, so it says no more than a missing report.
    const code =
      error.code === 'room/staging' || error.code === 'room/package' ? error.code : 'room/no-report';
    return { outcome: 'failed', code };
  }
  // A full disk, say. Its words could hold names or values, so only its kind is told.
  say(`room/internal: ${error instanceof Error ? error.name : 'something that is no error'}`);
  return { outcome: 'failed', code: 'room/no-report' };
}

/** @throws RoomError when the run could not be finished with a receipt */
export async function runRoom(boot: Boot, links: RoomLinks): Promise<'completed' | 'failed'> {
  const { fetch, storeFetch, quote, now, say, signal } = links;
  const plan = await makePlan(boot);
  const level = await chooseIsolation(plan);
  const identity = await createIdentity();
  const released = await obtainKeys(plan, identity, { quote, fetch });
  const hub = await createHubLink(boot.hub.url, { run: plan.run, signer: identity.signer, fetch, now });
  await hub.introduce(released.answers[0] ?? '', released.reservations[0] ?? '');
  let execution: Execution;
  const threads = new SegmentPool();
  threads.start();
  try {
    await hub.tell('Runtime Build', gateSeen(boot.gate, networkInterfaces()));
    const { algorithm, datasets } = await stageAll(plan, released, boot, { storeFetch, threads });
    await hub.tell('Workload Launch');
    await hub.tell('Run');
    execution = await execute(plan, { algorithm, datasets, level, spool: boot.spool, signal });
    if (execution.outcome === 'failed') say(execution.code);
  } catch (error) {
    execution = asFailure(error, say);
  } finally {
    await threads.close();
    await rm(join(boot.spool, 'sealed'), { recursive: true, force: true });
  }
  await endRun(plan, execution, {
    identity,
    released,
    isolation: level,
    hub,
    fetch,
    origin: boot.ledger.origin,
    now,
  });
  return execution.outcome;
}
