import { describe, expect, test } from 'vitest';
import { readLog, readReport } from './report.ts';

const ids = { project: 'p-1', runConfiguration: 'c-1', run: 'r-1' };
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function read(value: unknown, needsStatus = true): ReturnType<typeof readReport> {
  return readReport(encode(typeof value === 'string' ? value : JSON.stringify(value)), ids, needsStatus);
}

function fields(result: ReturnType<typeof readReport>): string[] {
  return result.ok ? [] : Object.keys(result.messages);
}

describe('a report', () => {
  test('is the object itself, or base64 of JSON text', () => {
    const plain = read({ name: 'n', status: 'Completed', json_data: { a: 1.5 } });
    const packed = read({ name: 'n', status: 'Completed', json_data: base64('{"a":1.5}') });
    expect(plain).toEqual(packed);
    expect(plain).toEqual({
      ok: true,
      value: { name: 'n', status: 'Completed', data: { a: 1.5 }, schema: undefined },
    });
  });

  test('may hold any JSON as base64, a string too, with line breaks in between', () => {
    const text = base64(JSON.stringify('x'.repeat(100)));
    const broken = `${text.slice(0, 76)}\r\n${text.slice(76)}`;
    const found = read({ name: 'n', status: 'Completed', json_data: broken });
    expect(found.ok && found.value.data).toBe('x'.repeat(100));
  });

  test('may come from R, with name, status and ids in arrays of length 1', () => {
    const found = read({ name: ['n'], status: ['Completed'], run: ['r-1'], json_data: { a: [1] } });
    expect(found.ok && found.value).toMatchObject({ name: 'n', status: 'Completed', data: { a: [1] } });
  });

  test('may come from R with base64 in an array of length 1; other arrays are the report itself', () => {
    const boxed = read({ name: ['n'], status: ['Completed'], json_data: [base64('{"a":1}')] });
    expect(boxed.ok && boxed.value.data).toEqual({ a: 1 });
    for (const data of [[{ a: 1 }], ['e30=', 'e30='], [['e30=']], [7]]) {
      const found = read({ name: 'n', status: 'Completed', json_data: data });
      expect(found.ok && found.value.data).toEqual(data);
    }
  });

  test.each([[{}], [[]], [null], [[null]]])(
    'takes %j, which R writes for NULL or NA, as not sent',
    (nothing) => {
      const ids = { project: nothing, run_configuration: nothing, run: nothing };
      expect(read({ name: 'n', json_data: { a: 1 }, status: nothing, ...ids }, false)).toMatchObject({
        ok: true,
        value: { status: undefined, schema: undefined },
      });
      expect(fields(read({ name: nothing, status: 'Completed', json_data: {} }))).toEqual(['name']);
      expect(fields(read({ name: 'n', status: nothing, json_data: {} }))).toEqual(['status']);
    },
  );

  test.each([[{}], [[]], [null]])('takes %j for json_schema as not sent', (nothing) => {
    const found = read({ name: 'n', status: 'Completed', json_data: {}, json_schema: nothing });
    expect(found.ok && found.value.schema).toBeUndefined();
    expect(found.ok).toBe(true);
  });

  test('takes absent, null and empty ids as not sent, and storage parameters without a word', () => {
    const rest = { upload_location: 'anywhere', SASUrl: 'x', s3_region: 'y' };
    const sent = { name: 'n', status: 'Completed', json_data: {}, project: null, run: '', ...rest };
    expect(read(sent).ok).toBe(true);
  });

  test.each([
    ['project', 'p-2'],
    ['run_configuration', 'c-2'],
    ['run', 'r-2'],
    ['run', ['r-2']],
    ['run', 7],
    ['run', ['r-1', 'r-1']],
  ])('is refused with another %s', (field, id) => {
    expect(fields(read({ name: 'n', status: 'Completed', json_data: {}, [field]: id }))).toEqual([field]);
  });

  test.each([
    ['name', { status: 'Completed', json_data: {} }],
    ['name', { name: '', status: 'Completed', json_data: {} }],
    ['name', { name: ['a', 'b'], status: 'Completed', json_data: {} }],
    ['name', { name: 'n'.repeat(201), status: 'Completed', json_data: {} }],
    ['status', { name: 'n', json_data: {} }],
    ['status', { name: 'n', status: 'completed', json_data: {} }],
    ['status', { name: 'n', status: ['Completed', 'Failed'], json_data: {} }],
    ['json_data', { name: 'n', status: 'Completed' }],
    ['json_data', { name: 'n', status: 'Completed', json_data: null }],
    ['json_data', { name: 'n', status: 'Completed', json_data: '' }],
    ['json_data', { name: 'n', status: 'Completed', json_data: 'not base64!' }],
    ['json_data', { name: 'n', status: 'Completed', json_data: '{"a":1}' }],
    ['json_data', { name: 'n', status: 'Completed', json_data: base64('{"a":1') }],
    ['json_data', { name: 'n', status: 'Completed', json_data: base64('{"a":1,"a":2}') }],
    ['json_data', { name: 'n', status: 'Completed', json_data: base64('{"a":NaN}') }],
    ['json_data', { name: 'n', status: 'Completed', json_data: '/w==' }],
    ['json_schema', { name: 'n', status: 'Completed', json_data: {}, json_schema: 'x' }],
  ])('is refused for its %s: %j', (field, body) => {
    expect(fields(read(body))).toEqual([field]);
  });

  test.each([
    '',
    'null',
    '[]',
    '"text"',
    '{"name":"n",}',
    '{"name":"n","name":"m","status":"Completed","json_data":{}}',
    '{"name":"n","status":"Completed","json_data":{"x":NaN}}',
    '{"name":"n","status":"Completed","json_data":{"x":Infinity}}',
    '{"name":"n","status":"Completed","json_data":{"x":1e999}}',
    '{"name":"n","status":"Completed","json_data":{"x":123456789012345678901}}',
    `{"name":"n","status":"Completed","json_data":${'['.repeat(100)}${']'.repeat(100)}}`,
    '{"name":"n","status":"Completed","json_data":"\\ud800"} trailing',
  ])('is refused as a body that is not one strict JSON object: %s', (text) => {
    expect(fields(read(text))).toEqual(['body']);
  });

  test('is refused when its bytes are not UTF-8', () => {
    const bytes = new Uint8Array([...encode('{"name":"'), 0xff, ...encode('"}')]);
    expect(fields(readReport(bytes, ids, true))).toEqual(['body']);
  });

  test('needs no status to be validated', () => {
    expect(read({ name: 'n', json_data: {} }, false).ok).toBe(true);
  });

  test('never sees its values in a refusal', () => {
    const secret = 'hunter2';
    for (const body of [
      { name: [secret, secret], status: 'Completed', json_data: {} },
      { name: 'n', status: secret, json_data: {} },
      { name: 'n', status: 'Completed', json_data: secret },
      { name: 'n', status: 'Completed', json_data: {}, run: secret },
      { name: 'n', status: 'Completed', json_data: {}, json_schema: secret },
    ]) {
      expect(JSON.stringify(read(body))).not.toContain(secret);
    }
  });
});

describe('a log entry', () => {
  test('has a message and perhaps a status', () => {
    expect(readLog(encode('{"message":"half way","status":["In Progress"]}'))).toEqual({
      ok: true,
      value: { message: 'half way', status: 'In Progress' },
    });
    expect(readLog(encode('{"message":["half way"]}')).ok).toBe(true);
  });

  test.each([
    '{}',
    '{"message":1}',
    '{"message":{"a":1}}',
    '{"message":"m","status":"Done"}',
    'm',
    '{"message":',
  ])('is refused when it is %s', (text) => {
    expect(readLog(encode(text)).ok).toBe(false);
  });
});
