// `criteria check` and `criteria lint`: exit codes and JSON.
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const CRITERIA = '{"accuracy":{"type":"float","min":0,"max":1,"required":true}}';

async function check(criteria: string, report: string, ...more: readonly string[]) {
  const folder = await temporaryFolder();
  const [one, two] = [await fileIn(folder, 'c.json', criteria), await fileIn(folder, 'r.json', report)];
  return sealroom(['criteria', 'check', one, two, '--json', ...more]);
}

test.each([
  ['valid', CRITERIA, '{"accuracy":0.5}', [], 0],
  ['invalid', CRITERIA, '{"accuracy":1.5}', [], 1],
  ['invalid', CRITERIA, '{}', [], 1],
  ['unusable', '{"accuracy":{"type":"nonsense"}}', '{"accuracy":0.5}', [], 2],
  ['unusable', CRITERIA, 'no JSON', ['--compat'], 2],
  ['valid', CRITERIA, '{"accuracy":0.5,"more":1}', ['--compat', '--options', '{"allow_unknown":true}'], 0],
  ['unusable', CRITERIA, '{"accuracy":0.5}', ['--compat', '--options', '{"nonsense":1}'], 2],
] as const)('says %s for %s and %s %j', async (outcome, criteria, report, more, exit) => {
  const said = await check(criteria, report, ...more);
  expect(said).toMatchObject({ exit, json: { ok: exit === 0, outcome } });
});

test('gives Cerberus’ error tree', async () => {
  const said = await check(CRITERIA, '{"accuracy":1.5}', '--compat');
  expect(said.json).toMatchObject({ errors: { accuracy: ['max value is 1'] } });
});

test('lint tells how much a report can carry, and fails where nothing bounds it', async () => {
  const folder = await temporaryFolder();
  const good = await sealroom(['criteria', 'lint', await fileIn(folder, 'a.json', CRITERIA), '--json']);
  expect(good).toMatchObject({ exit: 0, json: { ok: true, bits: expect.any(Number) } });
  const bad = await sealroom([
    'criteria',
    'lint',
    await fileIn(folder, 'b.json', '{"a":{"type":"string"}}'),
    '--json',
  ]);
  expect(bad).toMatchObject({ exit: 1, json: { ok: false, bits: null } });
});

async function checkBytes(
  criteria: string | Uint8Array,
  report: string | Uint8Array,
  ...more: readonly string[]
) {
  const folder = await temporaryFolder();
  const [one, two] = [await fileIn(folder, 'c.json', criteria), await fileIn(folder, 'r.json', report)];
  return sealroom(['criteria', 'check', one, two, ...more]);
}

const BOM = '\ufeff';
const UTF16 = new Uint8Array(Buffer.from('{}', 'utf16le'));

test.each([
  ['criteria with a byte order mark', `${BOM}${CRITERIA}`, '{"accuracy":0.5}', 2, 2],
  ['a report with a byte order mark', CRITERIA, `${BOM}{"accuracy":0.5}`, 1, 2],
  ['CRLF and spaces', CRITERIA.replaceAll('{', '{\r\n\t '), '{\r\n"accuracy" : 0.5 }\r\n', 0, 0],
  ['empty criteria', '', '{}', 2, 2],
  ['an empty report', CRITERIA, '', 1, 2],
  ['null criteria', 'null', '{}', 2, 2],
  ['criteria that are a list', '[1]', '{}', 2, 2],
  ['a key twice in criteria', '{"x":{"min":0,"min":1}}', '{}', 2, 2],
  ['a key twice in the report', CRITERIA, '{"accuracy":0.5,"accuracy":0.5}', 1, 2],
  ['NaN', CRITERIA, '{"accuracy":NaN}', 1, 2],
  ['a number beyond floats', CRITERIA, '{"accuracy":1e999}', 1, 2],
  ['an integer of five thousand digits', CRITERIA, `{"accuracy":${'9'.repeat(5000)}}`, 1, 2],
  ['a large integer', CRITERIA, `{"accuracy":${'9'.repeat(4000)}}`, 1, 1],
  ['a deep report', CRITERIA, `{"accuracy":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 1, 2],
  ['deep criteria', `${'{"a":{"schema":'.repeat(5000)}{}${'}}'.repeat(5000)}`, '{}', 2, 2],
  ['a report in another encoding', CRITERIA, UTF16, 1, 2],
  ['half of a surrogate pair', CRITERIA, '{"accuracy":"\\ud800"}', 1, 2],
  ['a report of many values', CRITERIA, `{"accuracy":[${'0,'.repeat(2 ** 20)}0]}`, 1, 2],
  ['a report that is no object', CRITERIA, '[0.5]', 1, 2],
  ['a pattern with a reference', '{"x":{"type":"string","regex":"(a)\\\\1"}}', '{}', 2, 2],
  ['a pattern that Python refuses', '{"x":{"type":"string","regex":"("}}', '{"x":"a"}', 2, 2],
  ['repeats of repeats', '{"x":{"type":"string","regex":"(a{1000}){1000}"}}', '{"x":"a"}', 2, 2],
  ['a value where Cerberus breaks down', '{"x":{"type":"list","forbidden":[1]}}', '{"x":[[1]]}', 0, 2],
] as const)('of %s ends with its code in each mode', async (_, criteria, report, strict, compat) => {
  expect((await checkBytes(criteria, report)).exit).toBe(strict);
  expect((await checkBytes(criteria, report, '--compat')).exit).toBe(compat);
});

test.each([
  ['no JSON', '{"x'],
  ['no object', '[]'],
  ['an unknown name', '{"purge":true}'],
  ['a flag that is none', '{"update":1}'],
  ['a name twice', '{"update":true,"update":true}'],
  ['rules that are none', '{"allow_unknown":{"typ":"string"}}'],
])('of options that are %s ends with 2', async (_, options) => {
  expect((await checkBytes(CRITERIA, '{"accuracy":0.5}', '--compat', '--options', options)).exit).toBe(2);
});

test('of a missing file, and of a folder, ends with 2', async () => {
  const folder = await temporaryFolder();
  const there = await fileIn(folder, 'there.json', CRITERIA);
  for (const other of [`${folder}/absent.json`, folder]) {
    expect((await sealroom(['criteria', 'check', there, other])).exit).toBe(2);
    expect((await sealroom(['criteria', 'check', other, there])).exit).toBe(2);
  }
});

test('lets no key and no text of a file control the terminal or add a line', async () => {
  const odd = '\\u001b[2J\\u202e\\nValid';
  const said = await checkBytes(
    `{"${odd}":{"type":"string","allowed":["${odd}"]}}`,
    `{"${odd}":"${odd}","${odd}2":1}`,
  );
  expect(said.exit).toBe(1);
  const refused = await checkBytes(`{"${odd}":{"${odd}":1}}`, '{}');
  expect(refused.exit).toBe(2);
  for (const { out, err } of [said, refused]) {
    for (const character of ['\u001b', '\u202e', '\nValid']) expect(out + err).not.toContain(character);
  }
});

test('lint of criteria that cannot be used ends with 2 and says where', async () => {
  const folder = await temporaryFolder();
  const path = await fileIn(folder, 'c.json', '{"x":{"type":"flaot"}}');
  const said = await sealroom(['criteria', 'lint', path, '--json']);
  expect(said).toMatchObject({
    exit: 2,
    json: { ok: false, outcome: 'unusable', reasons: [{ detail: { x: [{ type: [expect.any(String)] }] } }] },
  });
});
