import { expect, it } from 'vitest';
import { isLoopbackHost, isPublicAddress } from './addresses.ts';

it('takes addresses of the open internet only', () => {
  for (const address of ['20.60.1.2', '8.8.8.8', '172.32.0.1', '2603:1030::1', '2a00:1450::1']) {
    expect([address, isPublicAddress(address)]).toEqual([address, true]);
  }
  const special = ['127.0.0.1', '10.1.2.3', '169.254.169.254', '192.168.0.1', '172.31.255.255', '100.64.0.1'];
  const special6 = ['::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', '::ffff:10.0.0.1', '64:ff9b::a00:1'];
  for (const address of [
    ...special,
    ...special6,
    '0.0.0.0',
    '224.0.0.1',
    '2002:a00:1::',
    '2001:db8::1',
    '2606:4700::1%eth0',
    'example',
  ]) {
    expect([address, isPublicAddress(address)]).toEqual([address, false]);
  }
});

it('knows this machine by name and address', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1']) expect(isLoopbackHost(host)).toBe(true);
  for (const host of ['127.example', 'localhost.example', '10.0.0.1'])
    expect(isLoopbackHost(host)).toBe(false);
});
