// npm run test:crash -- --kills N [--seed S] [--minutes M]: kills processes of a working house and checks that nothing
// was lost, spent twice, released too early or left hanging. Ends with 1 when an invariant is broken.
import { parseArgs } from 'node:util';
import { crash, type Progress } from './crash.ts';
import type { Kill } from './killer.ts';
import { POINTS, pointText } from './steps.ts';

function wholeNumber(text: string, name: string): number {
  const found = Number(text);
  if (!/^[0-9]+$/.test(text) || found < 1 || !Number.isSafeInteger(found))
    throw new Error(`--${name} takes a whole number from 1 on.`);
  return found;
}

function countBy(kills: readonly Kill[], of: (kill: Kill) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kill of kills) counts.set(of(kill), (counts.get(of(kill)) ?? 0) + 1);
  return new Map([...counts].toSorted(([a], [b]) => a.localeCompare(b)));
}

function line(counts: ReadonlyMap<string, number> | [string, number][]): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(', ');
}

function tell({ kills, driven }: Progress): void {
  const at = `${new Date().toISOString().slice(11, 19)} ${kills.length} kills`;
  console.log(
    `${at} (${line(countBy(kills, ({ victim }) => victim))}); runs: ${line(Object.entries(driven.ends))}`,
  );
}

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now()) },
    minutes: { type: 'string', default: '55' },
  },
});
const kills = wholeNumber(values.kills, 'kills');
const minutes = wholeNumber(values.minutes, 'minutes');
const { seed } = values;
console.log(`crash run: ${kills} kills, seed ${seed}, at most ${minutes} minutes`);
const started = performance.now();
const result = await crash({ kills, seed, withinMs: minutes * 60_000, tell });
const points = countBy(result.kills, ({ point }) => point);
for (const [point, count] of points) console.log(`  ${String(count).padStart(4)}  ${point}`);
const missed = POINTS.map(pointText).filter((point) => !points.has(point));
if (missed.length > 0) console.log(`points that were not reached: ${missed.join('; ')}`);
tell(result);
const { history, violations, driven } = result;
console.log(
  `${history.entries.length} ledger entries, ${history.receipts.length} receipts, ${history.notes.size} checkpoints, ${history.releases.length} released answers, ${history.runs.length} runs`,
);
for (const trouble of driven.troubles) console.log(`a call of a person failed: ${trouble}`);
const took = Math.round((performance.now() - started) / 1000);
if (violations.length === 0) {
  console.log(`ok: ${result.kills.length} kills in ${took} s, seed ${seed}, no invariant broken`);
} else {
  for (const { invariant, facts } of violations) console.error(`BROKEN ${invariant}: ${facts}`);
  console.error(
    `the last kills: ${result.kills
      .slice(-20)
      .map(({ point, victim }) => `${victim}: ${point}`)
      .join('; ')}`,
  );
  console.error(`logs and databases: ${result.folder}`);
  console.error(`again: npm run test:crash -- --kills ${kills} --seed ${seed}`);
}
const tooFew = result.kills.length < kills;
if (tooFew) console.error(`only ${result.kills.length} of ${kills} kills in ${minutes} minutes`);
process.exit(violations.length > 0 || tooFew ? 1 : 0);
