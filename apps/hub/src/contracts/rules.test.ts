import { expect, it } from 'vitest';
import { configurationStatus } from './rules.ts';

it('goes from Pending over Run Requested to In Progress and back', () => {
  expect(configurationStatus(undefined)).toBe('Pending');
  expect(configurationStatus('Run Requested')).toBe('Run Requested');
  for (const status of ['Run Initiated', 'Runtime Build', 'Workload Launch', 'Run'])
    expect(configurationStatus(status)).toBe('In Progress');
});
