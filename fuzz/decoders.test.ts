import { expect, test } from 'vitest';
import { decoders, NOT_FUZZED } from './decoders.ts';
import { FAMILIES } from './families/index.ts';

async function covered(): Promise<ReadonlySet<string>> {
  const families = await Promise.all(Object.values(FAMILIES).map((load) => load()));
  return new Set(families.flatMap(({ targets }) => targets.flatMap(({ covers }) => covers)));
}

test('every decoder stands in a family, or is left out with a reason', async () => {
  const fuzzed = await covered();
  const all = decoders();
  expect(all.size).toBeGreaterThan(80);
  expect([...all].filter((name) => !fuzzed.has(name) && NOT_FUZZED[name] === undefined)).toEqual([]);
});

test('what is left out exists, has a reason, and is not fuzzed after all', async () => {
  const fuzzed = await covered();
  const all = decoders();
  const stale = Object.entries(NOT_FUZZED).filter(
    ([name, reason]) => !all.has(name) || reason === '' || fuzzed.has(name),
  );
  expect(stale).toEqual([]);
});
