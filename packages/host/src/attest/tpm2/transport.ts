// How commands reach a TPM: the kernel's resource-managed device, which takes one command a write and gives its response to
// one read, or a socket that speaks the same bytes (swtpm).
import { open, stat } from 'node:fs/promises';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { codeOf } from '../../problem.ts';
import { ProviderError } from '../error.ts';

export const TPM_DEVICE = '/dev/tpmrm0';

export type TpmTransport = {
  /** Sends one command and gives back its whole response. @throws ProviderError */
  send(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
};

const LARGEST = 4096;
const HEADER = 10;
const ANSWER_MS = 60_000;

function unavailable(cause: unknown): ProviderError {
  return new ProviderError(
    'provider/unavailable',
    `The TPM cannot be reached (${codeOf(cause) ?? 'unknown'}); the room needs to read and write its device.`,
    { cause },
  );
}

/** @throws provider/unavailable */
async function tpmDevice(path: string): Promise<TpmTransport> {
  const file = await open(path, 'r+').catch((cause: unknown) => {
    throw unavailable(cause);
  });
  return {
    async send(command) {
      try {
        const { bytesWritten } = await file.write(command, 0, command.length, null);
        if (bytesWritten !== command.length) throw new Error('the device took only a part of a command');
        const { buffer, bytesRead } = await file.read(new Uint8Array(LARGEST), 0, LARGEST, null);
        return buffer.subarray(0, bytesRead);
      } catch (cause) {
        throw unavailable(cause);
      }
    },
    close: () => file.close(),
  };
}

function lengthOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(2);
}

/** Collects one response, whose header says its length. */
async function answer(socket: Socket): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  let got = new Uint8Array();
  const onData = (chunk: Uint8Array) => {
    got = new Uint8Array([...got, ...chunk]);
    const length = lengthOf(got);
    if (
      got.length > LARGEST ||
      (length !== undefined && (length > LARGEST || length < HEADER || got.length > length))
    )
      reject(new Error('the TPM answered with another length than it says'));
    else if (got.length === length) resolve(got);
  };
  const onEnd = () => reject(new Error('the TPM closed the connection'));
  const onTime = () => reject(new Error('the TPM did not answer'));
  socket.setTimeout(ANSWER_MS);
  socket.on('data', onData).once('error', reject).once('close', onEnd).once('timeout', onTime);
  try {
    return await promise;
  } finally {
    socket.off('data', onData).off('error', reject).off('close', onEnd).off('timeout', onTime);
  }
}

/** @throws provider/unavailable */
export async function tpmSocket(where: NetConnectOpts): Promise<TpmTransport> {
  const socket = connect(where);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('connect', resolve).once('error', reject);
  await promise.catch((cause: unknown) => {
    throw unavailable(cause);
  });
  socket.off('error', reject).on('error', () => undefined);
  return {
    async send(command) {
      const answered = answer(socket);
      socket.write(command);
      return answered.catch((cause: unknown) => {
        throw unavailable(cause);
      });
    },
    async close() {
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      socket.once('close', done);
      socket.end();
      await closed;
    },
  };
}

/** A device, or a socket of the file system; nothing else is opened, for a command would be written into it. @throws provider/unavailable */
export async function tpmAt(path: string): Promise<TpmTransport> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unavailable(cause);
  });
  if (found.isSocket()) return tpmSocket({ path });
  if (found.isCharacterDevice()) return tpmDevice(path);
  throw new ProviderError(
    'provider/unavailable',
    'What is named as the TPM is neither a device nor a socket; name its device, such as /dev/tpmrm0.',
  );
}
