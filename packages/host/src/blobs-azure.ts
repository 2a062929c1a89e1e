// Uploads to Azure Blob Storage by a container's SAS URL, through Azure's SDK, which is loaded when first needed. A blob is
// created, never overwritten (If-None-Match). A SAS with the permission to create (`c`) is enough for blobs of one block;
// larger ones are sent in blocks, for which Azure asks for the permission to write (`w`) as well.
import { Readable } from 'node:stream';
import { concat } from '@sealroom/bytes';
import { blobPathParts } from './blob-path.ts';
import { refusal } from './problem.ts';

const BLOCK_BYTES = 8 * 1024 * 1024;
const CONCURRENCY = 4;
const IN_BLOCKS = { blockSize: BLOCK_BYTES, maxSingleShotSize: 2 * BLOCK_BYTES, concurrency: CONCURRENCY };

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

type Start = { readonly first: Uint8Array; readonly rest: AsyncIterable<Uint8Array> | undefined };

/** The first block of a stream, and what follows it, if anything does. */
async function startOf(body: AsyncIterable<Uint8Array>): Promise<Start> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const iterator = body[Symbol.asyncIterator]();
  while (length <= BLOCK_BYTES) {
    const next = await iterator.next();
    if (next.done === true) return { first: concat(...parts), rest: undefined };
    parts.push(next.value);
    length += next.value.length;
  }
  return { first: concat(...parts), rest: { [Symbol.asyncIterator]: () => iterator } };
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** Whether the blob was stored, or its name was taken. @throws blob/forbidden, blob/failed, blob/bad-path. */
export async function putAzureBlob(
  container: string | URL,
  path: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: {
    readonly onProgress?: ((bytes: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<'stored' | 'taken'> {
  const name = blobPathParts(path).join('/');
  const { ContainerClient } = await import('@azure/storage-blob');
  const client = new ContainerClient(String(container), undefined, { retryOptions: { maxTries: 4 } });
  const blob = client.getBlockBlobClient(name);
  const common = {
    conditions: { ifNoneMatch: '*' },
    ...(options.signal === undefined ? {} : { abortSignal: options.signal }),
    onProgress: ({ loadedBytes }: { loadedBytes: number }) => options.onProgress?.(loadedBytes),
  };
  try {
    const { first, rest } =
      body instanceof Uint8Array ? { first: body, rest: undefined } : await startOf(body);
    if (rest === undefined) {
      await blob.uploadData(first, { ...common, ...IN_BLOCKS });
    } else {
      // A byte stream gives Buffers, which the SDK needs; an object stream would hand on plain Uint8Arrays.
      const source = Readable.from(joined(first, rest), { objectMode: false });
      await blob.uploadStream(source, BLOCK_BYTES, CONCURRENCY, common);
    }
    return 'stored';
  } catch (cause) {
    const status = statusOf(cause);
    if (status === 409 || status === 412) return 'taken';
    if (status === 401 || status === 403) {
      throw refusal('blob/forbidden', 'The store refuses; the URL may have expired or lack a permission.', {
        cause,
      });
    }
    throw refusal('blob/failed', 'The upload to the store failed; try again.', { cause });
  }
}
