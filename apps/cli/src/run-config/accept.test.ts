// Entries for hardware from policy files: taken whole or refused with the file's name, and held against a contract.
import { type Entry, parsePolicy } from '@sealroom/attest';
import type { ContractReview } from '@sealroom/client';
import { BAD_JSON } from '@sealroom/testkit/bad-json';
import { snpPlatform, snpVendor, tdxPlatform } from '@sealroom/testkit/hardware';
import { gpuDemand } from '@sealroom/testkit/devices';
import { FakeIntel, tdBody } from '@sealroom/testkit/vendors/intel';
import { beforeAll, describe, expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';
import { inputOf } from '../input.ts';
import { acceptedIn, heldToPolicy } from './accept.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
let snp: Entry;
let tdx: Entry;

beforeAll(async () => {
  snp = (await snpPlatform(await snpVendor(NOW))).entry;
  tdx = (await tdxPlatform(await FakeIntel.create(NOW))).entry;
});

const policyOf = (accept: readonly object[], more: object = {}) =>
  JSON.stringify({ v: 1, binding: 'room', accept, ...more });

async function taken(...policies: readonly string[]) {
  const folder = await temporaryFolder();
  const accept: string[] = [];
  for (const [at, policy] of policies.entries()) accept.push(await fileIn(folder, `p${at}.json`, policy));
  return acceptedIn(inputOf([], { accept }));
}
const refusal = async (policy: string) =>
  taken(policy).then(
    () => 'taken',
    (error: { code?: string; message: string }) => {
      expect(error.message).toContain('p0.json');
      return error.code;
    },
  );

test('entries of several files are taken, each once, and without files there are none', async () => {
  expect(await acceptedIn(inputOf([], { accept: [] }))).toBeUndefined();
  expect(await taken(policyOf([snp]), policyOf([tdx, snp]))).toEqual([snp, tdx]);
  const exact = { binding: { reportData: '00'.repeat(64) }, distrust: [] };
  expect(await taken(policyOf([snp], exact))).toEqual([snp]);
});

test('what `attest policy` writes can be put into a contract as it is', async () => {
  const folder = await temporaryFolder();
  const intel = await FakeIntel.create(NOW);
  const evidence = await fileIn(folder, 'quote.bin', await intel.quote(4, tdBody()));
  const made = await sealroom(['attest', 'policy', evidence, '--json'], { now: NOW });
  expect(await taken(JSON.stringify(made.json))).toEqual(parsePolicy(JSON.stringify(made.json)).accept);
});

describe('a file is refused', () => {
  test.each(BAD_JSON)('with %s', async (_, body) => {
    expect(await refusal(typeof body === 'string' ? body : new TextDecoder().decode(body))).toBe(
      'cli/bad-file',
    );
  });

  test('that accepts nothing, or names what no room can prove itself by', async () => {
    const chain = { technology: 'tpm', only: 'chain', vendors: ['google-tpm'], revocation: 'required' };
    const { count: _, ...gpu } = gpuDemand(1);
    const simulated = { technology: 'simulated', keys: [], launch: [], hostData: 'manifest' };
    const policies = [[], [gpu], [snp, gpu], [simulated], [snp, simulated]].map((accept) => policyOf(accept));
    for (const policy of [...policies, policyOf([chain], { binding: 'none' })]) {
      // They are policies, and good for other things.
      expect(parsePolicy(policy).v).toBe(1);
      expect(await refusal(policy)).toBe('cli/bad-file');
    }
  });

  test('that lacks what an entry must say, says something unknown, or is an entry without its policy', async () => {
    const { launch: _, ...noCode } = snp as Entry & { launch: unknown };
    const { minimumTcb: __, ...noFloor } = snp as Entry & { minimumTcb: unknown };
    const { platforms: ___, ...noPlatforms } = snp as Entry & { platforms: unknown };
    const { revocation: ____, ...noRevocation } = snp as Entry & { revocation: unknown };
    for (const entry of [noCode, noFloor, noPlatforms, noRevocation, { ...snp, more: true }, {}])
      expect(await refusal(policyOf([entry]))).toBe('cli/bad-file');
    for (const entry of [
      { ...snp, launch: ['00'] },
      { ...snp, runBinding: 'software' },
      { ...snp, technology: 'sev' },
    ])
      expect(await refusal(policyOf([entry]))).toBe('cli/bad-file');
    for (const policy of [JSON.stringify(snp), JSON.stringify([snp]), policyOf([snp], { v: 2 })])
      expect(await refusal(policy)).toBe('cli/bad-file');
  });

  test('that distrusts platforms, which a contract cannot say', async () => {
    expect(await refusal(policyOf([snp], { distrust: ['sev-snp:chip:00'] }))).toBe('cli/bad-file');
  });

  test('that is not there, or with more entries than a contract takes', async () => {
    await expect(acceptedIn(inputOf([], { accept: ['/nowhere/policy.json'] }))).rejects.toMatchObject({
      code: 'cli/no-file',
    });
    const many = (count: number) =>
      policyOf(Array.from({ length: count }, (_, at) => ({ ...snp, minimumGuestSvn: at })));
    expect(await taken(many(16))).toHaveLength(16);
    await expect(taken(many(17))).rejects.toMatchObject({ code: 'cli/usage' });
  });
});

test('a contract that accepts an entry which the reader’s policy does not have may not be signed, whatever the order', () => {
  const problems = (accept: readonly Entry[], own: readonly Entry[] | undefined) => {
    const review = { contract: { room: { accept } }, problems: ['another'] } as unknown as ContractReview;
    return heldToPolicy(review, own).problems.slice(1);
  };
  expect(problems([snp], undefined)).toEqual([]);
  expect(problems([snp, tdx], [tdx, snp])).toEqual([]);
  expect(problems([snp], [tdx, snp])).toEqual([]);
  const weaker = { ...snp, platforms: { any: 'accepted' } } as Entry;
  expect(problems([weaker, tdx], [tdx, snp])).toEqual([expect.stringContaining('sev-snp')]);
  expect(problems([tdx], [])).toEqual([expect.stringContaining('tdx')]);
});
