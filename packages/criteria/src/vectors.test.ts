// The shared conformance vectors: what Cerberus 1.3.x said of criteria and documents, held against the compatible mode.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { readOptions } from './check.ts';
import { parseCriteria } from './criteria.ts';
import { CriteriaError } from './error.ts';
import { validate } from './validate.ts';
import { isList, isMap, readValue, sameValue, type Value, type ValueMap, writeValue } from './value.ts';
import type { ValidationError } from './violation.ts';

const EXPECTED = { 'suite.json': 255, 'random.json': 500, 'edge.json': 581 };

/**
 * A Cerberus process takes rules equal to ones that it took before without a look, and the vectors were made in one
 * process. In a fresh one it refuses these: `default` in a definition of `allof`. So do we.
 */
const REFUSED_IN_A_FRESH_PROCESS = new Set(['rnd-0007', 'rnd-0009']);

function member(map: ValueMap, key: string): Value {
  return map.get(key) ?? null;
}

function asMap(value: Value): ValueMap {
  if (isMap(value)) return value;
  throw new TypeError('The vector is not what the README says.');
}

/** Plain JSON with sorted keys, integers as numbers, for comparison. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, plain(inner)]),
  );
}

function machineForm(errors: readonly ValidationError[]): unknown[] {
  return errors.map(({ documentPath, schemaPath, children, ...rest }) => ({
    ...rest,
    document_path: documentPath,
    schema_path: schemaPath,
    ...(children === undefined ? {} : { children: machineForm(children) }),
  }));
}

function run(vector: ValueMap): { outcome: string; detail?: unknown; document?: Value; list?: unknown } {
  try {
    const criteria = parseCriteria(writeValue(member(vector, 'schema')), { mode: 'compat' });
    const options = readOptions(writeValue(member(vector, 'options')));
    const result = validate(criteria, member(vector, 'document'), options);
    if (result.outcome === 'breakdown') return { outcome: 'exception', detail: result.exception };
    if (result.outcome === 'valid') return { outcome: 'valid', document: result.document };
    return {
      outcome: 'invalid',
      document: result.document,
      detail: result.errors,
      list: machineForm(result.errorList),
    };
  } catch (cause) {
    if (!(cause instanceof CriteriaError)) throw cause;
    const [reason] = cause.reasons;
    const outcome = reason?.code === 'breakdown' ? 'exception' : 'schema_error';
    return { outcome, detail: reason?.detail };
  }
}

/** What differs from the expectation, or undefined. */
function difference(vector: ValueMap): string | undefined {
  const expected = asMap(member(vector, 'expected'));
  const got = run(vector);
  const same = (a: unknown, b: unknown) => JSON.stringify(plain(a)) === JSON.stringify(plain(b));
  if (got.outcome !== expected.get('outcome')) return `outcome ${got.outcome}`;
  if (got.outcome === 'exception') {
    return got.detail === expected.get('exception') ? undefined : `exception ${String(got.detail)}`;
  }
  if (got.outcome === 'schema_error') {
    return same(got.detail, expected.get('schema_errors')) ? undefined : 'schema errors';
  }
  if (!sameValue(got.document ?? null, member(expected, 'document'))) return 'document';
  if (got.outcome === 'valid') return undefined;
  if (!same(got.list, expected.get('error_list'))) return 'error list';
  return same(got.detail, expected.get('errors')) ? undefined : 'errors';
}

const folder = sharedVectors('cerberus');

describe.skipIf(folder === undefined)('the vectors made with Cerberus', () => {
  for (const [file, count] of Object.entries(EXPECTED)) {
    test(`agree in outcome, errors, error list and document: ${file}`, () => {
      const text = readFileSync(join(folder ?? '', file), 'utf8');
      const cases = member(asMap(readValue(text)), 'cases');
      if (!isList(cases)) throw new TypeError('The file holds no cases.');
      const differing: string[] = [];
      let ran = 0;
      for (const vector of cases) {
        const id = writeValue(member(asMap(vector), 'id')).slice(1, -1);
        const found = difference(asMap(vector));
        ran++;
        if (REFUSED_IN_A_FRESH_PROCESS.has(id)) expect(found, id).toBe('outcome schema_error');
        else if (found !== undefined) differing.push(`${id}: ${found}`);
      }
      expect(differing).toEqual([]);
      expect(ran).toBeGreaterThanOrEqual(count);
    });
  }
});
