// Calls that outlast a service that is down for a moment. Everything a room says to vaults and hub may be said twice: the
// same room asking the same gets the same answer, and an upload is known by its statement. So a call that found nobody,
// or a service in trouble, is made again until the time is over; a refusal is an answer and is not.
import type { Fetch } from '@sealroom/client';
import { codeOf, LARGE_BODY, LARGE_FIRST_PAUSE_MS } from '@sealroom/host/net';
import { setTimeout as delay } from 'node:timers/promises';

export type Persistence = {
  /** How long after its first failure a call is still repeated, in milliseconds. */
  readonly forMs: number;
  /** Ends the repeating; the call in flight is the last. */
  readonly signal: AbortSignal;
  readonly pause?: (milliseconds: number) => Promise<void>;
};

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 3000;

function isLarge(body: unknown): boolean {
  return typeof body === 'string'
    ? body.length > LARGE_BODY
    : ArrayBuffer.isView(body) && body.byteLength > LARGE_BODY;
}

/** Whether there was no connection at all, so that nothing has left. */
function foundNobody(error: unknown): boolean {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED' || code === 'gate/unreachable') return true;
  return error instanceof Error && error.cause !== undefined && foundNobody(error.cause);
}

/** The answer, whole: a service may also go away in the middle of it. */
async function answerOf(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  const { status, headers, ...answer } = await fetch(url, init).then(async (response) => ({
    status: response.status,
    headers: response.headers,
    body: await response.arrayBuffer(),
  }));
  return new Response(answer.body.byteLength === 0 ? null : answer.body, { status, headers });
}

export function persistentFetch(fetch: Fetch, { forMs, signal, pause = delay }: Persistence): Fetch {
  return async (url, init) => {
    const { body } = init;
    const repeatable = body === undefined || typeof body === 'string' || ArrayBuffer.isView(body);
    // A stream can be sent once.
    if (!repeatable) return fetch(url, init);
    let failedSince: number | undefined;
    let wait = FIRST_PAUSE_MS;
    // A large body that may have left is sent a few times only: the node counts what leaves.
    let largeWait = LARGE_FIRST_PAUSE_MS;
    for (;;) {
      let sent = false;
      const last = signal.aborted || (failedSince !== undefined && performance.now() - failedSince > forMs);
      try {
        const answer = await answerOf(fetch, url, init);
        if (last || answer.status < 500) return answer;
        sent = isLarge(body);
      } catch (error) {
        if (last) throw error;
        sent = isLarge(body) && !foundNobody(error);
      }
      failedSince ??= performance.now();
      await pause(sent ? largeWait : wait);
      if (sent) largeWait *= 4;
      else wait = Math.min(2 * wait, LONGEST_PAUSE_MS);
    }
  };
}
