// The short form of test:fuzz: counted and seeded, so that each run tries the same inputs.
import { describe, expect, test } from 'vitest';
import { type Finding, runCampaign } from './engine/campaign.ts';
import { FAMILIES, FAMILY_NAMES, type FamilyName } from './families/index.ts';

const EXECUTIONS: Readonly<Record<FamilyName, number>> = {
  json: 5000,
  cose: 4000,
  seal: 3000,
  tlog: 4000,
  criteria: 4000,
  receipts: 1500,
  attest: 4000,
  host: 3000,
};

/** For machines that are busy with something else: the whole takes ten seconds of processor. */
const TIMEOUT_MS = 600_000;

describe.each(FAMILY_NAMES)('the decoders of the family %s', (name) => {
  test(
    'hold their properties for inputs made from genuine ones',
    async () => {
      const findings: Omit<Finding, 'input'>[] = [];
      const progress = await runCampaign(await FAMILIES[name](), {
        seed: 20_261_122,
        executions: EXECUTIONS[name],
        large: 4096,
        onFinding: ({ input, ...facts }) =>
          findings.push({ ...facts, message: `${facts.message} ${Buffer.from(input).toString('base64')}` }),
      });
      expect(findings).toEqual([]);
      expect(progress.executions).toBe(EXECUTIONS[name]);
      expect(progress.accepted).toBeGreaterThan(0);
      expect(progress.refused).toBeGreaterThan(0);
      for (const [target, count] of Object.entries(progress.targets)) {
        expect(count.executions, target).toBeGreaterThan(0);
        expect(count.refused, target).toBeGreaterThan(0);
        expect(count.accepted, target).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );
});
