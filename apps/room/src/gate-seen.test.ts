import type { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { gateSeen } from './gate-seen.ts';

type Interfaces = ReturnType<typeof networkInterfaces>;

const facts = { netmask: '', mac: '', family: 'IPv4', cidr: null } as const;
const loopback: Interfaces = { lo: [{ ...facts, address: '127.0.0.1', internal: true }] };
const outside: Interfaces = { ...loopback, eth0: [{ ...facts, address: '192.0.2.7', internal: false }] };
const socket = '/spool/room/gate';

test('a room behind a gate sees loopback, or nothing', () => {
  expect(gateSeen(socket, loopback)).toBe('gate/closed');
  expect(gateSeen(socket, {})).toBe('gate/closed');
  expect(gateSeen(socket, { lo: undefined })).toBe('gate/closed');
});

test('a node that names a gate and leaves its machine’s network open is told on', () => {
  expect(gateSeen(socket, outside)).toBe('gate/open');
});

test('without a named gate there is none, whatever the network looks like', () => {
  for (const interfaces of [loopback, outside, {}]) expect(gateSeen(undefined, interfaces)).toBe('gate/none');
});
