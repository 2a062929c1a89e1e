// Blobs in a container that is reached by a signed URL: Azure Blob Storage (SAS) or the built-in file store. Reading is
// plain HTTPS with Range for both. Not here: which URLs may be used (store-url.ts), what the bytes mean.
import { createHash } from 'node:crypto';
import { type Bytes, type Digest, digestBytes } from '@sealroom/bytes';
import { containerUrl } from './blob-path.ts';
import { putAzureBlob } from './blobs-azure.ts';
import { refusal } from './problem.ts';
import { tlsFetch } from './tls-fetch.ts';

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;
export type BlobBody = Uint8Array | AsyncIterable<Uint8Array>;

/** Bytes from `start` up to, not including, `end` (or the blob's end). */
export type ByteRange = { readonly start: number; readonly end?: number };

export type BlobContent = {
  readonly body: ReadableStream<Uint8Array>;
  /** Bytes in `body`. */
  readonly length: number;
  /** Bytes in the whole blob. */
  readonly size: number;
};

export type PutOptions = {
  /** Told how many bytes have been sent, now and then. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

export type BlobStore = {
  /** Uploads a blob; the same bytes again are accepted where the store can tell. @throws blob/exists, blob/forbidden. */
  put(path: string, body: BlobBody, options?: PutOptions): Promise<void>;
  /** @throws blob/missing, blob/forbidden, blob/bad-range, blob/failed. */
  get(path: string, range?: ByteRange): Promise<BlobContent>;
  /**
   * Whether the store holds exactly these bytes. A store that hashes its blobs is asked (RFC 9530); of another one the blob
   * is fetched. Needs a URL that can read. @throws blob/forbidden, blob/failed.
   */
  holds(path: string, wanted: { readonly size: number; readonly digest: Digest }): Promise<boolean>;
  /** The size of a blob, or undefined when there is none. @throws blob/forbidden, blob/failed. */
  head(path: string): Promise<{ readonly size: number } | undefined>;
};

const STORE_TIMEOUT_MS = 120_000;

async function failed(response: Response): Promise<never> {
  await response.body?.cancel();
  const { status } = response;
  if (status === 404) throw refusal('blob/missing', 'The store has no such blob.');
  if (status === 401 || status === 403) {
    throw refusal('blob/forbidden', 'The store refuses; the URL may have expired or lack a permission.');
  }
  if (status === 409 || status === 412)
    throw refusal('blob/exists', 'The store has another blob of that name.');
  if (status === 416) throw refusal('blob/bad-range', 'The range lies outside the blob.');
  throw refusal('blob/failed', `The store answers with status ${status}; try again later.`);
}

function numberOf(header: string | null): number {
  return header !== null && /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
}

const unclear = () =>
  refusal('blob/failed', 'The store’s answer does not say what it holds, or holds something else.');

function content(response: Response, range: ByteRange | undefined): BlobContent {
  const length = numberOf(response.headers.get('content-length'));
  const body = response.body ?? new ReadableStream<Uint8Array>({ start: (sink) => sink.close() });
  if (Number.isNaN(length)) throw unclear();
  if (range === undefined) {
    if (response.status !== 200) throw unclear();
    return { body, length, size: length };
  }
  const found = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(response.headers.get('content-range') ?? '');
  const [start, last, size] = (found ?? []).slice(1).map(Number);
  if (response.status !== 206 || start === undefined || last === undefined || size === undefined)
    throw unclear();
  const end = Math.min(range.end ?? size, size);
  if (start !== range.start || last + 1 !== end || length !== end - start) throw unclear();
  return { body, length, size };
}

/**
 * Reads a blob, or one range of it, by its own signed URL. The answer must be exactly what was asked for.
 * @throws blob/missing, blob/forbidden, blob/bad-range, blob/failed, and what `fetch` throws.
 */
export async function fetchBlob(
  url: string | URL,
  options: {
    readonly fetch: Fetch;
    readonly range?: ByteRange | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<BlobContent> {
  const { range, signal } = options;
  const headers: Record<string, string> = {};
  if (range !== undefined) {
    const { start, end } = range;
    const whole =
      Number.isSafeInteger(start) && start >= 0 && (end === undefined || Number.isSafeInteger(end));
    if (!whole || (end !== undefined && end <= start)) {
      throw refusal('blob/bad-range', 'A range has whole numbers and at least one byte.');
    }
    headers['range'] = `bytes=${start}-${end === undefined ? '' : end - 1}`;
  }
  const response = await options.fetch(url, { headers, ...(signal === undefined ? {} : { signal }) });
  if (!response.ok) return failed(response);
  try {
    return content(response, range);
  } catch (error) {
    await response.body?.cancel();
    throw error;
  }
}

async function* counted(body: AsyncIterable<Uint8Array>, onProgress: (bytes: number) => void) {
  let sent = 0;
  for await (const part of body) {
    yield part;
    sent += part.length;
    onProgress(sent);
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1024 * 1024) yield bytes.subarray(at, at + 1024 * 1024);
}

async function putFile(fetch: Fetch, url: URL, body: BlobBody, options: PutOptions): Promise<void> {
  const known = body instanceof Uint8Array ? { 'content-length': String(body.length) } : {};
  const source = body instanceof Uint8Array ? pieces(body) : body;
  const { onProgress = () => {}, signal } = options;
  // An asynchronous iterable is a body to Node's fetch and to ours; the type of the web platform's lags behind.
  const sent = counted(source, onProgress) as unknown as BodyInit;
  const init = { method: 'PUT', body: sent, duplex: 'half', headers: known, ...(signal ? { signal } : {}) };
  const response = await fetch(url, init as RequestInit);
  if (!response.ok) await failed(response);
  await response.body?.cancel();
}

/** Whether a container's URL is an Azure shared access signature. */
export function isAzureUrl(url: string | URL): boolean {
  const query = new URL(url).searchParams;
  return query.has('sv') && query.has('sig');
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<Bytes> {
  return new Uint8Array(await new Response(body).arrayBuffer());
}

async function digestOf({ body }: BlobContent): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const part of body) hash.update(part);
  return `sha256:${hash.digest('hex')}`;
}

/** RFC 9530: `Repr-Digest: sha-256=:base64:`. */
export function digestField(digest: Digest): string {
  return `sha-256=:${Buffer.from(digestBytes(digest)).toString('base64')}:`;
}

async function holdsBlob(fetch: Fetch, url: URL, wanted: { size: number; digest: Digest }): Promise<boolean> {
  const response = await fetch(url, { method: 'HEAD', headers: { 'want-repr-digest': 'sha-256=10' } });
  await response.body?.cancel();
  if (response.status === 404) return false;
  if (!response.ok) return failed(response);
  if (numberOf(response.headers.get('content-length')) !== wanted.size) return false;
  const said = response.headers.get('repr-digest');
  if (said !== null) return said === digestField(wanted.digest);
  const content = await fetchBlob(url, { fetch });
  return (await digestOf(content)) === wanted.digest;
}

/**
 * A container behind a signed URL. Azure's is written through its SDK, the file store by plain PUT. The URL must have been
 * judged already (`checkStoreUrl`); `fetch` decides whom this process talks to when reading.
 */
export function openContainer(
  url: string | URL,
  { fetch = tlsFetch({ timeoutMs: STORE_TIMEOUT_MS }) }: { readonly fetch?: Fetch } = {},
): BlobStore {
  const get = (path: string, range?: ByteRange) => fetchBlob(containerUrl(url, path), { fetch, range });
  const isThere = async (path: string, bytes: Uint8Array): Promise<boolean> => {
    const found = await get(path);
    if (found.size === bytes.length) return Buffer.compare(await readAll(found.body), bytes) === 0;
    await found.body.cancel();
    return false;
  };
  const putAzure = async (path: string, body: BlobBody, options: PutOptions): Promise<void> => {
    if ((await putAzureBlob(url, path, body, options)) === 'stored') return;
    // Azure says only that the name is taken; bytes at hand can be compared.
    if (body instanceof Uint8Array && (await isThere(path, body))) return;
    throw refusal('blob/exists', 'The store has another blob of that name.');
  };
  return {
    get,
    holds: (path, wanted) => holdsBlob(fetch, containerUrl(url, path), wanted),
    put: async (path, body, options = {}) =>
      isAzureUrl(url)
        ? putAzure(path, body, options)
        : putFile(fetch, containerUrl(url, path), body, options),
    head: async (path) => {
      const response = await fetch(containerUrl(url, path), { method: 'HEAD' });
      await response.body?.cancel();
      if (response.status === 404) return undefined;
      if (!response.ok) return failed(response);
      const size = numberOf(response.headers.get('content-length'));
      if (Number.isNaN(size)) throw unclear();
      return { size };
    },
  };
}
