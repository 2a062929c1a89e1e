// `npm run test:cerberus -- --cases 100000 --seed 1`: random criteria and documents, and random patterns and texts, judged here
// and by the real Cerberus and Python's re. Ends with exit code 1 and prints the requests where they disagree. Needs
// `pip install cerberus`; SEALROOM_PYTHON names the Python that has it. `--case N` prints what both say of one seed.
import { parseArgs } from 'node:util';
import {
  compareWithCerberus,
  compareWithPython,
  describeVersions,
  hasCerberus,
  type Tally,
} from '@sealroom/testkit/cerberus';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '20000' },
    patterns: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '10' },
  },
});

function whole(name: 'cases' | 'patterns' | 'seed' | 'most'): number {
  const value = Number(values[name]);
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`--${name} takes a whole number.`);
  return value;
}

const shown = (counts: ReadonlyMap<string, number>): string =>
  [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'none';

function report(tally: Tally): void {
  console.log(
    `${tally.cases} cases: ${shown(tally.outcomes)}; refused here: ${shown(tally.refused)}; ` +
      `agreeing under another hash seed: ${tally.unordered}; disagreeing: ${tally.disagreements.length}`,
  );
}

if (!hasCerberus()) process.exit(2);
console.log(await describeVersions());
const seed = whole('seed');
const most = Math.max(1, whole('most'));
let shownAt = performance.now();
const progress = (tally: Tally): void => {
  if (performance.now() - shownAt < 30_000) return;
  shownAt = performance.now();
  report(tally);
};
const plan = { seed, most, progress };
let disagreements = 0;
for (const tally of [
  await compareWithCerberus({ ...plan, cases: whole('cases'), documents: 4 }),
  await compareWithPython({ ...plan, cases: whole('patterns'), texts: 6 }),
]) {
  report(tally);
  disagreements += tally.disagreements.length;
  for (const found of tally.disagreements) {
    console.error(
      `seed ${found.seed}: ${found.what}\n  ${found.request}\n  here  ${found.here}\n  there ${found.there}`,
    );
  }
}
process.exitCode = disagreements > 0 ? 1 : 0;
