// Targets for what lies on a disk that others may write, and for stores that answer anything.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, bytesEqual, concat, utf8Decode } from '@sealroom/bytes';
import { z } from 'zod';
import { RoomError } from '../../apps/room/src/error.ts';
import { readObject, readSmall, type Store } from '../../apps/room/src/store.ts';
import { SealingError } from '../../packages/host/src/sealing/error.ts';
import { openPartial, partialName } from '../../packages/host/src/sealing/partial.ts';
import { expect, judgeAsync, type Refusals, type Target } from '../engine/target.ts';
import { texts } from './genuine.ts';

const OBJECT = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);
const LIMIT = 1200;
const STAGING: Refusals = [[RoomError, ['room/staging']]];
const CHUNK = 64;
/** Attempts in a row that bring nothing. */
const ATTEMPTS = 12;

const answer = z.object({
  status: z.int().min(200).max(599).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  /** Bytes that come, and how far from where they were asked for. */
  bytes: z.int().min(0).max(5000).optional(),
  shift: z.int().min(0).max(1000).optional(),
  /** How it ends: as it should, in an error, or never. */
  end: z.enum(['whole', 'broken', 'never', 'none']).optional(),
});
const script = z.object({
  start: z.int().min(0).max(1000),
  end: z.int().min(0).max(1000),
  answers: z.array(answer).min(1).max(16),
});
type Answer = z.infer<typeof answer>;

/** What was asked of a store, and what it gave. */
type Told = { calls: number; bytes: number; asked: string[] };

function bodyOf(
  { bytes, shift = 0, end }: Answer,
  start: number,
  wanted: number,
  told: Told,
): ReadableStream {
  let left = bytes ?? wanted;
  let at = start + shift;
  return new ReadableStream<Uint8Array>(
    {
      pull: (sink) => {
        if (left <= 0 && end !== 'never')
          return end === 'broken' ? sink.error(new Error('reset')) : sink.close();
        const length = end === 'never' ? CHUNK : Math.min(CHUNK, left);
        const chunk = Uint8Array.from({ length }, (_, i) => OBJECT[(at + i) % OBJECT.length] ?? 0);
        [left, at, told.bytes] = [left - length, at + length, told.bytes + length];
        sink.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Gives the answers in turn, the last of them again and again; what they leave out is as it should be. */
function storeOf(answers: readonly Answer[], told: Told): Store {
  return {
    url: 'https://store.example/container?sp=r',
    pause: async () => undefined,
    fetch: async (_, init) => {
      const one = answers[Math.min(told.calls++, answers.length - 1)] ?? {};
      const range = new Headers(init?.headers).get('range') ?? '';
      told.asked.push(range);
      const [from = 0, last = OBJECT.length - 1] = (/^bytes=(\d+)-(\d+)$/.exec(range) ?? [])
        .slice(1)
        .map(Number);
      if (one.end === 'none') throw new TypeError('fetch failed');
      const wanted = last + 1 - from;
      const partial: Record<string, string> =
        range === '' ? {} : { 'content-range': `bytes ${from}-${last}/${OBJECT.length}` };
      const headers = { 'content-length': String(wanted), ...partial, ...one.headers };
      const status = one.status ?? (range === '' ? 200 : 206);
      const bare = [204, 205, 304].includes(status);
      return new Response(bare ? null : bodyOf(one, from, wanted, told), { status, headers });
    },
  };
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return concat(...parts);
}

/** Answers of a store to a room as JSON: any status, headers, lengths and ends. */
export const storeTarget: Target = {
  name: 'room.readObject',
  covers: ['room/readObject', 'room/readSmall'],
  form: 'json',
  seeds: texts(
    '{"answers":[{}],"end":1000,"start":0}',
    '{"answers":[{"bytes":100,"end":"broken"},{"end":"none"},{}],"end":700,"start":10}',
    '{"answers":[{"bytes":2000},{"end":"never"},{"status":503}],"end":1000,"start":0}',
    '{"answers":[{"headers":{"content-length":"7","content-range":"bytes 1-7/9"},"shift":3}],"end":8,"start":1}',
  ),
  words: [
    '"status"',
    '"broken"',
    '"never"',
    '"none"',
    '"shift"',
    '"content-length"',
    '"content-range"',
    '206',
  ],
  run: async (input) => {
    const parsed = script.safeParse(jsonOf(input));
    if (!parsed.success || parsed.data.start > parsed.data.end) return { accepted: false, note: 'no script' };
    const { start, end, answers } = parsed.data;
    if (answers.some(({ headers }) => !areHeaders(headers))) return { accepted: false, note: 'no headers' };
    const honest = answers.every(({ shift = 0 }) => shift === 0);
    const told: Told = { calls: 0, bytes: 0, asked: [] };
    const object = await judgeAsync(
      STAGING,
      () => gather(readObject(storeOf(answers, told), 'a/b', { start, end, size: OBJECT.length })),
      (bytes) => {
        expect(bytes.length === end - start, 'false-accept', 'More or fewer bytes come than were asked for.');
        const right = bytesEqual(bytes, OBJECT.subarray(start, end));
        expect(!honest || right, 'false-accept', 'Other bytes come than the store gave for them.');
      },
    );
    const most = end - start + ATTEMPTS * CHUNK;
    expect(told.bytes <= most, 'memory', 'It reads on after what it asked for.');
    expect(told.calls <= ATTEMPTS * (end - start + 1), 'slow', 'It asks without end.');
    for (const range of told.asked) {
      const [from = start, last = end - 1] = (/^bytes=(\d+)-(\d+)$/.exec(range) ?? []).slice(1).map(Number);
      expect(from >= start && from < end && last === end - 1, 'false-accept', 'It asks for other bytes.');
    }
    const small: Told = { calls: 0, bytes: 0, asked: [] };
    const whole = await judgeAsync(
      STAGING,
      () => readSmall(storeOf(answers, small), 'a/b', LIMIT),
      (bytes) => {
        expect(bytes.length <= LIMIT, 'false-accept', 'It is larger than it may be.');
        const again = Uint8Array.from(bytes, (_, i) => OBJECT[i % OBJECT.length] ?? 0);
        expect(!honest || bytesEqual(bytes, again), 'false-accept', 'Other bytes come than the store gave.');
      },
    );
    expect(small.calls <= ATTEMPTS, 'slow', 'It asks without end.');
    expect(small.bytes <= ATTEMPTS * (LIMIT + CHUNK), 'memory', 'It reads on after the limit.');
    return {
      accepted: object.accepted || whole.accepted,
      note: `${object.note} ${told.calls} ${whole.note}`,
    };
  },
};

function jsonOf(input: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(input));
  } catch {
    return undefined;
  }
}

function areHeaders(headers: Record<string, string> | undefined): boolean {
  try {
    return new Headers(headers) instanceof Headers;
  } catch {
    return false;
  }
}

const entryOf = (path: string) => ({
  path,
  source: { size: 1, inode: 2, mtimeMs: 3.5, ctimeMs: 4 },
  size: 1,
  tree: `sha256:${'a'.repeat(64)}` as const,
  salt: 'c2FsdA',
});

/** The journal of an interrupted sealing, as somebody without the key changed it. */
export async function partialTarget(root: string): Promise<Target> {
  const output = join(root, 'sealed-folder');
  const name = partialName(output);
  const journal = join(name, 'journal');
  const cek = new Uint8Array(32).fill(8);
  const open = () => openPartial({ output, cek, kind: 'dataset', fresh: false });
  const made = [[entryOf('Größe'), entryOf('b')], [entryOf('c')], [entryOf('d/e'), entryOf('f')]];
  const first = await open();
  for (const entries of made) await first.note(entries);
  await first.close(true);
  const genuine = new Uint8Array(readFileSync(journal));
  const other = await openPartial({ output: `${output}-2`, cek, kind: 'algorithm', fresh: false });
  await other.note([entryOf('x')]);
  await other.close(true);
  const second = new Uint8Array(readFileSync(join(partialName(`${output}-2`), 'journal')));
  /** What the journal may say is whole: the first steps, in their order. */
  const steps = made.map((_, count) => JSON.stringify(made.slice(0, count + 1).flat()));
  const whole = new Set(['[]', ...steps]);
  return {
    name: 'host.openPartial',
    covers: ['host/openPartial'],
    form: 'text',
    seeds: [genuine, second],
    words: ['\n', '\t', '[]', '"v":1', '"dataset"', '"assetSalt"', '\r\n', '\0'],
    turn: 8,
    run: async (input) => {
      mkdirSync(name, { recursive: true, mode: 0o700 });
      writeFileSync(journal, input);
      return judgeAsync([[SealingError, ['sealing/bad-partial']]], open, async (partial) => {
        const { entries, assetSalt } = partial;
        await partial.note([entryOf('new')]);
        await partial.close(true);
        expect(whole.has(JSON.stringify(entries)), 'false-accept', 'It goes on with what nobody noted.');
        const again = await open();
        await again.close(true);
        expect(
          JSON.stringify(again.entries) === JSON.stringify([...entries, entryOf('new')]) &&
            bytesEqual(again.assetSalt, assetSalt),
          'round-trip',
          'What was noted after it is not read again.',
        );
        return String(entries.length);
      });
    },
  };
}
