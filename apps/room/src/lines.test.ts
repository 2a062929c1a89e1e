import { expect, test } from 'vitest';
import { parseBoot, parseQuote } from './lines.ts';

const code = (name: string) => expect.objectContaining({ code: name });

test.each(['', 'hello', '{}', '[]', '{"hub":{"url":"x"},"hub":{"url":"y"}}', '{"spool":"\ud800"}'])(
  'a boot in another form is a bad boot: %j',
  (text) => {
    expect(() => parseBoot(text)).toThrow(code('room/bad-boot'));
  },
);

test('evidence is taken for the request that was made', () => {
  const evidence = { technology: 'simulated', body: 'AA' };
  expect(parseQuote(JSON.stringify({ id: 2, evidence }), 2)).toEqual(evidence);
  const devices = [{ technology: 'nvidia-gpu', body: 'AA' }];
  expect(parseQuote(JSON.stringify({ id: 2, evidence: { ...evidence, devices } }), 2).devices).toEqual(
    devices,
  );
  expect(() => parseQuote(JSON.stringify({ id: 1, evidence }), 2)).toThrow(code('room/evidence'));
});

test.each([
  '',
  '{}',
  '{"id":1}',
  '{"id":1,"evidence":{"technology":"sev","body":"AA"}}',
  '{"id":"1","evidence":null}',
  '{"id":1,"evidence":{"technology":"nvidia-nras","body":"AA"}}',
  '{"id":1,"evidence":{"technology":"tdx","body":"AA","devices":[]}}',
])('an answer in another form is no evidence: %j', (text) => {
  expect(() => parseQuote(text, 1)).toThrow(code('room/evidence'));
});
