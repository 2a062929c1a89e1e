import { base64urlDecode, base64urlEncode, type Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { beforeAll, expect, test } from 'vitest';
import { appraiseEvidence, type Evidence, isReason, roomPolicy } from '../index.ts';
import { simulatedEvidence } from './provide.ts';
import type { SimulatedEntry } from './technology.ts';

const launch: Digest = `sha256:${'1'.repeat(64)}`;
const hostData = new Uint8Array(32).fill(2);
const reportData = new Uint8Array(32).fill(3);
const binding = { hostData, reportData };
let node: Signer;
let evidence: Evidence;

const accept = (entry: Partial<SimulatedEntry> = {}): SimulatedEntry[] => [
  { technology: 'simulated', keys: [node.key], launch: [launch], hostData: 'manifest', ...entry },
];

const failures = async (given: Evidence, entries: readonly SimulatedEntry[], bound = binding) => {
  const appraisal = await appraiseEvidence(given, roomPolicy(entries), { binding: bound });
  const failed = appraisal.checks.filter(isReason).map((check) => check.category);
  expect(appraisal.verdict).toBe(failed.length === 0 ? 'affirmed' : 'refused');
  return failed;
};

beforeAll(async () => {
  node = await ed25519Signer(generateSecret());
  evidence = await simulatedEvidence(node, { launch, hostData, reportData, debug: false }, 1_700_000_000);
});

test('affirms what the contract accepts', async () => {
  expect(await failures(evidence, accept())).toEqual([]);
});

test('accepts nothing by default', async () => {
  expect(await failures(evidence, [])).toEqual(['technology']);
  expect(await failures(evidence, accept({ keys: [] }))).toEqual(['platform']);
  expect(await failures(evidence, accept({ launch: [] }))).toEqual(['code']);
});

test('refuses another node’s simulator key', async () => {
  const other = await ed25519Signer(generateSecret());
  expect(await failures(evidence, accept({ keys: [other.key] }))).toEqual(['platform']);
});

test('does not mix one entry’s key with another entry’s launch digest', async () => {
  const other = await ed25519Signer(generateSecret());
  const entries = [...accept({ launch: [`sha256:${'9'.repeat(64)}`] }), ...accept({ keys: [other.key] })];
  expect(await failures(evidence, entries)).toHaveLength(1);
});

test('refuses a debug room, another program, another run and another binding, each by its own check', async () => {
  const report = { launch, hostData, reportData, debug: false };
  const make = (change: Partial<typeof report>) => simulatedEvidence(node, { ...report, ...change }, 1);
  expect(await failures(await make({ debug: true }), accept())).toEqual(['debug']);
  expect(await failures(await make({ launch: `sha256:${'9'.repeat(64)}` }), accept())).toEqual(['code']);
  expect(await failures(await make({ hostData: new Uint8Array(32) }), accept())).toEqual(['run']);
  expect(await failures(await make({ reportData: new Uint8Array(32) }), accept())).toEqual(['binding']);
});

test('tells all reasons at once', async () => {
  const report = { launch, hostData: new Uint8Array(32), reportData: new Uint8Array(32), debug: true };
  expect(await failures(await simulatedEvidence(node, report, 1), accept())).toEqual([
    'debug',
    'binding',
    'run',
  ]);
});

test('refuses evidence in which any byte has changed, and evidence cut short', async () => {
  const body = base64urlDecode(evidence.body);
  for (let at = 0; at < body.length; at++) {
    const changed = body.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    const given: Evidence = { technology: 'simulated', body: base64urlEncode(changed) };
    expect((await failures(given, accept())).length, `byte ${at}`).toBeGreaterThan(0);
  }
  for (let length = 0; length < body.length; length++) {
    const given: Evidence = { technology: 'simulated', body: base64urlEncode(body.slice(0, length)) };
    expect(await failures(given, accept()), `length ${length}`).toEqual(['authentic']);
  }
});
