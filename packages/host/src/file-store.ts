// The built-in blob store: files on disk behind signed URLs, `/files/{container}/{path…}?se=<unix seconds>&sp=<r|w|rw>&sig=…`
// with sig = base64url(HMAC-SHA256(secret, text below)). A file is written once: a second upload is accepted only when
// it is the same bytes. Not here: listing, deleting, quotas.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '@sealroom/bytes';
import { Hono } from 'hono';
import { blobPathParts } from './blob-path.ts';
import { digestField } from './blobs.ts';
import { ensureDirectory, syncDirectory } from './files.ts';
import { allowTime, type App, type AppContext, type AppEnv } from './http.ts';
import { codeOf, refusal } from './problem.ts';

export type Permissions = 'r' | 'w' | 'rw';

export type FileStoreOptions = {
  readonly directory: string;
  /** At least 32 bytes. */
  readonly secret: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The most bytes of one file; 1 TiB when left out. */
  readonly maxBytes?: number;
};

const CONTAINER = /^[a-z0-9](?:[a-z0-9-]{1,61})[a-z0-9]$/;
const MAX_BYTES = 2 ** 40;
const CHUNK_BYTES = 1024 * 1024;
const STALL_MS = 60_000;

function checkContainer(container: string): string {
  if (CONTAINER.test(container)) return container;
  throw refusal('blob/bad-path', 'A container’s name is 3 to 63 lower-case letters, digits and hyphens.');
}

function signature(secret: Uint8Array, container: string, expires: string, permissions: string): Buffer {
  const text = `sealroom/file-store/v1\n${container}\n${expires}\n${permissions}`;
  return createHmac('sha256', secret).update(text).digest();
}

/** The URL by which a container can be read or written until `expires` (seconds since 1970). @throws blob/bad-path. */
export function signContainerUrl(options: {
  readonly baseUrl: string;
  readonly container: string;
  readonly secret: Uint8Array;
  readonly expires: number;
  readonly permissions: Permissions;
}): string {
  const { baseUrl, secret, permissions } = options;
  const container = checkContainer(options.container);
  const expires = String(Math.floor(options.expires));
  const url = new URL(`/files/${container}`, baseUrl);
  url.searchParams.set('se', expires);
  url.searchParams.set('sp', permissions);
  url.searchParams.set('sig', signature(secret, container, expires, permissions).toString('base64url'));
  return url.href;
}

type Target = { readonly folder: string; readonly parts: readonly string[] };

/** What the URL names, if its signature allows `right`. Signature first: nothing else is told to strangers. */
function authorise(c: AppContext, right: 'r' | 'w', { directory, secret, now }: FileStoreOptions): Target {
  const url = new URL(c.req.url);
  const [container = '', ...encoded] = url.pathname.slice(url.pathname.indexOf('/files/') + 7).split('/');
  const values = ['se', 'sp', 'sig'].map((name) => url.searchParams.getAll(name));
  const [expires = '', permissions = '', given = ''] = values.map((all) => (all.length === 1 ? all[0] : ''));
  const wanted = signature(secret, container, expires, permissions);
  const found = Buffer.from(given, 'base64url');
  if (
    found.length !== wanted.length ||
    !timingSafeEqual(found, wanted) ||
    found.toString('base64url') !== given
  ) {
    throw refusal('blob/forbidden', 'The signature of the URL is not right; ask for a new URL.');
  }
  if (!/^\d{1,12}$/.test(expires) || Number(expires) * 1000 <= now()) {
    throw refusal('blob/expired', 'The URL has expired; ask for a new one.');
  }
  if (!permissions.includes(right)) {
    throw refusal('blob/forbidden', `The URL does not allow to ${right === 'r' ? 'read' : 'write'}.`);
  }
  let path: string;
  try {
    path = encoded.map((part) => checkPart(decodeURIComponent(part))).join('/');
  } catch {
    throw refusal('blob/bad-path', 'The path in the URL is not well encoded.');
  }
  return { folder: join(directory, checkContainer(container)), parts: blobPathParts(path) };
}

function checkPart(part: string): string {
  if (part.includes('/')) throw new TypeError('an encoded slash');
  return part;
}

/** Opens a file below the folder, through no symbolic link. @throws blob/missing. */
async function openFile({ folder, parts }: Target): Promise<{ handle: FileHandle; size: number }> {
  const missing = () => refusal('blob/missing', 'There is no such blob.');
  let path = folder;
  let handle: FileHandle | undefined;
  try {
    for (const part of parts.slice(0, -1)) {
      path = join(path, part);
      if (!(await lstat(path)).isDirectory()) throw missing();
    }
    path = join(path, parts.at(-1) ?? '');
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = await handle.stat();
    if (found.isFile()) return { handle, size: found.size };
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (!['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'ENXIO'].includes(code)) throw error;
  }
  await handle?.close();
  throw missing();
}

type Range = { readonly start: number; readonly end: number };

/** One byte range (RFC 9110 section 14); others are ignored, as the RFC allows. @throws blob/bad-range. */
function rangeOf(header: string | undefined, size: number): Range | undefined {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '');
  if (found === null) return undefined;
  const [, first = '', last = ''] = found;
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start >= size || end <= start) {
    const details = { size };
    throw refusal('blob/bad-range', 'The range lies outside the blob.', { details });
  }
  return { start, end };
}

function streamFile(handle: FileHandle, { start, end }: Range): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const wanted = Math.min(CHUNK_BYTES, end - at);
        const { bytesRead, buffer } = await handle.read(new Uint8Array(wanted), 0, wanted, at);
        at += bytesRead;
        if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
        if (at < end && bytesRead > 0) return;
        await handle.close();
        if (at < end) controller.error(refusal('blob/length', 'The file ended early.'));
        else controller.close();
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 1 },
  );
}

async function digestOf(handle: FileHandle): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const part of handle.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES }))
    hash.update(part);
  return `sha256:${hash.digest('hex')}`;
}

async function readBlob(c: AppContext, options: FileStoreOptions): Promise<Response> {
  const target = authorise(c, 'r', options);
  const { handle, size } = await openFile(target);
  try {
    const range = rangeOf(c.req.header('range'), size);
    const { start, end } = range ?? { start: 0, end: size };
    const headers: Record<string, string> = {
      'content-type': 'application/octet-stream',
      'content-length': String(end - start),
      'accept-ranges': 'bytes',
      ...(range === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    };
    const status = range === undefined ? 200 : 206;
    if (c.req.method === 'HEAD' || end === start) {
      // RFC 9530: who uploads asks whether what lies here is what it has.
      if (c.req.method === 'HEAD' && /\bsha-256\b/.test(c.req.header('want-repr-digest') ?? '')) {
        allowTime(c, Number.POSITIVE_INFINITY);
        headers['repr-digest'] = digestField(await digestOf(handle));
      }
      await handle.close();
      return new Response(null, { status, headers });
    }
    return new Response(streamFile(handle, { start, end }), { status, headers });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function nextPart(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(refusal('http/timeout', 'The upload stands still.')), STALL_MS);
  try {
    const { value } = await Promise.race([reader.read(), late.promise]);
    return value;
  } finally {
    clearTimeout(timer);
  }
}

type Written = { readonly size: number; readonly digest: Digest };

/** Writes a request's body to a new file, durably. @throws http/too-large, blob/length, http/timeout. */
async function receive(c: AppContext, path: string, maxBytes: number): Promise<Written> {
  const header = c.req.header('content-length');
  const declared = header === undefined ? undefined : Number(header);
  const tooLarge = () => refusal('http/too-large', `A blob may have ${maxBytes} bytes at most.`);
  if (declared !== undefined && declared > maxBytes) throw tooLarge();
  if (c.req.header('content-range') !== undefined) {
    throw refusal('http/bad-request', 'A blob is uploaded whole; leave Content-Range out.');
  }
  const handle = await open(path, 'wx', 0o600);
  const reader = (c.req.raw.body as ReadableStream<Uint8Array> | null)?.getReader();
  try {
    const hash = createHash('sha256');
    let size = 0;
    for (;;) {
      const part = reader === undefined ? undefined : await nextPart(reader);
      if (part === undefined) break;
      size += part.length;
      if (size > maxBytes) throw tooLarge();
      hash.update(part);
      await handle.writeFile(part);
    }
    if (declared !== undefined && declared !== size) {
      throw refusal(
        'blob/length',
        'The upload has another length than its Content-Length says; send it again.',
      );
    }
    await handle.sync();
    return { size, digest: `sha256:${hash.digest('hex')}` };
  } catch (error) {
    await reader?.cancel().catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

async function makeParents({ folder, parts }: Target): Promise<string> {
  let path = folder;
  for (const part of ['', ...parts.slice(0, -1)]) {
    path = part === '' ? path : join(path, part);
    try {
      await mkdir(path, { mode: 0o700 });
      await syncDirectory(join(path, '..'));
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      if (!(await lstat(path)).isDirectory()) {
        throw refusal('blob/exists', 'A part of the path is a blob already; choose another path.');
      }
    }
  }
  return path;
}

async function isSame(target: Target, written: Written): Promise<boolean> {
  const { handle, size } = await openFile(target);
  try {
    if (size !== written.size) return false;
    return (await digestOf(handle)) === written.digest;
  } finally {
    await handle.close();
  }
}

/** Gives the uploaded file its name. @returns whether it is new. @throws blob/exists for another content of that name. */
async function place(temporary: string, target: Target, written: Written): Promise<boolean> {
  const parent = await makeParents(target);
  try {
    await link(temporary, join(parent, target.parts.at(-1) ?? ''));
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    const same = await isSame(target, written).catch((cause: unknown) => {
      if (codeOf(cause) === 'blob/missing') return false;
      throw cause;
    });
    if (same) return false;
    throw refusal('blob/exists', 'There is another blob of that name; blobs are never overwritten.');
  }
  await syncDirectory(parent);
  return true;
}

async function writeBlob(c: AppContext, options: FileStoreOptions): Promise<Response> {
  const target = authorise(c, 'w', options);
  allowTime(c, Number.POSITIVE_INFINITY);
  // Beside the containers: no container can have this name.
  const uploads = join(options.directory, '.uploads');
  await ensureDirectory(uploads, 0o700);
  const temporary = join(uploads, randomBytes(16).toString('hex'));
  try {
    const written = await receive(c, temporary, options.maxBytes ?? MAX_BYTES);
    const created = await place(temporary, target, written);
    return c.json(written, created ? 201 : 200);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The store's routes, to be mounted at the root of a `serverApp`: `app.route('/', fileStoreRoutes(…))`. */
export function fileStoreRoutes(options: FileStoreOptions): App {
  if (options.secret.length < 32)
    throw refusal('config/invalid', 'The file store’s secret has 32 bytes or more.');
  const app: App = new Hono<AppEnv>();
  app.get('/files/*', (c) => readBlob(c, options));
  app.put('/files/*', (c) => writeBlob(c, options));
  return app;
}
