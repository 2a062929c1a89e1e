// A crash run: the house, parties that keep runs going, a killer, and at the end the judgement of all that happened.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCast, setStage, type Stage } from '../story.ts';
import { collect, leftFolders, leftProcesses, untilQuiet } from './collect.ts';
import { drive, type Driven, persistentStage, QUOTA } from './drive.ts';
import type { History } from './history.ts';
import { type CrashHouse, openCrashHouse } from './house.ts';
import { type Violation, violationsIn } from './invariants.ts';
import { Killer, type Kill } from './killer.ts';
import { createRecorder } from './recorder.ts';
import { choicesOf } from './seeded.ts';
import { type Point, POINTS } from './steps.ts';

export type CrashOptions = {
  readonly seed: string;
  readonly kills: number;
  /** No new kill after this time, in milliseconds. */
  readonly withinMs: number;
  /** Lanes of runs, and rooms at a time. */
  readonly lanes?: number;
  readonly rooms?: number;
  readonly points?: readonly Point[];
  /** Kills at the named points only, at each once. */
  readonly namedOnly?: boolean;
  /** Leaves the folder where it is, whatever the outcome. */
  readonly keep?: boolean;
  readonly tell?: (progress: Progress) => void;
};

export type Progress = { readonly kills: readonly Kill[]; readonly driven: Driven };

export type CrashResult = Progress & {
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Where logs and databases are; there when something is broken, or when asked for. */
  readonly folder: string;
};

const TELL_MS = 30_000;

function trustOf({ steward, owner, house, node }: Stage): History['trust'] {
  const { origin, key } = house.ledger;
  return {
    v: 1,
    ledger: { origin, key, witnesses: [] },
    organisations: [steward.party.org, owner.party.org],
    contracts: [],
    rooms: [node.launch],
    simulators: [node.simulator ?? ''],
  };
}

async function play(
  house: CrashHouse,
  folder: string,
  {
    options,
    killer,
    cast,
  }: { options: CrashOptions; killer: Killer; cast: Awaited<ReturnType<typeof createCast>> },
) {
  const driven: Driven = { told: [], ends: {}, overdue: [], troubles: [] };
  const calls = new AbortController();
  const stage = persistentStage(await setStage(house.running, cast, folder), calls.signal);
  const trust = trustOf(stage);
  const until = performance.now() + options.withinMs;
  let over = false;
  const lanes = Array.from({ length: options.lanes ?? 4 }, (_, lane) =>
    drive(stage, { folder, lane, driven, trust, stop: () => over }),
  );
  const telling = setInterval(() => options.tell?.({ kills: killer.kills, driven }), TELL_MS);
  try {
    await Promise.race([
      killer.run(house, options.kills, () => performance.now() > until),
      Promise.all(lanes).then(() => delay(10)),
    ]);
  } finally {
    over = true;
    clearInterval(telling);
  }
  // The runs that are under way come to their ends without further kills.
  await Promise.all(lanes);
  return { driven, stage, trust };
}

/** Sets a variable of this process while `work` lasts; the processes that it starts get it too. */
async function withVariable<Result>(
  name: string,
  value: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const before = process.env[name];
  process.env[name] = value;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

async function playAndCollect(folder: string, options: CrashOptions) {
  const recorder = createRecorder();
  const killer = new Killer(choicesOf(options.seed), recorder, options.points ?? POINTS, options.namedOnly);
  const cast = await createCast();
  const directory = join(folder, 'house');
  const orgs = { hospital: cast.steward.org, vendor: cast.owner.org };
  const house = await openCrashHouse(directory, orgs, { watch: killer.watch, rooms: options.rooms ?? 2 });
  try {
    const { driven, stage, trust } = await play(house, folder, { options, killer, cast });
    await untilQuiet(house.direct, directory);
    const { ledger, caPem } = house.running;
    const leftovers = await leftFolders(directory, killer.folders);
    const state = await collect(house.direct, { caPem, owner: stage.owner, project: stage.project });
    await house.stop();
    leftovers.push(...leftProcesses(folder));
    const { told, overdue } = driven;
    const history: History = { ledger, trust, quota: QUOTA, ...recorder, told, overdue, ...state, leftovers };
    return { kills: killer.kills, driven, history };
  } catch (error) {
    await house.stop().catch(() => undefined);
    throw error;
  }
}

/** Plays a crash run and judges it. @throws when the house does not start, or the parties cannot go on at all */
export async function crash(options: CrashOptions): Promise<CrashResult> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-crash-'));
  // By this variable the processes of this house are found again, whoever started them.
  const played = await withVariable('TMPDIR', folder, () => playAndCollect(folder, options));
  const violations = await violationsIn(played.history);
  if (violations.length === 0 && !options.keep) await rm(folder, { recursive: true, force: true });
  return { ...played, violations, folder };
}
