// The outer gate of one room: the only way out of its empty network. It takes HTTP CONNECT on a Unix socket, resolves names
// itself, lets the room reach what its allowance lists, counts what leaves and cuts at the cap. TLS ends in the room, so that
// what passes here is ciphertext; what the room says to a permitted destination is not seen.
import { type FileHandle, chmod, open } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { codeOf, GATE_CODE_HEADER, guardedLookup } from '@sealroom/host';
import type { Allowance, Destination } from './allowance.ts';

export type GateCode =
  | 'gate/bad-request'
  | 'gate/not-allowed'
  | 'gate/refused-address'
  | 'gate/unreachable'
  | 'gate/too-many'
  | 'gate/over-cap';

export type GateRefusal = {
  readonly code: GateCode;
  /** Whom the room asked for, where that is a well-formed name. It is the room's choice. */
  readonly destination: string | undefined;
};

export type Gate = {
  readonly socketPath: string;
  /** Bytes so far. */
  traffic(): { readonly outbound: number; readonly inbound: number };
  /** Whether the room tried to send more than it may. */
  overCap(): boolean;
  close(): Promise<void>;
};

export type GateOptions = {
  readonly allowance: Allowance;
  /** Folder in which the socket is made. */
  readonly folder: string;
  readonly onRefusal: (refusal: GateRefusal) => void;
  /** The room has tried to send more than its cap. Everything is cut already. */
  readonly onOverCap: () => void;
};

const SOCKET_NAME = 'gate.sock';
const MAX_CONNECTIONS = 64;
const CONNECT_MS = 15_000;
const HEAD_BYTES = 4096;
const HEAD_MS = 10_000;
const MIB = 1024 * 1024;
const STATUS: Readonly<Record<GateCode, string>> = {
  'gate/bad-request': '400 Bad Request',
  'gate/not-allowed': '403 Forbidden',
  'gate/refused-address': '403 Forbidden',
  'gate/unreachable': '502 Bad Gateway',
  'gate/too-many': '429 Too Many Requests',
  'gate/over-cap': '403 Forbidden',
};

class Meter {
  readonly #allowance: Allowance;
  outbound = 0;
  inbound = 0;
  over = false;
  constructor(allowance: Allowance) {
    this.#allowance = allowance;
  }
  /** Whether these bytes may leave; they are counted if so. */
  spend(bytes: number): boolean {
    const { outboundBytes, outboundBytesPerMiB } = this.#allowance;
    const cap = outboundBytes + Math.floor(this.inbound / MIB) * outboundBytesPerMiB;
    if (this.over || this.outbound + bytes > cap) this.over = true;
    else this.outbound += bytes;
    return !this.over;
  }
}

function dial({ host, port, allows }: Destination): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  if (isIP(host) !== 0 && !allows(host)) {
    reject(Object.assign(new Error('refused'), { code: 'fetch/refused-address' }));
    return promise;
  }
  const lookup = guardedLookup((address) => allows(address));
  const socket = connect({ host, port, lookup, allowHalfOpen: true, noDelay: true });
  const late = setTimeout(() => socket.destroy(new Error('no answer')), CONNECT_MS);
  socket.once('close', () => clearTimeout(late));
  socket.once('error', reject);
  socket.once('connect', () => {
    clearTimeout(late);
    socket.off('error', reject);
    resolve(socket);
  });
  return promise;
}

/** Joins both ends; `spend` decides about every byte before it leaves. */
function splice(room: Duplex, far: Socket, meter: Meter, overCap: () => void): void {
  const end = (): void => {
    room.destroy();
    far.destroy();
  };
  for (const stream of [room, far]) stream.on('error', end).on('close', end);
  room.on('data', (chunk: Buffer) => {
    if (!meter.spend(chunk.length)) return overCap();
    if (!far.write(chunk)) room.pause();
  });
  far.on('drain', () => room.resume());
  room.on('end', () => far.end());
  far.on('data', (chunk: Buffer) => {
    meter.inbound += chunk.length;
  });
  far.pipe(room);
}

function nameOf(target: string | undefined): string | undefined {
  const found = /^(?:[a-z0-9][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\]):[1-9][0-9]{0,4}$/.exec(target ?? '');
  return found?.[0];
}

/** Opens the gate of one room. */
export async function openGate({ allowance, folder, onRefusal, onOverCap }: GateOptions): Promise<Gate> {
  const meter = new Meter(allowance);
  const streams = new Set<Duplex>();
  const hold = <Stream extends Duplex>(stream: Stream): Stream => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    return stream;
  };
  const refuse = (room: Duplex, code: GateCode, destination: string | undefined): void => {
    onRefusal({ code, destination });
    room.end(`HTTP/1.1 ${STATUS[code]}\r\n${GATE_CODE_HEADER}: ${code}\r\ncontent-length: 0\r\n\r\n`);
  };
  const overCap = (): void => {
    for (const stream of streams) stream.destroy();
    onRefusal({ code: 'gate/over-cap', destination: undefined });
    onOverCap();
  };
  let connections = 0;
  const take = async (request: IncomingMessage, room: Duplex, head: Buffer): Promise<void> => {
    room.on('error', () => room.destroy());
    const name = nameOf(request.url);
    if (name === undefined) return refuse(room, 'gate/bad-request', undefined);
    const destination = allowance.destinations.get(name);
    if (destination === undefined) return refuse(room, 'gate/not-allowed', name);
    if (meter.over) return refuse(room, 'gate/over-cap', name);
    if (connections >= MAX_CONNECTIONS) return refuse(room, 'gate/too-many', name);
    connections++;
    room.once('close', () => connections--);
    try {
      const far = hold(await dial(destination));
      if (room.destroyed) return void far.destroy();
      room.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) room.unshift(head);
      splice(room, far, meter, overCap);
    } catch (error) {
      const closed = codeOf(error) === 'fetch/refused-address';
      refuse(room, closed ? 'gate/refused-address' : 'gate/unreachable', name);
    }
  };
  const server = createServer({ maxHeaderSize: HEAD_BYTES, requestTimeout: HEAD_MS }, (_, response) => {
    onRefusal({ code: 'gate/bad-request', destination: undefined });
    response.writeHead(400, { [GATE_CODE_HEADER]: 'gate/bad-request', connection: 'close' }).end();
  });
  server.on('connect', (request, room, head) => void take(request, hold(room), head));
  server.on('clientError', (_, room) => void room.destroy());
  server.maxConnections = 2 * MAX_CONNECTIONS;
  // A Unix socket's path may be 107 bytes long; through the folder's descriptor any path is short.
  const handle = await open(folder);
  await listen(server, `/proc/self/fd/${handle.fd}/${SOCKET_NAME}`, handle);
  const socketPath = join(folder, SOCKET_NAME);
  await chmod(socketPath, 0o600);
  return {
    socketPath,
    traffic: () => ({ outbound: meter.outbound, inbound: meter.inbound }),
    overCap: () => meter.over,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      for (const stream of streams) stream.destroy();
      await closed;
      await handle.close();
    },
  };
}

async function listen(
  server: ReturnType<typeof createServer>,
  path: string,
  handle: FileHandle,
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } catch (error) {
    await handle.close();
    throw error;
  }
}
