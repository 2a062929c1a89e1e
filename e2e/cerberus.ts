// `npm run test:cerberus -- --cases 100000 --seed 1`: random criteria and documents, and random patterns and texts, judged here
// and by the real Cerberus and Python's re. Ends with exit code 1 and prints the requests where they disagree. Needs
// `pip install cerberus`; SEALROOM_PYTHON names the Python that has it.
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
    `${tally.cases} cases: ${shown(tally.outcomes)}; not compared: ${shown(tally.refused)}; ` +
      `agreeing under another hash seed: ${tally.unordered}; disagreeing: ${tally.disagreements.length}`,
  );
}

if (!hasCerberus()) process.exit(2);
console.log(await describeVersions());
const seed = whole('seed');
const most = Math.max(1, whole('most'));
let shownAt = performance.now();
let told = 0;
function tell(tally: Tally): void {
  for (const found of tally.disagreements.slice(told)) {
    console.error(
      `seed ${found.seed}: ${found.what}\n  ${found.request}\n  here  ${found.here}\n  there ${found.there}`,
    );
  }
  told = tally.disagreements.length;
}
const progress = (tally: Tally): void => {
  tell(tally);
  if (performance.now() - shownAt < 30_000) return;
  shownAt = performance.now();
  report(tally);
};
const plan = { seed, most, progress };
const comparisons = [
  async () => compareWithCerberus({ ...plan, cases: whole('cases'), documents: 4 }),
  async () => compareWithPython({ ...plan, cases: whole('patterns'), texts: 6 }),
];
let disagreements = 0;
for (const compare of comparisons) {
  told = 0;
  const tally = await compare();
  tell(tally);
  report(tally);
  disagreements += tally.disagreements.length;
}
process.exitCode = disagreements > 0 ? 1 : 0;
