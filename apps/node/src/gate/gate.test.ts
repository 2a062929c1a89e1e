import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GATE_CODE_HEADER } from '@sealroom/host';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Allowance } from './allowance.ts';
import { type Gate, type GateRefusal, openGate } from './gate.ts';

let folder: string;
let service: Server;
let port: number;
let received = 0;
const gates: Gate[] = [];
let refusals: GateRefusal[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-gate-'));
  service = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.length;
      socket.write(chunk);
    });
    socket.on('end', () => socket.end('end'));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => service.once('listening', resolve));
  port = (service.address() as AddressInfo).port;
});
afterEach(async () => {
  await Promise.all(gates.splice(0).map((gate) => gate.close()));
  refusals = [];
  received = 0;
});
afterAll(async () => {
  service.close();
  await rm(folder, { recursive: true, force: true });
});

let made = 0;
async function gateTo(
  entries: readonly (readonly [name: string, allowed: boolean])[],
  cap: Partial<Allowance> = {},
  where = '',
): Promise<{ gate: Gate; overCaps: () => number }> {
  const own = join(folder, `${where}${made++}`);
  await mkdir(own, { recursive: true });
  let overCaps = 0;
  const gate = await openGate({
    allowance: {
      destinations: new Map(
        entries.map(([name, allowed]) => {
          const [host = '', at] = name.split(':');
          return [name, { host, port: Number(at), allows: () => allowed }];
        }),
      ),
      outboundBytes: 100_000,
      outboundBytesPerMiB: 0,
      ...cap,
    },
    folder: own,
    onRefusal: (refusal) => refusals.push(refusal),
    onOverCap: () => overCaps++,
  });
  gates.push(gate);
  return { gate, overCaps: () => overCaps };
}

type Opened = { readonly socket: Socket; readonly head: string; readonly text: () => Promise<string> };

/** Says `words` to the gate and waits for the head of its answer. */
function say(gate: Gate, words: string): Promise<Opened> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path: gate.socketPath, allowHalfOpen: true });
    let held = '';
    const closed = new Promise<void>((ended) => socket.once('close', () => ended()));
    socket.on('error', reject);
    socket.on('end', () => socket.end());
    socket.on('data', (chunk) => {
      held += chunk.toString('latin1');
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = held.slice(0, end);
      resolve({
        socket,
        head,
        text: async () => {
          await closed;
          return held.slice(end + 4);
        },
      });
    });
    socket.once('close', () => resolve({ socket, head: '', text: async () => held }));
    socket.write(words);
  });
}

function ask(gate: Gate, name: string): Promise<Opened> {
  return say(gate, `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\n`);
}

function codeIn(head: string): string | undefined {
  return new RegExp(`^${GATE_CODE_HEADER}: (.*)$`, 'm').exec(head)?.[1]?.trim();
}

test('a permitted destination is reached, in both directions, and what passes is counted', async () => {
  const { gate } = await gateTo([[`127.0.0.1:${port}`, true]]);
  const { socket, head, text } = await ask(gate, `127.0.0.1:${port}`);
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  socket.end('x'.repeat(50_000));
  const said = await text();
  expect(said.length).toBe(50_003);
  expect(said.endsWith('end')).toBe(true);
  expect(gate.traffic()).toEqual({ outbound: 50_000, inbound: 50_003 });
  expect(refusals).toEqual([]);
});

test('bytes that come with the question are counted and passed on too', async () => {
  const { gate } = await gateTo([[`127.0.0.1:${port}`, true]]);
  const name = `127.0.0.1:${port}`;
  const { socket, text } = await say(gate, `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\n\r\nearly`);
  socket.end();
  expect(await text()).toBe('earlyend');
  expect(gate.traffic().outbound).toBe(5);
});

test('another host, another port and another spelling are refused without a lookup', async () => {
  const { gate } = await gateTo([[`127.0.0.1:${port}`, true]]);
  for (const name of [`127.0.0.2:${port}`, `127.0.0.1:${port - 1}`, `localhost:${port}`, 'example.com:443']) {
    const { head } = await ask(gate, name);
    expect(codeIn(head)).toBe('gate/not-allowed');
    expect(refusals.at(-1)).toEqual({ code: 'gate/not-allowed', destination: name });
  }
  expect(received).toBe(0);
});

test.each([
  'CONNECT 127.0.0.1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT 127.0.0.1:0 HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT user@127.0.0.1:1 HTTP/1.1\r\nHost: x\r\n\r\n',
  'CONNECT 127.0.0.1:1/%0d%0a HTTP/1.1\r\nHost: x\r\n\r\n',
  `CONNECT ${'a'.repeat(300)}:443 HTTP/1.1\r\nHost: x\r\n\r\n`,
  'GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
])('a malformed question is refused: %j', async (words) => {
  const { gate } = await gateTo([[`127.0.0.1:${port}`, true]]);
  const { head } = await say(gate, words);
  expect(codeIn(head)).toBe('gate/bad-request');
  expect(refusals).toEqual([{ code: 'gate/bad-request', destination: undefined }]);
});

test('what is no HTTP, or a head without end, gets the connection closed', async () => {
  const { gate } = await gateTo([[`127.0.0.1:${port}`, true]]);
  for (const words of ['\x16\x03\x01\x02\x00\x01', `CONNECT a:1 HTTP/1.1\r\nx: ${'y'.repeat(20_000)}`]) {
    const { text } = await say(gate, words);
    await text();
  }
  expect(gate.traffic()).toEqual({ outbound: 0, inbound: 0 });
});

test('a permitted name that leads to an address that is not permitted is refused', async () => {
  const { gate } = await gateTo([
    [`localhost:${port}`, false],
    [`127.0.0.1:${port}`, false],
  ]);
  for (const name of [`localhost:${port}`, `127.0.0.1:${port}`]) {
    const { head } = await ask(gate, name);
    expect(codeIn(head)).toBe('gate/refused-address');
  }
  expect(received).toBe(0);
});

test('a destination that does not listen is unreachable', async () => {
  const { gate } = await gateTo([['127.0.0.1:1', true]]);
  expect(codeIn((await ask(gate, '127.0.0.1:1')).head)).toBe('gate/unreachable');
});

test('what would go past the cap does not leave, everything is cut, and nothing is opened afterwards', async () => {
  const name = `127.0.0.1:${port}`;
  const { gate, overCaps } = await gateTo([[name, true]], { outboundBytes: 10_000 });
  const quiet = await ask(gate, name);
  const loud = await ask(gate, name);
  loud.socket.write('x'.repeat(9000));
  await expect.poll(() => received).toBe(9000);
  loud.socket.write('x'.repeat(2000));
  await loud.text();
  await quiet.text();
  expect(received).toBe(9000);
  expect(gate.traffic().outbound).toBeLessThanOrEqual(10_000);
  expect([gate.overCap(), overCaps()]).toEqual([true, 1]);
  expect(codeIn((await ask(gate, name)).head)).toBe('gate/over-cap');
});

test('the cap is one for all connections together, and nothing that comes in widens it', async () => {
  const name = `127.0.0.1:${port}`;
  const { gate } = await gateTo([[name, true]], { outboundBytes: 10_000 });
  for (let count = 0; count < 3; count++) {
    const { socket, text } = await ask(gate, name);
    socket.end('x'.repeat(4000));
    await text();
  }
  expect(received).toBe(8000);
  expect(gate.overCap()).toBe(true);
});

test('where data is streamed, each whole mebibyte that came in allows a little more', async () => {
  const name = `127.0.0.1:${port}`;
  const { gate } = await gateTo([[name, true]], { outboundBytes: 1_100_000, outboundBytesPerMiB: 50_000 });
  const { socket, text } = await ask(gate, name);
  socket.write('x'.repeat(1_080_000));
  await expect.poll(() => gate.traffic().inbound).toBe(1_080_000);
  socket.end('x'.repeat(60_000));
  await text();
  expect([gate.overCap(), received]).toEqual([false, 1_140_000]);
});

test('a room cannot hold more connections than it needs', async () => {
  const name = `127.0.0.1:${port}`;
  const { gate } = await gateTo([[name, true]]);
  const all = await Promise.all(Array.from({ length: 70 }, () => ask(gate, name)));
  const refused = all.filter(({ head }) => codeIn(head) === 'gate/too-many');
  expect(refused.length).toBe(6);
  for (const { socket } of all) socket.destroy();
  await expect.poll(async () => (await ask(gate, name)).head.includes(' 200 ')).toBe(true);
});

test('its socket is its owner’s alone, whatever the folder’s name is long, and goes with it', async () => {
  const { gate } = await gateTo(
    [[`127.0.0.1:${port}`, true]],
    {},
    `${'long-'.repeat(20)}/${'er-'.repeat(30)}`,
  );
  expect((await stat(gate.socketPath)).mode & 0o777).toBe(0o600);
  await gate.close();
  expect(existsSync(gate.socketPath)).toBe(false);
  gates.splice(0);
});
