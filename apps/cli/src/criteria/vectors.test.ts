// The exit codes of `criteria check --compat` for the conformance vectors made with Cerberus: all of them by the program in
// this process, and some by the command as users start it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isList, isMap, readValue, type Value, type ValueMap, writeValue } from '@sealroom/criteria';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const FILES = ['suite.json', 'random.json', 'edge.json'];
const EXITS = new Map<Value, number>([
  ['valid', 0],
  ['invalid', 1],
  ['schema_error', 2],
  ['exception', 2],
]);
/**
 * Said by a process of Cerberus that had met equal rules before; a fresh one refuses these criteria, and so does the
 * command, which is always fresh (packages/criteria/src/vectors.test.ts).
 */
const OF_A_WARM_PROCESS = new Set<Value>(['rnd-0007', 'rnd-0009', 'edge-1105']);

function asMap(value: Value | undefined): ValueMap {
  if (isMap(value)) return value;
  throw new TypeError('The vector is not what the README says.');
}

function casesOf(path: string): readonly ValueMap[] {
  const cases = asMap(readValue(readFileSync(path, 'utf8'))).get('cases');
  if (!isList(cases)) throw new TypeError('The file holds no cases.');
  return cases.map(asMap);
}

function exitOf(vector: ValueMap): number | undefined {
  if (OF_A_WARM_PROCESS.has(vector.get('id') ?? null)) return 2;
  return EXITS.get(asMap(vector.get('expected')).get('outcome') ?? null);
}

async function argumentsOf(vector: ValueMap, folder: string): Promise<string[]> {
  const text = (name: string) => writeValue(vector.get(name) ?? null);
  const criteria = await fileIn(folder, 'criteria.json', text('schema'));
  const report = await fileIn(folder, 'report.json', text('document'));
  return ['criteria', 'check', criteria, report, '--compat', '--options', text('options'), '--json'];
}

const folder = sharedVectors('cerberus');

describe.skipIf(folder === undefined)('criteria check --compat ends as Cerberus judged', () => {
  test.each(FILES)('in all cases of %s', async (name) => {
    const at = await temporaryFolder();
    const differing: string[] = [];
    let ran = 0;
    for (const vector of casesOf(join(folder ?? '', name))) {
      const { exit } = await sealroom(await argumentsOf(vector, at));
      ran++;
      if (exit !== exitOf(vector)) differing.push(`${writeValue(vector.get('id') ?? null)}: ${exit}`);
    }
    expect(differing).toEqual([]);
    expect(ran).toBeGreaterThan(250);
  });

  test('as a command of its own, for a sample of them', async () => {
    const at = await temporaryFolder();
    const main = join(import.meta.dirname, '..', 'main.ts');
    const exits = new Set<number>();
    for (const vector of FILES.flatMap((name) =>
      casesOf(join(folder ?? '', name)).filter((_, i) => i % 90 === 0),
    )) {
      const { status } = spawnSync(process.execPath, [main, ...(await argumentsOf(vector, at))]);
      expect(status, writeValue(vector.get('id') ?? null)).toBe(exitOf(vector));
      exits.add(status ?? -1);
    }
    expect(exits).toEqual(new Set([0, 1, 2]));
  });
});
