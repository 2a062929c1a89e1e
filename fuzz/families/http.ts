// Targets for what comes over HTTP: bodies, paths and queries of every route through the real error boundary, the ledger's own
// calls, the Enclave API, and answers of services and stores to those who call them.
import { hubRoutes, ledgerRoutes, type Route, vaultRoutes } from '@sealroom/api';
import { bytesEqual, canonicalJson, parseStrictJson, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { call, ClientError } from '@sealroom/client';
import { createLog, fetchBlob, mount, Refusal, serverApp } from '@sealroom/host';
import { z } from 'zod';
import { createLedgerApp } from '../../apps/ledger/src/app.ts';
import { fixture, statement } from '../../apps/ledger/src/fixtures.ts';
import { createEnclaveApi } from '../../apps/room/src/enclave-api/api.ts';
import { memoryApi } from '../../apps/room/src/enclave-api/fixture.ts';
import { readRange } from '../../apps/room/src/enclave-api/range.ts';
import { readLog, readReport } from '../../apps/room/src/enclave-api/report.ts';
import { expect, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { DOCUMENT_WORDS, texts } from './genuine.ts';

const REACHED = 418;
const ROUTES: readonly (readonly [string, Route])[] = Object.entries({
  ...hubRoutes,
  ...ledgerRoutes,
  ...vaultRoutes,
});

function silentApp() {
  const log = createLog({ name: 'fuzz', silent: true });
  const app = serverApp({ name: 'fuzz', log, timeoutMs: Infinity });
  for (const [, route] of ROUTES) {
    mount(app, route, () => {
      throw new Refusal('fuzz/reached', 'The handler was reached.', { status: REACHED });
    });
  }
  return app;
}

type Schema = {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly minimum?: number;
};

const KEYS: Readonly<Record<string, string>> = {
  receive: 'owEBIAQhWCBd_t07a9R_b6KO4V2WnV0zrJv7Y7ZGGqvYk5n8wqLrRA',
  receiving: 'owEBIAQhWCBd_t07a9R_b6KO4V2WnV0zrJv7Y7ZGGqvYk5n8wqLrRA',
};
const SIGNING = 'owEBIAYhWCCKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXA';

/** A text that may fit a member of this name. */
function sampleText(name: string, { pattern = '' }: Schema): string {
  if (/^(?:receive|receiving)$/.test(name)) return KEYS[name] ?? '';
  if (/key$|^sign$|^root$|^simulator$/i.test(name)) return SIGNING;
  if (/url$|origins?$/i.test(name)) return 'https://x.example';
  return pattern.includes('T') || name.endsWith('At') ? '2026-11-22T10:00:00Z' : 'AAAA';
}

/** A value that may fit a JSON Schema: something for mutation to begin with. */
function sample(schema: Schema, name = ''): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const either = schema.anyOf ?? schema.oneOf;
  if (either?.[0] !== undefined) return sample(either[0], name);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([member, inner]) => [member, sample(inner, member)]),
      );
    case 'array':
      return schema.items === undefined
        ? []
        : Array.from({ length: Math.max(1, schema.minItems ?? 1) }, () => sample(schema.items ?? {}, name));
    case 'string':
      return sampleText(name, schema);
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return `sha256:${'0'.repeat(64)}`;
  }
}

const sampleOf = (schema: z.ZodType): string =>
  canonicalJson(sample(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema));

async function boundary(response: Response): Promise<Outcome> {
  const { status } = response;
  if (status === REACHED) return { accepted: true, note: 'reached' };
  expect(status >= 400 && status < 500, 'foreign-error', `The server answers ${status}.`);
  const problem = parseStrictJson(await response.text()) as {
    readonly code?: unknown;
    readonly detail?: unknown;
  };
  expect(
    typeof problem.code === 'string' && problem.code !== 'internal',
    'foreign-error',
    'The problem has no code.',
  );
  return {
    accepted: false,
    note: `${status} ${String(problem.code)} ${String(problem.detail)
      .replaceAll(/[0-9]+/g, '#')
      .slice(0, 120)}`,
  };
}

/** A path of a route with its parameters filled in. */
function filled(route: Route): string {
  return route.path.replaceAll(/\{([A-Za-z]+)\*?\}/g, (_, name: string) =>
    /digest|run$|org|kid/i.test(name) ? `sha256:${'0'.repeat(64)}` : 'x',
  );
}

export function bodyTargets(): Target[] {
  const app = silentApp();
  return ROUTES.flatMap(([name, route]) => {
    const { body, method } = route;
    if (body === undefined || body === 'bytes') return [];
    const run = async (input: Uint8Array): Promise<Outcome> => {
      const headers = { 'content-type': 'application/json' };
      return boundary(await app.request(filled(route), { method, headers, body: new Uint8Array(input) }));
    };
    const seeds = [utf8Encode(sampleOf(body))];
    return [
      {
        name: `http.${name}`,
        covers: [
          'host/readBytes',
          'host/checkInput',
          'host/parseJson',
          'host/checkJsonType',
          'host/readJson',
        ],
        form: 'json',
        seeds,
        words: DOCUMENT_WORDS,
        turn: 8,
        run,
      },
    ];
  });
}

/** A request's line, headers and body, in the manner of HTTP/1.1; undefined where Request itself refuses. */
function requestOf(input: Uint8Array, base: string): Request | undefined {
  const text = Buffer.from(input).toString('latin1');
  const end = text.indexOf('\n\n');
  const [line = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\n');
  const [method = 'GET', path = '/'] = line.split(' ');
  const body = end < 0 ? undefined : new Uint8Array(input.subarray(end + 2));
  try {
    const headers = new Headers();
    for (const header of lines) {
      const colon = header.indexOf(':');
      if (colon > 0) headers.append(header.slice(0, colon), header.slice(colon + 1));
    }
    const bare = method === 'GET' || method === 'HEAD' || body === undefined;
    const url = new URL(path, base);
    // What node:http would not hand on: another scheme in the request line, and a method that no parser takes.
    if (url.origin !== new URL(base).origin || method.length > 32) return undefined;
    return new Request(url, { method, headers, ...(bare ? {} : { body }) });
  } catch {
    return undefined;
  }
}

const HTTP_WORDS = [
  'GET ',
  'POST ',
  'HEAD ',
  '%2e%2e',
  '%00',
  '%ff',
  '?a=1&a=2',
  'content-type: application/json',
  'content-length: -1',
  'content-length: 1e9',
  '//',
  '/..',
];

export function requestTarget(): Target {
  const app = silentApp();
  const seeds = ROUTES.map(([, route]) => {
    const body = route.body !== undefined && route.body !== 'bytes' ? `\n\n${sampleOf(route.body)}` : '';
    return `${route.method} ${filled(route)}${route.query === undefined ? '' : '?from=1&to=2&request=AA'}\ncontent-type: application/json${body}`;
  });
  return {
    name: 'http.request',
    covers: ['host/readBytes', 'host/checkInput'],
    form: 'text',
    seeds: texts(...seeds),
    words: HTTP_WORDS,
    turn: 16,
    run: async (input) => {
      const request = requestOf(input, 'http://hub.example');
      if (request === undefined) return { accepted: false, note: 'no request' };
      const response = await app.request(request);
      if (response.ok || request.method === 'HEAD' || request.method === 'OPTIONS') {
        expect(response.status < 500, 'foreign-error', `The server answers ${response.status}.`);
        return { accepted: response.ok, note: `${response.status}` };
      }
      return boundary(response);
    },
  };
}

/** The ledger's calls that only read. */
export async function ledgerTarget(): Promise<Target> {
  const place = await fixture();
  const ledger = await place.open();
  for (let i = 0; i < 5; i++) await ledger.append(statement(i));
  const app = createLedgerApp({ ledger, log: createLog({ name: 'fuzz', silent: true }) });
  const genuine = [
    'GET /checkpoint',
    'GET /tile/0/000.p/5',
    'GET /tile/entries/000.p/5',
    'GET /entries/3\naccept: application/cbor',
    `GET /entries/sha256:${'0'.repeat(64)}`,
    `GET /statements/sha256:${'0'.repeat(64)}\nsealroom-subject-key: ${'A'.repeat(43)}`,
    'GET /v1/consistency?from=2&to=5',
    'POST /v1/proofs\ncontent-type: application/json\n\n{"indexes":[0,4],"size":5}',
    'GET /.well-known/scitt-keys',
  ];
  return {
    name: 'http.ledger',
    covers: ['tlog/parseTilePath', 'host/readJson', 'bytes/digestBytes'],
    form: 'text',
    seeds: texts(...genuine),
    words: [...HTTP_WORDS, '/tile/', '.p/', 'sha256:', '9007199254740993', '/entries/', '/statements/'],
    turn: 16,
    run: async (input) => {
      const request = requestOf(input, 'http://ledger.example');
      if (
        request === undefined ||
        (request.method === 'POST' && new URL(request.url).pathname === '/entries')
      )
        return { accepted: false, note: 'no request' };
      const response = await app.request(request);
      expect(
        response.status < 500,
        'foreign-error',
        `The ledger answers ${response.status}: ${request.method} ${new URL(request.url).pathname}`,
      );
      const { pathname } = new URL(request.url);
      return {
        accepted: response.ok,
        note: `${response.status} ${pathname.split('/')[1] ?? ''} ${response.headers.get('content-type')}`,
      };
    },
  };
}

const FILE = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);

export function enclaveTarget(): Target {
  const { options, recorded } = memoryApi({ 'a/b.csv': FILE, empty: new Uint8Array() });
  const genuine = [
    'GET /api/v1/data/files?page=1&limit=1',
    'GET /api/v1/data/file?filepath=a/b.csv\nrange: bytes=10-19',
    'GET /api/v1/data/file?filepath=a%2Fb.csv\nrange: bytes=-5',
    'HEAD /api/v1/data/file?filepath=empty',
    'POST /api/v1/validate\n\n{"name":"r","json_data":{"score":1}}',
    'POST /api/v1/report\n\n{"name":"r","status":"In Progress","json_data":"eyJzY29yZSI6MX0="}',
    'POST /api/v1/report\n\n{"name":["r"],"status":["Completed"],"json_data":{"score":0.5},"project":"p-1","run":"r-1","json_schema":{}}',
    'POST /api/v1/log\n\n{"message":"hello","status":"In Progress"}',
  ];
  return {
    name: 'room.enclaveApi',
    covers: ['room/readRange', 'room/readReport', 'room/readLog'],
    form: 'text',
    seeds: texts(...genuine),
    words: [
      ...HTTP_WORDS,
      'bytes=',
      'bytes=0-0,5-9',
      '"json_data"',
      '"status":"Failed"',
      '"json_schema":null',
      'if-range: x',
      'filepath=',
    ],
    turn: 16,
    run: async (input) => {
      // A fresh API: a run takes one final report only.
      const app = createEnclaveApi(options);
      const request = requestOf(input, 'https://localhost:5000');
      if (request === undefined) return { accepted: false, note: 'no request' };
      const range = request.headers.get('range') ?? undefined;
      const head = request.method === 'HEAD';
      const before = recorded.errors.length;
      const response = await app.request(request);
      const body = new Uint8Array(await response.arrayBuffer());
      for (const list of [recorded.logs, recorded.accepted, recorded.failed]) list.length = 0;
      expect(
        response.status < 500 && recorded.errors.length === before,
        'foreign-error',
        `The room answers ${response.status}.`,
      );
      if (response.status === 206 && !head) {
        const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
        const [start = 0, end = 0, size = 0] = (found ?? []).slice(1).map(Number);
        expect(
          size === FILE.length && bytesEqual(body, FILE.subarray(start, end + 1)),
          'disagreement',
          `Another range comes: ${range}`,
        );
      }
      return {
        accepted: response.ok,
        note: `${response.status} ${new URL(request.url).pathname.slice(0, 24)} ${response.status === 400 ? utf8Decode(body).slice(0, 80) : ''}`,
      };
    },
  };
}

export const rangeTarget: Target = {
  name: 'room.readRange',
  covers: ['room/readRange'],
  form: 'text',
  seeds: texts(
    '1000\nbytes=0-9',
    '0\nbytes=-1',
    '5\nbytes=4-',
    '9007199254740991\nbytes=999999999999999-',
    '10\nbytes=3-2',
  ),
  words: ['bytes=', '-', ',', '999999999999999', ' ', '\t'],
  run: (input) => {
    const [first = '', ...rest] = Buffer.from(input).toString('latin1').split('\n');
    const size = Number(/^\d{1,15}/.exec(first)?.[0] ?? 0);
    const range = readRange(rest.join('\n'), size);
    if (range === undefined || range === 'unsatisfiable') return { accepted: false, note: String(range) };
    const whole = Number.isSafeInteger(range.start) && Number.isSafeInteger(range.end);
    expect(
      whole && range.start >= 0 && range.start <= range.end && range.end < size,
      'false-accept',
      'The range lies outside the file.',
    );
    return { accepted: true, note: 'range' };
  },
};

const IDS = { project: 'p-1', runConfiguration: 'c-1', run: 'r-1' };

export const reportTarget: Target = {
  name: 'room.readReport',
  covers: ['room/readReport', 'room/readLog'],
  form: 'json',
  seeds: texts(
    '{"json_data":{"a":1},"name":"r","project":"p-1","run":"r-1","run_configuration":"c-1","status":"Completed"}',
    '{"json_data":"eyJhIjoxLjV9","name":["r"],"status":["Failed"],"json_schema":{"a":{"type":"integer"}}}',
    '{"message":["hello"],"status":"In Progress"}',
  ),
  words: ['"json_data"', '"status"', '"Completed"', '"name"', '"run"', 'eyJ9', '"json_schema"'],
  run: (input) => {
    const [report, free, log] = [readReport(input, IDS, true), readReport(input, IDS, false), readLog(input)];
    expect(!report.ok || free.ok, 'disagreement', 'It is a report, but cannot be validated as one.');
    const foreign = /"run":"(?!r-1")[^"]/.test(Buffer.from(input).toString('latin1'));
    if (report.ok && !foreign) canonicalJson(report.value.data, { fractions: true });
    const told = [report, free, log].flatMap((read) =>
      read.ok ? [] : Object.entries(read.messages).map(([field, [message]]) => `${field} ${message}`),
    );
    return { accepted: report.ok || log.ok, note: told.join('|') };
  },
};

/** Answers of a service that is not trusted. */
export function answerTargets(): Target[] {
  const wanted = ['describe', 'challenge', 'release', 'takeWork', 'runs', 'artifacts'];
  return ROUTES.filter(([name, { response }]) => wanted.includes(name) && typeof response === 'object').map(
    ([name, route]) => ({
      name: `client.call(${name})`,
      covers: ['client/call'],
      form: 'json',
      seeds: texts(
        typeof route.response === 'object' ? sampleOf(route.response) : '',
        '{"code":"hub/not-found","detail":"x"}',
      ),
      words: DOCUMENT_WORDS,
      run: async (input: Uint8Array) => {
        const given = { params: {}, query: {}, body: route.body === undefined ? undefined : {} };
        const ask = (status: number): Promise<Outcome> => {
          const fetch = async () => new Response(new Uint8Array(input), { status });
          const codes = ['client/refused', 'client/bad-answer'];
          const service = { baseUrl: 'http://hub.example', fetch };
          return judgeAsync(
            [[ClientError, codes]],
            () => call<Route>(service, route, given as never),
            () => expect(status === 200, 'false-accept', 'A failure passes as an answer.'),
          );
        };
        const failure = await ask(404);
        const answer = await ask(200);
        return { ...answer, note: `${answer.note} ${failure.note}` };
      },
    }),
  );
}

/** Status, headers and asked range of a store's answer as JSON. */
export const blobTarget: Target = {
  name: 'host.fetchBlob',
  covers: ['host/fetchBlob'],
  form: 'json',
  seeds: texts(
    '{"headers":{"content-length":"10","content-range":"bytes 5-14/100"},"range":{"end":15,"start":5},"status":206}',
    '{"headers":{"content-length":"3"},"status":200}',
    '{"headers":{"content-length":"95","content-range":"bytes 5-99/100"},"range":{"start":5},"status":206}',
  ),
  words: ['bytes 0-0/1', '"content-range"', '206', '416', '"*"', '999999999999999'],
  run: async (input) => {
    const shape = z.object({
      status: z.int().min(200).max(599),
      headers: z.record(z.string(), z.string()).default({}),
      range: z.object({ start: z.number(), end: z.number().optional() }).optional(),
    });
    let response: Response;
    let range: { start: number; end?: number } | undefined;
    try {
      const { status, headers, range: asked } = shape.parse(JSON.parse(utf8Decode(input)));
      range = asked && { start: asked.start, ...(asked.end === undefined ? {} : { end: asked.end }) };
      response = new Response(status === 204 || status === 304 || status === 205 ? null : 'body', {
        status,
        headers,
      });
    } catch {
      return { accepted: false, note: 'no answer' };
    }
    const codes = ['blob/missing', 'blob/forbidden', 'blob/bad-range', 'blob/failed', 'blob/exists'];
    return judgeAsync(
      [[Refusal, codes]],
      () => fetchBlob('http://store.example/x', { fetch: async () => response, range }),
      ({ length, size }) => {
        const wanted = range === undefined ? size : Math.min(range.end ?? size, size) - range.start;
        expect(length === wanted && length >= 0, 'false-accept', 'The answer is not what was asked for.');
      },
    );
  },
};
