// Uploads to Azure Blob Storage by a container's SAS URL, through Azure's SDK, which is loaded when first needed. A blob is
// created, never overwritten, so a SAS with the permission to create is enough.
import { Readable } from 'node:stream';
import { blobPathParts } from './blob-path.ts';
import { refusal } from './problem.ts';

const BLOCK_BYTES = 8 * 1024 * 1024;
const CONCURRENCY = 4;

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
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
    if (body instanceof Uint8Array) {
      await blob.uploadData(body, { ...common, blockSize: BLOCK_BYTES, concurrency: CONCURRENCY });
    } else {
      // A byte stream gives Buffers, which the SDK needs; an object stream would hand on plain Uint8Arrays.
      const source = Readable.from(body, { objectMode: false });
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
