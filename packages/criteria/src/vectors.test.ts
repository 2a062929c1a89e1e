// What Cerberus said of criteria and documents, held against the compatible mode: the shared conformance vectors, and those
// of this project (vectors/criteria), which always run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { difference, judge } from '@sealroom/testkit/cerberus';
import { describe, expect, test } from 'vitest';
import { CriteriaError } from './error.ts';
import { compileRegex, runRegex } from './regex/match.ts';
import { isList, isMap, readValue, type Value, type ValueMap, writeValue } from './value.ts';

const EXPECTED = { 'suite.json': 255, 'random.json': 500, 'edge.json': 581 };

/**
 * A process of Cerberus takes rules equal to ones that it took before without a look, and all vectors were made in one
 * process. A fresh process, of Cerberus 1.3.5, 1.3.7 and 1.3.8 alike, refuses the criteria of these three; one that met the
 * criteria given here says what the vectors say. Here both hold too. `cerberus.test.ts` asks Cerberus itself.
 */
const MET_BEFORE: Readonly<Record<string, string>> = {
  'rnd-0007': '{"x":{"valuesrules":{"type":"container","default":false}}}',
  'rnd-0009': '{"x":{"valuesrules":{"type":"container","default":false}}}',
  'edge-1105': '{"x":{"nullable":false}}',
};

function member(map: ValueMap, key: string): Value {
  return map.get(key) ?? null;
}

function text(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new TypeError('The vector is not what the README says.');
}

function asMap(value: Value | undefined): ValueMap {
  if (isMap(value)) return value;
  throw new TypeError('The vector is not what the README says.');
}

function casesOf(json: string): readonly ValueMap[] {
  const cases = member(asMap(readValue(json)), 'cases');
  if (!isList(cases)) throw new TypeError('The file holds no cases.');
  return cases.map(asMap);
}

const folder = sharedVectors('cerberus');

describe.skipIf(folder === undefined)('the vectors made with Cerberus', () => {
  for (const [file, count] of Object.entries(EXPECTED)) {
    test(`agree in outcome, errors, error list and document: ${file}`, () => {
      const differing: string[] = [];
      let ran = 0;
      for (const vector of casesOf(readFileSync(join(folder ?? '', file), 'utf8'))) {
        const id = text(member(vector, 'id'));
        const met = MET_BEFORE[id];
        const given = [
          member(vector, 'schema'),
          member(vector, 'options'),
          [member(vector, 'document')],
        ] as const;
        const [said] = judge(...given, met === undefined ? [] : [readValue(met)]);
        const found = said === undefined ? 'nothing said' : difference(said, member(vector, 'expected'));
        ran++;
        if (found !== undefined) differing.push(`${id}: ${found}`);
        if (met !== undefined) expect(judge(...given)[0]?.outcome, id).toBe('schema_error');
      }
      expect(differing).toEqual([]);
      expect(ran).toBeGreaterThanOrEqual(count);
    });
  }
});

function ownCases(name: string): readonly { why: string; request: ValueMap; said: Value }[] {
  const path = join(import.meta.dirname, '..', '..', '..', 'vectors', 'criteria', name);
  return casesOf(readFileSync(path, 'utf8')).map((vector) => ({
    why: text(member(vector, 'why')),
    request: asMap(member(vector, 'request')),
    said: member(vector, 'said'),
  }));
}

describe('the vectors of this project say with Cerberus', () => {
  test.each(ownCases('cerberus.json'))('that $why', ({ request, said }) => {
    const documents = member(request, 'documents');
    const before = member(request, 'before');
    if (!isList(documents) || !isList(said)) throw new TypeError('The vector is not what the README says.');
    const here = judge(
      member(request, 'schema'),
      member(request, 'options'),
      documents,
      isList(before) ? before : [],
    );
    expect(said.length).toBeGreaterThan(0);
    for (const [index, there] of said.entries()) {
      const found = here[index];
      expect(found && difference(found, there), writeValue(there)).toBeUndefined();
    }
  });

  test.each(ownCases('regex.json'))('and Python’s re that $why', ({ request, said }) => {
    const pattern = text(member(request, 'pattern'));
    const texts = member(request, 'texts');
    if (!isList(texts)) throw new TypeError('The vector is not what the README says.');
    const matched = () => {
      const regex = compileRegex(pattern);
      return texts.map((given) =>
        [false, true].map((whole) => runRegex(regex, text(given), { whole })?.matched),
      );
    };
    if (/[\u{10400}]/u.test(pattern) && !pattern.includes('-')) {
      // Read by Python in two ways: refused here.
      expect(matched).toThrowError(expect.objectContaining({ code: 'regex/unsupported' }));
      expect(matched).toThrowError(CriteriaError);
    } else if (isMap(said)) {
      expect(matched).toThrowError(expect.objectContaining({ code: 'regex/malformed' }));
    } else expect(matched()).toEqual(said);
  });
});
