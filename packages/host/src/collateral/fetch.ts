// How vendors' services are asked, gently: never two times at once for one thing, so many times a minute each (AMD's limits its
// callers), later and later after failures, not at all while a service says Retry-After. Answers are bounded in size and
// time, redirects are refused (tls-fetch.ts). What an answer is worth is the caller's to judge.
import { type CollateralFile } from '@sealroom/attest';
import { type Need, needName } from '@sealroom/attest/supply';
import { codeOf, refusal } from '../problem.ts';
import { type TlsFetch, tlsFetch } from '../tls-fetch.ts';
import { answerFiles, type Question, questionOf, type Services } from './services.ts';

export type FetchLimits = {
  /** How long one answer may take as a whole, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Questions that one service may be asked at once, and how long until it may be asked one more. */
  readonly burst: number;
  readonly refillMs: number;
  /** The first and the longest wait after a failure. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
};

export const FETCH_LIMITS: FetchLimits = {
  timeoutMs: 10_000,
  maxBytes: 8 * 1024 * 1024,
  burst: 12,
  refillMs: 5_000,
  backoffMs: 30_000,
  longestBackoffMs: 3_600_000,
};

export type Fetcher = {
  /**
   * Asks for a need unless it was asked for in vain lately, and has `take` judge the answer: what it throws counts as a failure.
   * @throws collateral/no-service · collateral/backing-off · collateral/rate-limited · collateral/status · fetch/… and what `take` throws
   */
  ask<T>(need: Need, take: (files: CollateralFile[]) => Promise<T>): Promise<T>;
  close(): void;
};

type Failure = { readonly until: number; readonly times: number };

/** Failures by name; the oldest is forgotten when there are too many. */
const MOST_FAILURES = 2048;

/** Retry-After in seconds or as a date. */
function retryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const until = /^\d{1,9}$/.test(header) ? now + Number(header) * 1000 : Date.parse(header);
  return Number.isFinite(until) ? until : undefined;
}

function createBuckets({ burst, refillMs }: FetchLimits) {
  const buckets = new Map<string, { left: number; at: number }>();
  /** Takes one question of a service, if there is one left. */
  return (origin: string, now: number, share: number): boolean => {
    const most = burst * share;
    const name = `${origin} ${share}`;
    const bucket = buckets.get(name) ?? { left: most, at: now };
    const back = Math.max(0, Math.floor((now - bucket.at) / refillMs));
    bucket.left = Math.min(most, bucket.left + back);
    bucket.at = bucket.left === most || now < bucket.at ? now : bucket.at + back * refillMs;
    buckets.set(name, bucket);
    if (bucket.left === 0) return false;
    bucket.left -= 1;
    return true;
  };
}

type Failures = {
  waitsFor(name: string): boolean;
  fail(name: string, until?: number): void;
  clear(name: string): void;
};

function createFailures(clock: () => number, { backoffMs, longestBackoffMs }: FetchLimits): Failures {
  const failures = new Map<string, Failure>();
  return {
    waitsFor(name) {
      const left = (failures.get(name)?.until ?? 0) - clock();
      // A longer wait was begun by a clock that was ahead.
      return left > 0 && left <= longestBackoffMs;
    },
    fail(name, until) {
      const now = clock();
      const times = (failures.get(name)?.times ?? 0) + 1;
      const wait = Math.min(longestBackoffMs, backoffMs * 2 ** Math.min(times - 1, 20));
      const asked = until === undefined ? 0 : Math.min(until, now + longestBackoffMs);
      failures.delete(name);
      failures.set(name, { until: Math.max(now + wait, asked), times });
      const [oldest] = failures.keys();
      if (failures.size > MOST_FAILURES && oldest !== undefined) failures.delete(oldest);
    },
    clear: (name) => void failures.delete(name),
  };
}

export type FetcherOptions = {
  readonly services: Services;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly caPem?: string | undefined;
  readonly limits?: FetchLimits;
};

type Parts = Required<Pick<FetcherOptions, 'services' | 'clock' | 'limits'>> & {
  readonly fetch: TlsFetch;
  readonly failures: Failures;
  readonly takeTurn: (origin: string, now: number, share: number) => boolean;
};

/** The whole answer, whatever its status. */
async function answerOf({ url, body: sent }: Question, { fetch, failures, limits }: Parts) {
  const { origin } = new URL(url);
  const late = AbortSignal.timeout(limits.timeoutMs);
  const post = sent && {
    method: 'POST',
    headers: { 'content-type': sent.type, accept: sent.accept },
    body: sent.bytes,
  };
  try {
    const response = await fetch(url, { signal: late, ...post });
    return { response, body: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    // A redirect or a flood is the answer for one thing; a service that is not there is left alone altogether.
    const gone = late.aborted || codeOf(error) === 'fetch/failed' || codeOf(error) === 'fetch/timeout';
    if (gone) failures.fail(origin);
    if (late.aborted) throw refusal('fetch/timeout', `${origin} does not answer in time.`, { cause: error });
    throw error;
  }
}

async function get(need: Need, parts: Parts): Promise<CollateralFile[]> {
  const { services, failures, clock, takeTurn } = parts;
  const question = await questionOf(need, services);
  if (!question) throw refusal('collateral/no-service', `No service is configured for ${needName(need)}.`);
  const { origin } = new URL(question.url);
  if (failures.waitsFor(origin))
    throw refusal('collateral/backing-off', `${origin} is left alone for a while after it failed.`);
  if (!takeTurn(origin, clock(), question.share ?? 1))
    throw refusal('collateral/rate-limited', `${origin} has been asked as often as is polite; try later.`);
  const { response, body } = await answerOf(question, parts);
  const { status, headers } = response;
  if (status !== 200) {
    if (status === 429 || status >= 500)
      failures.fail(origin, retryAfter(headers.get('retry-after'), clock()));
    throw refusal('collateral/status', `${origin} answers ${status} when asked for ${needName(need)}.`);
  }
  failures.clear(origin);
  const { chainHeader } = question;
  return answerFiles(body, chainHeader === undefined ? null : headers.get(chainHeader));
}

/** Not asked at all; that is no failure of the thing itself. */
const NOT_ASKED: readonly unknown[] = [
  'collateral/backing-off',
  'collateral/rate-limited',
  'collateral/no-service',
];

export function createFetcher({ services, clock, caPem, limits = FETCH_LIMITS }: FetcherOptions): Fetcher {
  const { timeoutMs, maxBytes } = limits;
  const fetch = tlsFetch({ caPem, timeoutMs, maxBytes });
  const failures = createFailures(clock, limits);
  const parts = { services, clock, limits, fetch, failures, takeTurn: createBuckets(limits) };
  const flights = new Map<string, Promise<unknown>>();

  const once = async <T>(name: string, need: Need, take: (files: CollateralFile[]) => Promise<T>) => {
    try {
      const taken = await take(await get(need, parts));
      failures.clear(name);
      return taken;
    } catch (error) {
      if (!NOT_ASKED.includes(codeOf(error))) failures.fail(name);
      throw error;
    }
  };

  return {
    async ask<T>(need: Need, take: (files: CollateralFile[]) => Promise<T>): Promise<T> {
      const name = needName(need);
      const flying = flights.get(name);
      // Whoever asks for one need takes its answer in one way, so that the answer of a flight is everyone's.
      if (flying) return flying as Promise<T>;
      if (failures.waitsFor(name))
        throw refusal(
          'collateral/backing-off',
          `${name} was asked for in vain lately; it is asked for again later.`,
        );
      const flight = once(name, need, take);
      flights.set(name, flight);
      try {
        return await flight;
      } finally {
        flights.delete(name);
      }
    },
    close: () => fetch.close(),
  };
}
