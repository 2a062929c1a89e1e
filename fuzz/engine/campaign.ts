// A campaign: inputs made from a growing corpus, run against each target of a family in turns, until a number of executions
// or a time is reached. What shows an outcome or a piece of code that is new stays in the corpus.
import { createHash } from 'node:crypto';
import { utf8Encode } from '@sealroom/bytes';
import { confirm, looksLarge, looksSlow, usedBytes } from './measure.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { shrink } from './shrink.ts';
import { described, type Family, type Outcome, refused, type Target, Violation } from './target.ts';
import type { Coverage } from './coverage.ts';

export type Finding = {
  readonly family: string;
  readonly target: string;
  readonly oracle: string;
  readonly message: string;
  /** Where it arose, for telling findings apart. */
  readonly place: string;
  readonly input: Uint8Array;
};

export type TargetCount = { executions: number; accepted: number; refused: number; corpus: number };

export type Progress = {
  executions: number;
  accepted: number;
  refused: number;
  corpus: number;
  /** Characters of source that ran; 0 without coverage. */
  covered: number;
  findings: number;
  readonly targets: { [name: string]: TargetCount };
};

export type CampaignOptions = {
  readonly seed: number;
  /** Stops after so many executions, or when `until` says so. */
  readonly executions?: number;
  /** Stops when each target was executed so often. */
  readonly each?: number;
  readonly until?: () => boolean;
  readonly coverage?: Coverage;
  /** Bytes of the largest inputs. */
  readonly large?: number;
  /** Called before each execution, so that one that never ends is known. */
  readonly before?: (target: number, input: Uint8Array) => void;
  readonly onFinding?: (finding: Finding) => void;
  readonly onProgress?: (progress: Progress) => void;
};

const TURN = 32;
const LARGE = 64 * 1024;
const MOST_NOTES = 3000;
const MOST_CORPUS = 4000;
const SAME_FINDINGS = 3;

type Lane = {
  readonly target: Target;
  readonly index: number;
  readonly corpus: Uint8Array[];
  readonly seeds: number;
  readonly notes: Set<string>;
  readonly words: readonly Uint8Array[];
  readonly count: TargetCount;
  spentMs: number;
  /** Times that an execution was found slow or large; after some it is not looked into any more. */
  costly: number;
};

function laneOf(target: Target, index: number): Lane {
  return {
    target,
    index,
    corpus: [...target.seeds],
    seeds: target.seeds.length,
    notes: new Set(),
    words: (target.words ?? []).map(utf8Encode),
    count: { executions: 0, accepted: 0, refused: 0, corpus: target.seeds.length },
    spentMs: 0,
    costly: 0,
  };
}

function placeOf(error: Violation): string {
  const source = error.cause instanceof Error ? error.cause : error;
  const frame =
    (source.stack ?? '').split('\n').find((line) => /\/(?:packages|apps|fuzz)\/[^)]*\.ts/.test(line)) ?? '';
  return /((?:packages|apps|fuzz)\/[^):]+\.ts:\d+)/.exec(frame)?.[1] ?? '';
}

class Campaign {
  readonly #family: Family;
  readonly #options: CampaignOptions;
  readonly #random: Random;
  readonly #lanes: Lane[];
  readonly #known = new Map<string, number>();
  readonly progress: Progress;

  constructor(family: Family, options: CampaignOptions) {
    this.#family = family;
    this.#options = options;
    const name = createHash('sha256').update(family.name).digest();
    this.#random = new Random(options.seed, name.readUInt32BE());
    this.#lanes = family.targets.map(laneOf);
    const targets = Object.fromEntries(this.#lanes.map(({ target, count }) => [target.name, count]));
    this.progress = { executions: 0, accepted: 0, refused: 0, corpus: 0, covered: 0, findings: 0, targets };
  }

  async run(): Promise<Progress> {
    // Seeds first, as they are: they are what genuine inputs look like.
    for (const lane of this.#lanes) {
      for (const seed of lane.target.seeds) {
        if (this.#over()) break;
        await this.#execute(lane, seed);
      }
    }
    while (!this.#over()) {
      for (const lane of this.#next()) {
        if (this.#over()) break;
        await this.#turn(lane);
      }
    }
    this.#tell();
    return this.progress;
  }

  #over(): boolean {
    const { executions, each, until } = this.#options;
    if (executions !== undefined && this.progress.executions >= executions) return true;
    if (each !== undefined && this.#lanes.every((lane) => this.#done(lane))) return true;
    return until?.() ?? false;
  }

  #done({ count }: Lane): boolean {
    const { each } = this.#options;
    return each !== undefined && count.executions >= each;
  }

  /** Counted runs take all in order, so that they repeat; timed ones give each target the same time. */
  #next(): readonly Lane[] {
    if (this.#options.each !== undefined) return this.#lanes.filter((lane) => !this.#done(lane));
    if (this.#options.executions !== undefined) return this.#lanes;
    return [this.#lanes.reduce((a, b) => (b.spentMs < a.spentMs ? b : a))];
  }

  #input(lane: Lane): Uint8Array {
    const random = this.#random;
    // What came last is tried more often.
    const recent = lane.corpus.length > 16 && random.once(3) ? lane.corpus.slice(-16) : lane.corpus;
    const input = random.pick(recent) ?? new Uint8Array();
    const other = random.pick(lane.corpus) ?? input;
    const { form } = lane.target;
    return mutate(random, input, { form, words: lane.words, other, large: this.#options.large ?? LARGE });
  }

  async #turn(lane: Lane): Promise<void> {
    const start = performance.now();
    const tried: Uint8Array[] = [];
    for (let left = lane.target.turn ?? TURN; left > 0 && !this.#over(); left--) {
      const input = this.#input(lane);
      tried.push(input);
      await this.#execute(lane, input);
    }
    if (this.#options.coverage?.grew() === true) await this.#findGrowth(lane, tried);
    lane.spentMs += performance.now() - start;
    this.#tell();
  }

  /** New code was reached by one of these. All are kept: which one it was would cost more to find out than they weigh. */
  async #findGrowth(lane: Lane, tried: readonly Uint8Array[]): Promise<void> {
    for (const input of tried) this.#keep(lane, input);
  }

  #keep(lane: Lane, input: Uint8Array): void {
    if (input.length > 65_536 || lane.corpus.includes(input)) return;
    if (lane.corpus.length < MOST_CORPUS) lane.corpus.push(input);
    else lane.corpus[lane.seeds + this.#random.below(MOST_CORPUS - lane.seeds)] = input;
    lane.count.corpus = lane.corpus.length;
  }

  async #execute(lane: Lane, input: Uint8Array): Promise<void> {
    const { target, count } = lane;
    this.#options.before?.(lane.index, input);
    const memory = usedBytes();
    const start = performance.now();
    const outcome = await this.#judged(target, input);
    const took = performance.now() - start;
    const growth = usedBytes() - memory;
    this.progress.executions++;
    count.executions++;
    if (outcome instanceof Violation) return this.#report(lane, input, outcome);
    if (outcome.accepted) {
      count.accepted++;
      this.progress.accepted++;
    } else {
      count.refused++;
      this.progress.refused++;
    }
    const costs = looksSlow(took, target.slowMs) || looksLarge(growth, input.length);
    if (costs && lane.costly < SAME_FINDINGS) {
      const found = await confirm(() => this.#judged(target, input), input.length, target.slowMs);
      if (found) {
        lane.costly++;
        return this.#report(lane, input, found);
      }
    }
    if (lane.notes.size < MOST_NOTES && !lane.notes.has(outcome.note)) {
      lane.notes.add(outcome.note);
      this.#keep(lane, input);
    }
    return undefined;
  }

  async #judged(target: Target, input: Uint8Array): Promise<Outcome | Violation> {
    try {
      const found = target.run(input);
      return found instanceof Promise ? await found : found;
    } catch (error) {
      if (error instanceof Violation) return error;
      return this.#asViolation(error);
    }
  }

  #asViolation(error: unknown): Violation {
    try {
      refused(error, []);
    } catch (violation) {
      if (violation instanceof Violation) return violation;
    }
    return new Violation('foreign-error', described(error));
  }

  async #report({ target, index }: Lane, input: Uint8Array, violation: Violation): Promise<void> {
    const { oracle } = violation;
    const place = placeOf(violation);
    const key = `${target.name} ${oracle} ${place}`;
    const before = this.#known.get(key) ?? 0;
    this.#known.set(key, before + 1);
    if (before >= SAME_FINDINGS) return;
    const cheap = oracle !== 'slow' && oracle !== 'memory';
    const still = async (candidate: Uint8Array): Promise<boolean> => {
      this.#options.before?.(index, candidate);
      const again = await this.#judged(target, candidate);
      return again instanceof Violation && again.oracle === oracle && placeOf(again) === place;
    };
    const small = cheap ? await shrink(input, still) : input;
    this.progress.findings++;
    const finding = {
      family: this.#family.name,
      target: target.name,
      oracle,
      message: violation.message,
      place,
      input: small,
    };
    this.#options.onFinding?.(finding);
  }

  #tell(): void {
    this.progress.corpus = this.#lanes.reduce((sum, { corpus }) => sum + corpus.length, 0);
    this.progress.covered = this.#options.coverage?.covered() ?? 0;
    this.#options.onProgress?.(this.progress);
  }
}

export function runCampaign(family: Family, options: CampaignOptions): Promise<Progress> {
  return new Campaign(family, options).run();
}
