// Which nodes a contract can be for: a contract that could never run is not made, and one that waits for a machine says so.
import type { NodeShape } from '@sealroom/api';
import type { Contract } from '@sealroom/contract';
import { beforeEach, expect, test } from 'vitest';
import type { Context } from '../context.ts';
import { checkNodes, roomsOf, simulatedNodes } from './nodes.ts';

const node = (name: string, change: Partial<NodeShape>): NodeShape =>
  ({ node: name, name, isolation: 'process', simulator: null, hardware: null, ...change }) as NodeShape;
const lab = node('lab', { hardware: 'tdx' });
const cloud = node('cloud', { hardware: 'sev-snp' });
const desk = node('desk', { simulator: 'key' as NonNullable<NodeShape['simulator']> });

let notes: string[];
const context = { note: (text: string) => void notes.push(text) } as unknown as Context;
beforeEach(() => {
  notes = [];
});

function check(
  technologies: readonly string[],
  nodes: readonly NodeShape[],
  references: readonly string[] = [],
) {
  const accept = technologies.map((technology) => ({ technology }));
  const room = { accept, isolation: 'process', maxVcpu: 1, maxMemoryGiB: 1 } as unknown as Contract['room'];
  try {
    checkNodes(context, room, { nodes, references });
    return notes.length === 0 ? 'fits' : notes.join('');
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`;
  }
}

test('a contract for hardware needs no node that is named, and says when none is there yet', () => {
  expect(check(['sev-snp'], [lab, cloud, desk])).toBe('fits');
  expect(check(['sev-snp', 'tdx'], [lab])).toBe('fits');
  const waits = check(['sev-snp'], [lab, desk]);
  expect(waits).toContain('sev-snp');
  expect(waits).toContain('lab: tdx; desk: simulated');
  expect(check(['aws-nitro'], [])).toContain('no node is enrolled');
});

test('a node that is named must be on the hardware that the contract accepts', () => {
  expect(check(['sev-snp'], [lab, cloud], ['cloud'])).toBe('fits');
  for (const wrong of ['lab', 'desk']) {
    const said = check(['sev-snp'], [lab, cloud, desk], ['cloud', wrong]);
    expect(said).toMatch(/^cli\/refused /);
    expect(said).toContain(wrong);
  }
});

test('a node that reaches too little isolation makes no contract, on hardware or not', () => {
  expect(check(['sev-snp'], [{ ...cloud, isolation: 'none' }, lab])).toMatch(/^cli\/refused /);
  expect(check(['simulated'], [{ ...desk, isolation: 'none' }], ['desk'])).toMatch(/^cli\/refused /);
  expect(check(['simulated'], [desk], ['desk'])).toBe('fits');
});

test('a node on hardware starts no simulated rooms for a contract', () => {
  expect(() => simulatedNodes([lab, desk], ['lab'])).toThrow(
    expect.objectContaining({ code: 'cli/refused' }),
  );
  expect(simulatedNodes([lab, desk], ['desk'])).toMatchObject([{ name: 'desk' }]);
  expect([lab, desk, node('idle', {})].map(roomsOf)).toEqual(['tdx', 'simulated', 'none']);
});
