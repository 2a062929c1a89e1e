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
