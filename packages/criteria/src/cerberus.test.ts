// The compatible mode against Cerberus itself, and the regular expressions against Python's re, counted; the long form is
// `npm run test:cerberus`. Cerberus must be importable (pip install cerberus; SEALROOM_PYTHON names the Python).
import { compareWithCerberus, compareWithPython, hasCerberus, Oracle } from '@sealroom/testkit/cerberus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileRegex, runRegex } from './regex/match.ts';
import { isList, isMap, readValue, type Value } from './value.ts';

describe.skipIf(!hasCerberus())('Cerberus itself', () => {
  let oracle: Oracle;
  beforeAll(() => {
    oracle = new Oracle(0);
  });
  afterAll(() => oracle.close());

  async function ask(request: object): Promise<readonly Value[]> {
    const limits = { maxLength: 2 ** 28, maxValues: 2 ** 23 };
    const answer = readValue(await oracle.ask(JSON.stringify(request)), limits);
    if (!isList(answer)) throw new TypeError('The answer is no list.');
    return answer;
  }

  test('says what is said here of random criteria and documents', async () => {
    const tally = await compareWithCerberus({ cases: 2000, seed: 1, documents: 4, most: 5 });
    expect(tally.disagreements).toEqual([]);
    for (const outcome of ['valid', 'invalid', 'schema_error', 'exception']) {
      expect(tally.outcomes.get(outcome), outcome).toBeGreaterThan(50);
    }
  });

  test('has a re module that says what is said here of random patterns and texts', async () => {
    const tally = await compareWithPython({ cases: 12_000, seed: 1, texts: 6, most: 5 });
    expect(tally.disagreements).toEqual([]);
    for (const outcome of ['match', 'no match', 'malformed']) {
      expect(tally.outcomes.get(outcome), outcome).toBeGreaterThan(100);
    }
  });

  test('has classes of characters that hold the same of all that both Unicodes know', async () => {
    const unassigned = new Set(await ask({ unassigned: true }));
    const known: string[] = [];
    for (let code = 0; code < 0x110000; code++) {
      // Of the long blocks of ideographs, syllables and private use, every 97th.
      const inBlock = (code > 0x3400 && code < 0xa000) || (code > 0xac00 && code < 0xf900) || code > 0x20000;
      const surrogate = code >= 0xd800 && code <= 0xdfff;
      if (surrogate || (inBlock && code % 97 > 0) || unassigned.has(BigInt(code))) continue;
      known.push(String.fromCodePoint(code));
    }
    expect(known.length).toBeGreaterThan(40_000);
    for (const pattern of ['\\d', '\\w', '\\s', '(?i)[^\\W]', '(?i)[a-z\u0100-\u01ff]']) {
      const regex = compileRegex(pattern);
      const answers = await ask({ pattern, texts: known });
      const differing = known.filter((text, index) => {
        const answer = answers[index];
        return !isList(answer) || answer[0] !== runRegex(regex, text)?.matched;
      });
      expect(differing, pattern).toEqual([]);
    }
  });

  test('takes the three vectors of a warm process only when it is warm', async () => {
    const schema = { x: { allof: [{ type: 'container', default: false }] } };
    const request = { schema, options: {}, documents: [{ x: [] }] };
    const outcomeOf = async (given: object) => {
      const [said] = await ask(given);
      return isMap(said) ? said.get('outcome') : undefined;
    };
    expect(await outcomeOf(request)).toBe('schema_error');
    const before = [{ x: { valuesrules: { type: 'container', default: false } } }];
    expect(await outcomeOf({ ...request, before })).toBe('valid');
    const flag = { schema: { x: { nullable: 0 } }, options: {}, documents: [{ x: 'abc' }] };
    expect(await outcomeOf(flag)).toBe('schema_error');
    expect(await outcomeOf({ ...flag, before: [{ x: { nullable: false } }] })).toBe('valid');
  });
});
