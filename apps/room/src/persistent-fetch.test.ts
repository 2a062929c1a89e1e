import type { Fetch } from '@sealroom/client';
import { LARGE_SENDS } from '@sealroom/host/net';
import { expect, test } from 'vitest';
import { persistentFetch } from './persistent-fetch.ts';

const URL = 'https://vault.test/v1/releases';

/** A service that gives these answers one after another; `undefined` is nobody there. */
function service(...answers: readonly (number | undefined)[]) {
  const calls: unknown[] = [];
  const fetch: Fetch = async (_url, init) => {
    const status = answers[calls.length];
    calls.push(init.body);
    if (status === undefined) throw Object.assign(new TypeError('refused'), { code: 'ECONNREFUSED' });
    return new Response('{}', { status });
  };
  return { fetch, calls };
}

const quick = { forMs: 60_000, signal: new AbortController().signal, pause: async () => undefined };

test('a call is made again, with the same body, until the service answers', async () => {
  const { fetch, calls } = service(undefined, 503, 500, undefined, 200);
  const answer = await persistentFetch(fetch, quick)(URL, { method: 'POST', body: 'same' });
  expect(answer.status).toBe(200);
  expect(calls).toEqual(['same', 'same', 'same', 'same', 'same']);
});

test.each([400, 403, 404, 409])('a refusal (%i) is an answer: it is not asked for twice', async (status) => {
  const { fetch, calls } = service(status, 200);
  expect((await persistentFetch(fetch, quick)(URL, { method: 'POST' })).status).toBe(status);
  expect(calls).toHaveLength(1);
});

test('a service that goes away in the middle of its answer is asked again', async () => {
  let calls = 0;
  const fetch: Fetch = async () => {
    const torn = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) });
    return new Response(calls++ === 0 ? torn : '{"whole":true}');
  };
  expect(await (await persistentFetch(fetch, quick)(URL, { method: 'POST' })).json()).toEqual({
    whole: true,
  });
});

test('it gives up when the time is over, with what it saw last', async () => {
  const pause = async () => undefined;
  const over = { ...quick, forMs: -1, pause };
  await expect(persistentFetch(service().fetch, over)(URL, { method: 'POST' })).rejects.toThrow('refused');
  const { fetch, calls } = service(503, 503, 200);
  expect((await persistentFetch(fetch, over)(URL, { method: 'POST' })).status).toBe(503);
  expect(calls).toHaveLength(2);
});

test('a large body is sent again after longer and longer pauses, as often as the node’s gate allows for', async () => {
  const pauses: number[] = [];
  const pause = async (milliseconds: number) => void pauses.push(milliseconds);
  const { fetch, calls } = service(503, undefined, 503, 503, 503, 503, 200);
  const body = 'x'.repeat(10_000);
  expect((await persistentFetch(fetch, { ...quick, pause })(URL, { method: 'POST', body })).status).toBe(200);
  // The second call found nobody, so that nothing left.
  expect(pauses).toEqual([1000, 200, 4000, 16_000, 64_000, 256_000]);
  expect(calls).toHaveLength(LARGE_SENDS + 1);
});

test('a connection that is lost counts as one over which the body left', async () => {
  const pauses: number[] = [];
  const pause = async (milliseconds: number) => void pauses.push(milliseconds);
  let calls = 0;
  const fetch: Fetch = async () => {
    if (calls++ < 2)
      throw Object.assign(new Error('lost'), { code: 'fetch/failed', cause: new Error('reset') });
    return new Response('{}');
  };
  await persistentFetch(fetch, { ...quick, pause })(URL, { method: 'POST', body: 'x'.repeat(10_000) });
  await persistentFetch(fetch, { ...quick, pause })(URL, { method: 'POST', body: 'small' });
  expect(pauses).toEqual([1000, 4000]);
});

test('a room that is ending makes one call and repeats none', async () => {
  const { fetch, calls } = service(503, 200);
  const ending = { ...quick, signal: AbortSignal.abort() };
  expect((await persistentFetch(fetch, ending)(URL, { method: 'POST' })).status).toBe(503);
  expect(calls).toHaveLength(1);
});

test('a body that can be read only once is sent only once', async () => {
  const { fetch, calls } = service(503, 200);
  const body = new ReadableStream();
  expect((await persistentFetch(fetch, quick)(URL, { method: 'PUT', body })).status).toBe(503);
  expect(calls).toEqual([body]);
});
