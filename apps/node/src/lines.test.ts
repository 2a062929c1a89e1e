import { expect, test } from 'vitest';
import { linesOf, parseRoomLine } from './lines.ts';

const reportData = 'A'.repeat(43);

test('reads what a room may say', () => {
  const ask = { ask: 'quote', id: 1, reportData };
  expect(parseRoomLine(JSON.stringify(ask))).toEqual(ask);
  const devices = { ...ask, devices: 'nvidia-gpu' };
  expect(parseRoomLine(JSON.stringify(devices))).toEqual(devices);
  expect(parseRoomLine('{"done":"completed"}')).toEqual({ done: 'completed' });
  expect(parseRoomLine('{"failed":"room/staging"}')).toEqual({ failed: 'room/staging' });
});

test.each([
  ['no JSON', 'hello'],
  ['a member twice', '{"done":"failed","done":"completed"}'],
  ['a member more', '{"done":"completed","row":"17.99"}'],
  ['report data that is not base64url', '{"ask":"quote","id":1,"reportData":"!"}'],
  ['report data of another length', `{"ask":"quote","id":1,"reportData":"${reportData}AA"}`],
  ['a number for an id that is none', `{"ask":"quote","id":1.5,"reportData":"${reportData}"}`],
  ['devices of no kind', `{"ask":"quote","id":1,"reportData":"${reportData}","devices":"tdx"}`],
  ['a reason in words', '{"failed":"the patient is 17"}'],
  ['more than a line may hold', `{"failed":"room/${'a'.repeat(5000)}"}`],
])('takes %s for another form', (_, text) => {
  expect(parseRoomLine(text)).toBeUndefined();
});

async function collected(...chunks: readonly string[]): Promise<string[]> {
  const source = (async function* () {
    for (const chunk of chunks) yield new TextEncoder().encode(chunk);
  })();
  const lines: string[] = [];
  for await (const line of linesOf(source)) lines.push(line);
  return lines;
}

test('finds lines however they are cut, the last one without its end too', async () => {
  expect(await collected('a\nb', 'c\n', '\nd')).toEqual(['a', 'bc', '', 'd']);
  expect(await collected('a\n')).toEqual(['a']);
  expect(await collected()).toEqual([]);
});

test('reads no further in a line that is too long', async () => {
  const lines = await collected('a\n', 'x'.repeat(5000), 'y', '\nb\n');
  expect(lines).toEqual(['a', 'x'.repeat(5000)]);
  expect(parseRoomLine(lines[1] ?? '')).toBeUndefined();
});
