import { expect, test } from 'vitest';
import { checkStoreUrl } from '@sealroom/host';
import { storeOriginsFor } from './stores.ts';

const HUB = 'https://hub.example:8444/';
const now = Date.parse('2026-11-22T10:00:00Z');
const INSIDE = [
  'https://169.254.169.254',
  'https://10.0.0.5',
  'https://files.inside',
  'http://127.0.0.1:8080',
];

test('a hub does not open this machine’s network to its rooms by naming stores inside it', () => {
  const zone = 'https://*.blob.core.windows.net';
  const kept = storeOriginsFor(HUB, ['https://hub.example:8444', zone, ...INSIDE], []);
  expect(kept).toEqual(['https://hub.example:8444', zone]);
  for (const origin of INSIDE.filter((entry) => entry.startsWith('https:'))) {
    const look = () => checkStoreUrl(`${origin}/c?se=1900000000&sp=r`, kept, { now });
    expect(look).toThrow(expect.objectContaining({ code: 'store/not-allowed' }));
  }
});

test('a zone stays, whose names lead to public addresses alone; what is no origin is dropped', () => {
  const zone = 'https://*.blob.example';
  const odd = [
    'https://*',
    'https://*.localhost',
    'http://*.blob.example',
    'https://*.blob.example/x',
    'file:///etc',
  ];
  const kept = storeOriginsFor(HUB, [zone, ...odd], []);
  expect(kept).toEqual([zone]);
});

test('what this node lists itself is used if the hub takes it, too', () => {
  const own = ['https://files.inside'];
  expect(storeOriginsFor(HUB, INSIDE, own)).toEqual(own);
  expect(storeOriginsFor(HUB, [], own)).toEqual([]);
});
