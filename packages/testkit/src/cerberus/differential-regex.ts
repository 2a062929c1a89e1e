// Random patterns and texts, matched here and by Python's re: from the start (match), and as a whole (fullmatch).
import {
  compileRegex,
  CriteriaError,
  isList,
  isMap,
  readValue,
  runRegex,
  type Value,
  writeValue,
} from '@sealroom/criteria';
import { Oracle } from './oracle.ts';
import { randomPattern, randomText } from './patterns.ts';
import { Random } from './random.ts';
import { count, emptyTally, type Plan, type Tally } from './tally.ts';

export interface RegexPlan extends Plan {
  /** Texts for each pattern. */
  readonly texts: number;
}

const CHUNK = 64;

/** For each text whether it matches from its start, and as a whole; or the code of a refusal. */
function judge(pattern: string, texts: readonly string[]): string | readonly (readonly [boolean, boolean])[] {
  try {
    const regex = compileRegex(pattern);
    return texts.map((text) => [
      runRegex(regex, text)?.matched === true,
      runRegex(regex, text, { whole: true })?.matched === true,
    ]);
  } catch (cause) {
    if (cause instanceof CriteriaError) return cause.code;
    throw cause;
  }
}

function compareOne(
  seed: number,
  pattern: string,
  texts: readonly string[],
  there: Value,
  tally: Tally,
): void {
  if (there === null) {
    count(tally.refused, 'given up there');
    return;
  }
  const here = judge(pattern, texts);
  const refusedThere = isMap(there);
  const disagree = (what: string, text?: string): void => {
    const request = writeValue(
      new Map<string, Value>([
        ['pattern', pattern],
        ['texts', text === undefined ? [] : [text]],
      ]),
    );
    tally.disagreements.push({ seed, what, request, here: JSON.stringify(here), there: writeValue(there) });
  };
  tally.cases += texts.length;
  if (typeof here === 'string') {
    count(tally.outcomes, refusedThere ? 'malformed' : 'pattern');
    if (here === 'regex/malformed' && !refusedThere) disagree('malformed here only');
    else if (here !== 'regex/malformed')
      count(tally.refused, `${here}${refusedThere ? ' (malformed there)' : ''}`);
    return;
  }
  if (!isList(there)) {
    disagree('malformed there only');
    return;
  }
  for (const [index, text] of texts.entries()) {
    const expected = there[index];
    const [match, whole] = here[index] ?? [];
    if (!isList(expected)) throw new TypeError('An answer is missing.');
    count(tally.outcomes, expected[0] === true ? 'match' : 'no match');
    if (expected[0] !== match) disagree('match', text);
    else if (expected[1] !== whole) disagree('fullmatch', text);
  }
}

/** Compares `cases` pairs of a pattern and a text; each pattern with its texts follows from one seed, counted up. */
export async function compareWithPython(plan: RegexPlan): Promise<Tally> {
  const oracle = new Oracle(0);
  const tally = emptyTally();
  try {
    for (let seed = plan.seed; tally.cases < plan.cases; seed += CHUNK) {
      const made = Array.from({ length: CHUNK }, (_, i) => {
        const random = new Random(seed + i);
        const pattern = randomPattern(random);
        return { pattern, texts: random.many(plan.texts, () => randomText(random, pattern)) };
      });
      const answers = await Promise.all(
        made.map(async ({ pattern, texts }) =>
          oracle.ask(
            writeValue(
              new Map<string, Value>([
                ['pattern', pattern],
                ['texts', texts],
              ]),
            ),
          ),
        ),
      );
      for (const [index, { pattern, texts }] of made.entries()) {
        compareOne(seed + index, pattern, texts, readValue(answers[index] ?? ''), tally);
      }
      plan.progress?.(tally);
      if (tally.disagreements.length >= plan.most) break;
    }
    return tally;
  } finally {
    oracle.close();
  }
}
