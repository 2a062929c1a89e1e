// Kills processes of the house with SIGKILL: at named points between the steps of a run, and at moments that the seed
// chooses. Supervisors and the node start again what was killed; nothing here helps them.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sha256Digest } from '@sealroom/bytes';
import { isOfType, readStatement } from '@sealroom/contract';
import { isAlive, type ProcessName } from '@sealroom/host';
import { type CrashHouse, VAULTS } from './house.ts';
import type { Exchange, Watch } from './proxy.ts';
import type { Recorder } from './recorder.ts';
import type { Choices } from './seeded.ts';
import { type Moment, type Point, pointText, stepOf, type Victim } from './steps.ts';

/** One kill: what died and where. */
export type Kill = { readonly victim: Victim; readonly point: string };

const SERVICES = ['hub', 'ledger', 'node', ...VAULTS.map((name) => `vault-${name}`)];
const ARMED = 4;

/** Whoever dies here takes a run with it; the others only interrupt it. */
function isFatal(victim: Victim): boolean {
  return victim === 'node' || victim === 'room';
}

/** Goes through points in an order of its own, again and again. */
class Round {
  readonly armed: Point[] = [];
  readonly #points: readonly Point[];
  readonly #choices: Choices;
  #queue: Point[] | undefined;
  readonly #once: boolean;

  constructor(choices: Choices, points: readonly Point[], once: boolean) {
    this.#choices = choices;
    this.#points = points;
    this.#once = once;
  }

  /** Arms the next point, if there is room for one. */
  arm(): void {
    if (this.armed.length >= Math.min(ARMED, this.#points.length)) return;
    if (!this.#queue || (this.#queue.length === 0 && !this.#once))
      this.#queue = this.#choices.shuffled(this.#points);
    const next = this.#queue.shift();
    if (next && !this.armed.includes(next)) this.armed.push(next);
  }
}

function callerOf({ link, path }: Exchange): Victim {
  const caller = link.split('→')[0] ?? '';
  if (caller.startsWith('vault')) return 'vault';
  if (caller === 'node' && path.startsWith('/v1/runs/')) return 'room';
  return caller as Victim;
}

function kindOf(service: string): Victim {
  return service.startsWith('vault') ? 'vault' : (service as Victim);
}

/** The run whose end the hub brings to the ledger. */
async function runOf({ body }: Exchange, step: string | undefined): Promise<string | undefined> {
  if (step !== 'hub appends run.finished') return undefined;
  const statement = await readStatement(body);
  return isOfType(statement, 'run.finished') ? statement.payload.run : undefined;
}

export class Killer {
  readonly kills: Kill[] = [];
  /** Names of the rooms' folders in the node's spool, as they were seen. */
  readonly folders: Set<string> = new Set();
  readonly #choices: Choices;
  readonly #recorder: Recorder;
  readonly #fatal: Round;
  readonly #other: Round;
  /** Runs that were ended by killing, and runs whose end the ledger took. */
  #ended = 0;
  readonly #finished: Set<string> = new Set();
  /** The room that has handed in the end of a run, by the run. */
  readonly #uploading: Map<string, ProcessName> = new Map();
  #house: CrashHouse | undefined;
  #wanted = 0;

  readonly #namedOnly: boolean;

  /** @param points the named points to go through @param namedOnly each of them once, and nothing besides */
  constructor(choices: Choices, recorder: Recorder, points: readonly Point[], namedOnly = false) {
    this.#namedOnly = namedOnly;
    this.#choices = choices;
    this.#recorder = recorder;
    this.#fatal = new Round(
      choices,
      points.filter(({ victim }) => isFatal(victim)),
      namedOnly,
    );
    this.#other = new Round(
      choices,
      points.filter(({ victim }) => !isFatal(victim)),
      namedOnly,
    );
  }

  /** For the proxies. */
  readonly watch: Watch = {
    before: async (exchange) => {
      await this.#recorder.request(exchange);
      const step = await stepOf(exchange);
      if (step === 'room uploads') this.#noteUpload(exchange);
      return this.#at(exchange, 'before', step, await runOf(exchange, step));
    },
    after: async (exchange, answer) => {
      await this.#recorder.answer(exchange, answer);
      const step = await stepOf(exchange, answer);
      if (step === 'hub appends run.finished' && answer.status < 300)
        this.#finished.add(await sha256Digest(exchange.body));
      return this.#at(exchange, 'after', step, await runOf(exchange, step));
    },
  };

  /** Kills `wanted` processes, or stops earlier when asked. */
  async run(house: CrashHouse, wanted: number, stop: () => boolean): Promise<void> {
    this.#house = house;
    this.#wanted = wanted;
    while (this.kills.length < wanted && !stop()) {
      await this.#untilUp(house);
      this.#fatal.arm();
      this.#other.arm();
      const before = this.kills.length;
      const patience = performance.now() + 1000 + 3000 * this.#choices.number();
      while (this.kills.length === before && performance.now() < patience) await delay(20);
      // Where nothing named came by, and now and then besides.
      if (this.#namedOnly) continue;
      if (this.kills.length === before || this.#choices.number() < 0.15) this.#atRandom(house);
    }
    this.#wanted = this.kills.length;
  }

  /** As many runs come to their own end as are killed: what nothing survives shows nothing. */
  get #mayEnd(): boolean {
    return this.#ended <= this.#finished.size + 1;
  }

  /** At most one service is down at the next kill: otherwise nothing would run that could be hit. */
  async #untilUp(house: CrashHouse): Promise<void> {
    while (SERVICES.filter((name) => house.service(name) === undefined).length > 1) await delay(20);
  }

  #atRandom(house: CrashHouse): void {
    const rooms = house.rooms();
    const all = [...SERVICES, ...(rooms.length > 0 ? ['room'] : [])];
    // Most of the runs that may be ended are left for the named points.
    const fatal = this.#mayEnd && this.#choices.number() < 0.3;
    const choice = this.#choices.one(all.filter((name) => fatal || !isFatal(kindOf(name))));
    const process = choice === 'room' ? this.#choices.one(rooms) : house.service(choice);
    this.#kill(process, { victim: kindOf(choice), point: 'any moment' });
  }

  #noteUpload(exchange: Exchange): void {
    const run = decodeURIComponent(exchange.path.split('/').at(-2) ?? '');
    const room = this.#house?.victimOf('room', exchange);
    if (room) this.#uploading.set(run, room);
  }

  /** @param run whose end is said in the exchange, if one is */
  #at(exchange: Exchange, moment: Moment, step: string | undefined, run: string | undefined): boolean {
    if (step === undefined || !this.#house) return true;
    for (const { armed } of this.#mayEnd ? [this.#fatal, this.#other] : [this.#other]) {
      const at = armed.findIndex((point) => point.step === step && point.moment === moment);
      const point = armed[at];
      const process = point && this.#house.victimOf(point.victim, exchange);
      if (!process) continue;
      const other = point.also && this.#uploading.get(run ?? '');
      if (point.also && !(other && isAlive(other))) continue;
      armed.splice(at, 1);
      const killed = this.#kill(process, { victim: point.victim, point: pointText(point) }, other);
      return !(killed && point.victim === callerOf(exchange));
    }
    return true;
  }

  /** @param other dies at the same moment and is not counted */
  #kill(name: ProcessName | undefined, kill: Kill, other?: ProcessName): boolean {
    if (!name || this.kills.length >= this.#wanted) return false;
    this.#look();
    try {
      // The other first: left alone it would say it again to whoever is started next.
      if (other) process.kill(other.pid, 'SIGKILL');
      process.kill(name.pid, 'SIGKILL');
    } catch {
      return false; // it has just ended by itself
    }
    this.kills.push(kill);
    if (isFatal(kill.victim)) this.#ended++;
    return true;
  }

  #look(): void {
    const spool = join(this.#house?.running.directory ?? '', 'node', 'spool');
    try {
      for (const folder of readdirSync(spool)) this.folders.add(folder);
    } catch {
      // The node is just making it anew.
    }
  }
}
