// Random criteria and documents, judged here and by Cerberus itself. What Cerberus says may depend on the order of a set of
// texts, which changes with PYTHONHASHSEED: where the answers differ, processes with other seeds are asked, and the case is
// counted as agreeing (`unordered`) only if Cerberus says one time or another exactly what is said here.
import { isList, readValue, type Value, writeValue } from '@sealroom/criteria';
import { difference, judge, outcomeOf, type Said, saidText } from './compare.ts';
import { type Case, randomCase } from './documents.ts';
import { Oracle } from './oracle.ts';
import { count, emptyTally, type Plan, type Tally } from './tally.ts';

export interface CriteriaPlan extends Plan {
  /** Documents for each set of criteria. */
  readonly documents: number;
}

const CHUNK = 32;
/** Seeds of Python's hash; the first one answers everything, the others where it matters. */
const HASH_SEEDS = [0, 1, 2, 3, ...Array.from({ length: 28 }, (_, i) => 1000 + i)];

function requestOf({ schema, options, documents }: Case): string {
  return `{"schema":${writeValue(schema)},"options":${writeValue(options)},"documents":${writeValue(documents)}}`;
}

function listOf(answer: string): readonly Value[] {
  const value = readValue(answer, { maxDepth: 2000, maxLength: 2 ** 26, maxValues: 2 ** 24 });
  if (!isList(value)) throw new TypeError('The answer is no list.');
  return value;
}

class Comparison {
  readonly #first: Oracle;
  #others: Oracle[] = [];
  readonly tally = emptyTally();

  constructor(hashSeed: number) {
    this.#first = new Oracle(hashSeed);
  }

  close(): void {
    for (const oracle of [this.#first, ...this.#others]) oracle.close();
  }

  async chunk(seeds: readonly number[], documents: number): Promise<void> {
    const cases = seeds.map((seed) => randomCase(seed, documents));
    const answers = cases.map(async (made) => this.#first.ask(requestOf(made)));
    const said = cases.map((made) => judge(made.schema, made.options, made.documents));
    for (const [index, answer] of (await Promise.all(answers)).entries()) {
      const made = cases[index];
      if (made === undefined) continue;
      if (answer === 'null') count(this.tally.refused, 'given up there');
      for (const [at, there] of answer === 'null' ? [] : listOf(answer).entries()) {
        const here = said[index]?.[at];
        if (here === undefined) throw new RangeError('An answer is missing.');
        await this.#one(seeds[index] ?? 0, { ...made, documents: [made.documents[at] ?? null] }, here, there);
      }
    }
  }

  async #one(seed: number, made: Case, here: Said, there: Value): Promise<void> {
    this.tally.cases++;
    count(this.tally.outcomes, outcomeOf(there));
    if (here.outcome === 'refused') {
      count(this.tally.refused, String(here.detail));
      return;
    }
    const what = difference(here, there);
    if (what === undefined) return;
    const request = requestOf(made);
    if (await this.#underAnotherSeed(request, here)) this.tally.unordered++;
    else {
      const shown = { here: saidText(here), there: writeValue(there) };
      this.tally.disagreements.push({ seed, what, request, ...shown });
    }
  }

  async #underAnotherSeed(request: string, here: Said): Promise<boolean> {
    if (this.#others.length === 0) this.#others = HASH_SEEDS.map((seed) => new Oracle(seed));
    for (const oracle of this.#others) {
      const answer = await oracle.ask(request);
      const [there] = answer === 'null' ? [] : listOf(answer);
      if (there !== undefined && difference(here, there) === undefined) return true;
    }
    return false;
  }
}

/** Compares `cases` documents; each set of criteria follows from one seed, counted up from `seed`. */
export async function compareWithCerberus(plan: CriteriaPlan): Promise<Tally> {
  const comparison = new Comparison(plan.seed % 4);
  try {
    for (let seed = plan.seed; comparison.tally.cases < plan.cases; seed += CHUNK) {
      await comparison.chunk(
        Array.from({ length: CHUNK }, (_, i) => seed + i),
        plan.documents,
      );
      plan.progress?.(comparison.tally);
      if (comparison.tally.disagreements.length >= plan.most) break;
    }
    return comparison.tally;
  } finally {
    comparison.close();
  }
}
