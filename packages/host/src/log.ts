// Structured logs: one JSON line an event, with only the fields that the event's list names. Nothing else gets out, so
// a body, a token or a signed URL cannot slip into a log by being spread into a field object.
import { type DestinationStream, pino } from 'pino';

/** For each event the names of the fields it may carry. */
export type LogEvents = { readonly [event: string]: readonly string[] };
export type LogValue = string | number | boolean | null | undefined;

/** Events that this package writes itself. */
export const HOST_EVENTS = {
  'server.listening': ['url', 'port'],
  'server.stopping': ['reason'],
  'server.stopped': ['milliseconds'],
  'http.request': ['request', 'method', 'route', 'status', 'milliseconds'],
  'http.failed': ['request', 'method', 'route'],
  'ready.failed': ['check'],
  'stop.failed': [],
  'database.migrated': ['file'],
  'database.error': [],
  'postgres.started': ['version', 'port', 'adopted'],
  'postgres.stopped': ['status'],
  'postgres.restarted': ['attempt'],
} as const satisfies LogEvents;

type Fields<Events extends LogEvents, Name extends keyof Events> = {
  readonly [field in Events[Name][number]]?: LogValue;
};

export type Log<Events extends LogEvents = typeof HOST_EVENTS> = {
  /** Something happened as it should. */
  event<Name extends keyof Events & string>(name: Name, fields: Fields<Events, Name>): void;
  /** Something went wrong: with the error's name, code, message and stack, URLs without their queries. */
  failure<Name extends keyof Events & string>(name: Name, error: unknown, fields: Fields<Events, Name>): void;
};

const MAX_TEXT = 2000;

/** A URL without user, query and fragment; a text that is no URL becomes `(not a URL)`. */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '(not a URL)';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

function redactText(text: string): string {
  const plain = text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, (url) => redactUrl(url));
  return plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT)}…` : plain;
}

function describe(error: unknown): Record<string, LogValue> {
  if (!(error instanceof Error)) return { error: 'a value that is no Error was thrown' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return {
    error: error.name,
    code,
    message: redactText(error.message),
    stack: error.stack === undefined ? undefined : redactText(error.stack),
  };
}

function allowed(
  list: readonly string[],
  fields: Readonly<Record<string, LogValue>>,
): Record<string, LogValue> {
  const out: Record<string, LogValue> = {};
  for (const name of list) {
    const value = fields[name];
    if (value === undefined || (typeof value === 'object' && value !== null)) continue;
    out[name] = typeof value === 'string' ? redactText(value) : value;
  }
  return out;
}

/**
 * A log that writes JSON lines to `destination` (standard error by default, so that standard output stays free for the
 * ready line). An event that is not in `events` is written by its name alone.
 */
export function createLog<const Events extends LogEvents = typeof HOST_EVENTS>(options: {
  readonly name: string;
  readonly events?: Events;
  readonly destination?: DestinationStream;
  readonly silent?: boolean;
}): Log<Events & typeof HOST_EVENTS> {
  const lists: LogEvents = { ...options.events, ...HOST_EVENTS };
  const listOf = (name: string): readonly string[] => (Object.hasOwn(lists, name) ? (lists[name] ?? []) : []);
  const writer = pino(
    {
      base: { name: options.name, pid: process.pid },
      messageKey: 'event',
      enabled: options.silent !== true,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  );
  return {
    event: (name, fields) => writer.info(allowed(listOf(name), fields), name),
    failure: (name, error, fields) =>
      writer.error({ ...describe(error), ...allowed(listOf(name), fields) }, name),
  };
}
