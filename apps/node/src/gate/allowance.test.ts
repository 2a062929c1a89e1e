import { expect, test } from 'vitest';
import { allowanceOf, type RunTerms } from './allowance.ts';

const digest = `sha256:${'1'.repeat(64)}` as const;
const terms: RunTerms = {
  work: {
    statements: [{ cose: 'x'.repeat(1000), index: 0 }],
    assets: [
      { digest, kind: 'dataset', url: 'https://one.blob.example/data?se=1&sig=x' },
      { digest, kind: 'algorithm', url: 'https://store.inside:8443/code' },
    ],
  },
  contracts: [
    {
      output: { maxBytes: 65_536 },
      vaults: [{ url: 'https://vault.example:8445' }, { url: 'https://vault.inside' }],
      datasets: [{ access: 'staged' }],
    },
  ],
  files: 3,
  hubUrl: 'https://hub.inside:8444',
  storeOrigins: ['https://*.blob.example', 'https://store.inside:8443'],
  privateHosts: ['vault.inside'],
};

test('a room may reach its hub, its contract’s vaults and the stores of its run, each at one port', () => {
  expect([...allowanceOf(terms).destinations.keys()].toSorted()).toEqual([
    'hub.inside:8444',
    'one.blob.example:443',
    'store.inside:8443',
    'vault.example:8445',
    'vault.inside:443',
  ]);
});

test.each([
  ['hub.inside:8444', '10.1.2.3', true, 'the node’s own configuration names it'],
  ['vault.inside:443', '10.1.2.3', true, 'the operator lists its host'],
  ['store.inside:8443', '10.1.2.3', true, 'the store is listed by its whole name'],
  ['vault.example:8445', '203.0.114.1', true, 'it is of the open internet'],
  ['vault.example:8445', '10.1.2.3', false, 'a contract may not point a node into its own network'],
  ['vault.example:8445', '127.0.0.1', false, 'nor at its loopback'],
  ['vault.example:8445', '169.254.169.254', false, 'nor at the metadata of its cloud'],
  ['vault.example:8445', '::ffff:127.0.0.1', false, 'nor at a mapped address'],
  ['one.blob.example:443', '10.1.2.3', false, 'a zone leads to public addresses only'],
])('%s at %s: %s, for %s', (name, address, allowed) => {
  expect(allowanceOf(terms).destinations.get(name)?.allows(address)).toBe(allowed);
});

test('a vault at the hub’s host may be inside, for the operator runs that host’s services', () => {
  const contract = { ...terms.contracts[0], vaults: [{ url: 'https://127.0.0.1:9001' }] };
  const found = allowanceOf({
    ...terms,
    contracts: [contract as RunTerms['contracts'][number]],
    hubUrl: 'https://127.0.0.1:9000',
  });
  expect(found.destinations.get('127.0.0.1:9001')?.allows('127.0.0.1')).toBe(true);
});

test('the cap follows the least output that a contract allows, and grows with its work, not with what comes in', () => {
  const { outboundBytes, outboundBytesPerMiB } = allowanceOf(terms);
  expect(outboundBytes).toBeGreaterThan((6 * 65_536 * 4) / 3);
  expect(outboundBytes).toBeLessThan(1280 * 1024);
  expect(outboundBytesPerMiB).toBe(0);
  const [first] = terms.contracts;
  const less = { ...first, output: { maxBytes: 1000 } } as RunTerms['contracts'][number];
  const narrow = allowanceOf({ ...terms, contracts: [...terms.contracts, { ...less, vaults: [] }] });
  expect(narrow.outboundBytes).toBeLessThan(outboundBytes);
  expect(allowanceOf({ ...terms, files: 1000 }).outboundBytes).toBeGreaterThan(outboundBytes);
});

test('a streamed data set lets a little out for each mebibyte that comes in', () => {
  const [first] = terms.contracts;
  const streamed = { ...first, datasets: [{ access: 'streamed' }] } as RunTerms['contracts'][number];
  const { outboundBytesPerMiB } = allowanceOf({ ...terms, contracts: [streamed] });
  expect(outboundBytesPerMiB).toBeGreaterThan(0);
  expect(outboundBytesPerMiB).toBeLessThan(10_000);
});
