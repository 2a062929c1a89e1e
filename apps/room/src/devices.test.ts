// Which devices a room has its host ask.
import type { Contract } from '@sealroom/contract';
import { gpuDemand } from '@sealroom/testkit/devices';
import { expect, test } from 'vitest';
import { demandedDevices } from './keys.ts';

type Accept = Contract['room']['accept'];

const devices: Accept[number]['devices'] = [gpuDemand(2)];
const simulated: Accept[number] = { technology: 'simulated', keys: [], launch: [], hostData: 'manifest' };

function asked(...accepts: Accept[]) {
  const contracts = accepts.map((accept) => ({ contract: { room: { accept } as Contract['room'] } }));
  return demandedDevices({ contracts, manifest: { technology: 'simulated' } });
}

test('asks for devices as the entry for its own technology says, and for none without one', () => {
  expect(asked([{ ...simulated, devices }])).toBe('nvidia-gpu');
  expect(asked([simulated])).toBeUndefined();
  expect(asked([])).toBeUndefined();
  const other = { technology: 'tdx', devices } as unknown as Accept[number];
  expect(asked([other, simulated])).toBeUndefined();
  expect(asked([other, { ...simulated, devices }])).toBe('nvidia-gpu');
});

test('goes by the first entry where several are for its technology', () => {
  expect(asked([simulated, { ...simulated, devices }])).toBeUndefined();
  expect(asked([{ ...simulated, devices }], [simulated])).toBe('nvidia-gpu');
});
