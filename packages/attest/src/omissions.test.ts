// A check that is lost, whether in verify or in appraise of a technology, is a reason by itself: nothing passes because nobody looked.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { appraiseEvidence, type Entry, isReason, NO_COLLATERAL, roomPolicy, technologyOf } from './index.ts';
import { type Category, type Check, type Claims, DEVICE_TECHNOLOGIES, ROOM_TECHNOLOGIES } from './types.ts';

const ALL = [...ROOM_TECHNOLOGIES, ...DEVICE_TECHNOLOGIES];
const bound = new Uint8Array(32).fill(1);
const binding = { reportData: bound, hostData: new Uint8Array(32).fill(2) };
afterEach(() => {
  vi.restoreAllMocks();
});

/** Those of which a technology must have made a check; run, binding and platform are made for all alike. */
function wantedOf(name: (typeof ALL)[number]): readonly Category[] {
  return [...new Set<Category>(['authentic', 'code', 'debug', ...technologyOf(name).needs])];
}

/** What keeps evidence from being affirmed whose technology says nothing but this of it. */
async function reasons(name: (typeof ALL)[number], checks: readonly Check[]): Promise<string[]> {
  const technology = technologyOf(name);
  const claims: Claims = {
    technology: name,
    hardware: true,
    debug: false,
    launch: '',
    hostData: undefined,
    reportData: bound,
    platform: `${name}:one`,
    signed: {},
  };
  vi.spyOn(technology, 'parse').mockReturnValue({});
  vi.spyOn(technology, 'verify').mockResolvedValue({ checks: [], claims, used: [] });
  vi.spyOn(technology, 'appraise').mockResolvedValue(checks);
  const entry = { technology: name, platforms: { any: 'accepted' }, runBinding: 'software' };
  const { verdict, checks: told } = await appraiseEvidence(
    { technology: name, body: 'AAAA' },
    { ...roomPolicy([entry as unknown as Entry]), binding: { reportData: '01'.repeat(32) } },
    { binding, context: { at: 0, collateral: NO_COLLATERAL, roots: {} } },
  );
  const found = told.filter(isReason).map(({ id }) => id);
  expect(verdict).toBe(found.length === 0 ? 'affirmed' : 'refused');
  return found;
}

const passing = (categories: readonly Category[]): Check[] =>
  categories.map((category) => ({ id: `made-up/${category}`, category, outcome: 'pass', detail: '' }));

describe.each(ALL)('evidence of %s', (name) => {
  test('is affirmed when a check of each kind was made and passed', async () => {
    expect(await reasons(name, passing(wantedOf(name)))).toEqual([]);
  });

  test('is refused for every kind of check that nobody made', async () => {
    const lost = wantedOf(name).map((category) => `${name}/unchecked/${category}`);
    expect((await reasons(name, [])).toSorted()).toEqual(lost.toSorted());
    for (const category of wantedOf(name))
      expect(await reasons(name, passing(wantedOf(name).filter((one) => one !== category)))).toEqual([
        `${name}/unchecked/${category}`,
      ]);
  });

  test('is refused for a check that could not be made, unless the policy says why it goes without', async () => {
    const skipped = { id: 'made-up/skipped', category: 'tcb', outcome: 'skipped', detail: '' } as const;
    const all = passing(wantedOf(name));
    expect(await reasons(name, [...all, skipped])).toEqual(['made-up/skipped']);
    expect(await reasons(name, [...all, { ...skipped, waived: 'nobody publishes it' }])).toEqual([]);
  });
});

test('every technology of hardware must have looked at revocation, but for a TPM whose key an entry names', () => {
  const hardware = ALL.filter((name) => technologyOf(name).hardware);
  expect(hardware.filter((name) => !wantedOf(name).includes('revocation'))).toEqual(['tpm']);
});
