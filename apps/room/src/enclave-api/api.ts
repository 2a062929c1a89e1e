// The Enclave API as the algorithm sees it (protocol.md section 8, and the manual's section 7.3.1): data files, report
// validation, reports and logs. Storage parameters (SASUrl, s3_*) are accepted and ignored: the contract's stores are the
// only ones. A bearer token is not asked for: only the algorithm can reach this server.
import { canonicalJson } from '@sealroom/bytes';
import { type Context, Hono } from 'hono';
import { readRange } from './range.ts';
import { type Messages, readLog, readReport } from './report.ts';
import type { DataFile, EnclaveApiOptions } from './types.ts';

const DEFAULT_LIMITS = { reportBytes: 16 * 1024 * 1024, logBytes: 256 * 1024 };
const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 10_000;
const DRAIN_FACTOR = 8;

function problem(status: number, title: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ type: 'about:blank', title, status }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}

function failed(context: Context, messages: Messages): Response {
  return context.json({ status: 'failed', message: messages }, 400);
}

/** The one value of a query parameter; `invalid` when it is given twice or is not a whole number within bounds. */
function wholeNumber(query: URLSearchParams, name: string, max: number): number | undefined | 'invalid' {
  const values = query.getAll(name);
  if (values.length === 0) return undefined;
  const [value = ''] = values;
  if (values.length > 1 || !/^[1-9][0-9]{0,8}$/.test(value) || Number(value) > max) return 'invalid';
  return Number(value);
}

/**
 * The body in whole, or undefined when it is longer than `limit`. The rest of a body that is too long is read and dropped
 * within reason: many clients look for the answer only after they have sent everything.
 */
async function readBytes(request: Request, limit: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (request.body !== null) {
    for await (const chunk of request.body) {
      length += chunk.byteLength;
      if (length > limit * DRAIN_FACTOR) return undefined;
      if (length <= limit) chunks.push(chunk);
    }
  }
  return length > limit ? undefined : new Uint8Array(Buffer.concat(chunks));
}

function asStream(
  source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): ReadableStream<Uint8Array> {
  if (source instanceof ReadableStream) return source;
  const iterator = source[Symbol.asyncIterator]();
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await iterator.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}

function listFiles(context: Context, files: readonly DataFile[]): Response {
  const query = new URL(context.req.url).searchParams;
  const page = wholeNumber(query, 'page', 1e9);
  const limit = wholeNumber(query, 'limit', MAX_PAGE_SIZE);
  if (page === 'invalid' || limit === 'invalid') {
    return problem(400, `page and limit are whole numbers from 1, limit at most ${MAX_PAGE_SIZE}`);
  }
  const size = limit ?? (page === undefined ? files.length : DEFAULT_PAGE_SIZE);
  const start = ((page ?? 1) - 1) * size;
  const shown = files.slice(start, start + size).map(({ id, name, size: bytes, uploadDate }) => ({
    id,
    name,
    size: bytes,
    uploadDate,
  }));
  return context.json({ files: shown, totalFiles: files.length });
}

async function sendFile(
  context: Context,
  byName: ReadonlyMap<string, DataFile>,
  openFile: EnclaveApiOptions['openFile'],
): Promise<Response> {
  const paths = new URL(context.req.url).searchParams.getAll('filepath');
  const [path] = paths;
  if (paths.length > 1) return problem(400, 'filepath is given more than once');
  if (path === undefined) return problem(400, 'filepath is missing');
  // Names are compared as they are listed, never resolved: "a/../b" is a name that nobody listed.
  const file = byName.get(path);
  if (file === undefined) return problem(404, 'File not found');
  const headers: Record<string, string> = {
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: `"${file.id}"`,
  };
  const condition = context.req.header('if-range');
  const wanted =
    condition === undefined || condition === headers['etag'] ? context.req.header('range') : undefined;
  const range = readRange(wanted, file.size);
  if (range === 'unsatisfiable') {
    return problem(416, 'The range lies outside the file', { 'content-range': `bytes */${file.size}` });
  }
  const length = range === undefined ? file.size : range.end - range.start + 1;
  headers['content-length'] = String(length);
  if (range !== undefined) headers['content-range'] = `bytes ${range.start}-${range.end}/${file.size}`;
  const status = range === undefined ? 200 : 206;
  if (context.req.raw.method === 'HEAD') return new Response(null, { status, headers });
  const opened = await openFile(file.name, range);
  if (opened === undefined) return problem(404, 'File not found');
  return new Response(asStream(opened.stream), { status, headers });
}

/** The routes; {@link serveEnclaveApi} puts them behind TLS. */
export function createEnclaveApi(options: EnclaveApiOptions): Hono {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const byName = new Map(options.files.map((file) => [file.name, file]));
  const app = new Hono();
  let ended = false;
  let turn: Promise<unknown> = Promise.resolve();
  // Two reports at once must not both be the first: one after the other.
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  };

  app.get('/api/v1/data/files', (context) => listFiles(context, options.files));
  app.get('/api/v1/data/file', (context) => sendFile(context, byName, options.openFile));

  app.post('/api/v1/validate', async (context) => {
    const bytes = await readBytes(context.req.raw, limits.reportBytes);
    if (bytes === undefined) return problem(413, 'The report is too long');
    const report = readReport(bytes, options.ids, false);
    if (!report.ok) return failed(context, report.messages);
    const verdict = await options.gateReport(report.value.data, report.value.schema);
    return verdict.ok
      ? context.json({ status: 'successful', message: {} })
      : failed(context, verdict.messages);
  });

  app.post('/api/v1/report', async (context) => {
    const bytes = await readBytes(context.req.raw, limits.reportBytes);
    if (bytes === undefined) return problem(413, 'The report is too long');
    const read = readReport(bytes, options.ids, true);
    if (!read.ok) return failed(context, read.messages);
    const { name, data, status, schema } = read.value;
    return inTurn(async () => {
      const over = problem(409, 'This run has its final report already');
      if (status !== 'Completed') {
        if (status === 'Failed' && ended) return over;
        const message = canonicalJson(data, { fractions: true });
        await options.postLog({ source: 'report', message, status });
        if (status !== 'Failed') return context.json({ message: 'Report posted successfully' });
        await options.failRun({ name, data });
        ended = true;
        return context.json({ message: 'Report posted successfully; the run ends as failed' });
      }
      if (ended) return over;
      const verdict = await options.gateReport(data, schema);
      if (!verdict.ok) return failed(context, verdict.messages);
      const answer = await options.submitReport({ name, data });
      ended = true;
      return answer === 'accepted' ? context.json({ message: 'Report posted successfully' }) : over;
    });
  });

  app.post('/api/v1/log', async (context) => {
    const bytes = await readBytes(context.req.raw, limits.logBytes);
    if (bytes === undefined) return problem(413, 'The log message is too long');
    const log = readLog(bytes);
    if (!log.ok) return failed(context, log.messages);
    await options.postLog({ source: 'log', ...log.value });
    return context.json({ message: 'Log posted successfully' });
  });

  app.notFound(() => problem(404, 'There is nothing at this address'));
  app.onError((cause) => {
    options.onError?.(cause);
    return problem(500, 'The room could not answer');
  });
  return app;
}
