import type { Digest } from '@sealroom/bytes';
import { describe, expect, it } from 'vitest';
import { GRACE_MS, isLargeEnough, kindsFor, lossOf, statusAfter, WAIT_MS } from './rules.ts';

const launch: Digest = `sha256:${'a'.repeat(64)}`;
const node = {
  simulator: 'key',
  hardware: null,
  launch,
  isolation: 'process',
  maxVcpu: 2,
  maxMemoryGiB: 4,
} as const;

describe('lost runs', () => {
  const start = 1_000_000;
  const taken = { initiatedAt: start, takenAt: start + 5, heardAt: null, maxMinutes: 10 };
  const limit = 10 * 60_000 + GRACE_MS;

  it('waits a day for a node, then ends', () => {
    const waiting = { initiatedAt: start, takenAt: null, heardAt: null, maxMinutes: 1 };
    expect(lossOf(waiting, start + WAIT_MS)).toBeUndefined();
    expect(lossOf(waiting, start + WAIT_MS + 1)).toBe('no node has taken the run');
  });

  it('counts a room as lost when nobody has heard of it within the grace', () => {
    expect(lossOf(taken, start + 5 + GRACE_MS)).toBeUndefined();
    expect(lossOf(taken, start + 5 + GRACE_MS + 1)).toBe('room lost');
  });

  it('counts a room as lost after the contract’s minutes and the grace without another word', () => {
    const heard = { ...taken, heardAt: start + 60_000 };
    expect(lossOf(heard, start + 60_000 + limit)).toBeUndefined();
    expect(lossOf(heard, start + 60_000 + limit + 1)).toBe('room lost');
  });
});

describe('which rooms a node can start', () => {
  it('offers what needs the most isolation first, and nothing above what the node has', () => {
    expect(kindsFor(node).map(({ isolation }) => isolation)).toEqual(['process', 'none']);
    expect(kindsFor({ ...node, isolation: 'none' }).map(({ isolation }) => isolation)).toEqual(['none']);
  });

  it('offers a node with hardware the rooms of its technology, and simulated ones only by its own key', () => {
    const machine = { ...node, simulator: null, hardware: 'sev-snp', isolation: 'none' } as const;
    expect(kindsFor(machine)).toEqual([{ hardware: 'sev-snp', isolation: 'none' }]);
    expect(kindsFor({ ...machine, simulator: 'key' })).toHaveLength(2);
  });

  it('offers a node without a TEE nothing', () => {
    expect(kindsFor({ ...node, simulator: null })).toEqual([]);
  });

  it('compares both processors and memory', () => {
    expect(isLargeEnough(node, { vcpu: 2, memoryGiB: 4 })).toBe(true);
    expect(isLargeEnough(node, { vcpu: 3, memoryGiB: 4 })).toBe(false);
    expect(isLargeEnough(node, { vcpu: 2, memoryGiB: 5 })).toBe(false);
  });
});

it('names every end that a person gives a run as the manual does', () => {
  expect(
    (['run.requested', 'run.rejected', 'run.withdrawn', 'run.cancelled'] as const).map(statusAfter),
  ).toEqual(['Run Requested', 'Run Rejected', 'Run Withdrawn', 'Run Cancelled']);
});
