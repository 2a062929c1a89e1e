// A fake Intel and a TD on it that a policy accepts, for the tests: an attempt changes one thing.
import { base64urlEncode } from '@sealroom/bytes';
import { FakeIntel, type QuoteChanges, type TdFields, tdBody } from '@sealroom/testkit/vendors/intel';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { type Collateral, type CollateralFile, readCollateral } from '../collateral.ts';
import { parsePolicy, type Policy } from '../policy.ts';
import type { Roots } from '../roots/roots.ts';
import type { TdxEntry } from './entry.ts';
import { parseTdxQuote } from './parse.ts';
import { tdx } from './technology.ts';

export const AT = Date.parse('2026-06-01T12:00:00Z');
export const DAY = 86_400_000;
export const REPORT_DATA = new Uint8Array(64).map((_, i) => (i < 32 ? i + 1 : 0));
export const RUN = new Uint8Array(32).fill(0x77);
const CONFIG_ID = `${'77'.repeat(32)}${'00'.repeat(16)}`;

export const intel = await FakeIntel.create(AT);
export const other = await FakeIntel.create(AT, {
  platform: { fmspc: '90c06f000000', ppid: 'c3'.repeat(16) },
});
export const files = await intel.collateral('tdx');
const pinned = intel.roots;

export type Attempt = {
  readonly body?: Partial<TdFields>;
  readonly later?: boolean;
  readonly quote?: Uint8Array;
  readonly changes?: QuoteChanges;
  readonly entry?: Partial<TdxEntry>;
  readonly files?: readonly CollateralFile[];
  readonly at?: number;
  readonly roots?: Roots;
  readonly from?: FakeIntel;
};

const BOUND = { reportData: REPORT_DATA, mrConfigId: CONFIG_ID };

export async function makeQuote({
  body,
  later = false,
  changes,
  from = intel,
}: Attempt): Promise<Uint8Array> {
  return from.quote(later ? 5 : 4, tdBody({ ...BOUND, ...body }, later), changes);
}

export async function policyFor(change: Partial<TdxEntry> = {}) {
  const good = tdx.pin(parseTdxQuote(await intel.quote(4, tdBody(BOUND))));
  const { runBinding: _, ...rest } = good;
  const entry = { ...rest, mrConfigId: 'run', hostData: 'manifest', ...change };
  return parsePolicy(JSON.stringify({ v: 1, binding: 'room', accept: [entry] }));
}

const collaterals = new WeakMap<readonly CollateralFile[], Collateral>();
const policies = new WeakMap<object, Policy>();
const PLAIN = {};

/** The same objects for the same input, as a vault keeps them. */
function kept<K extends object, V>(map: WeakMap<K, V>, key: K, value: V): V {
  map.set(key, value);
  return value;
}

export async function judge(attempt: Attempt) {
  const bytes = attempt.quote ?? (await makeQuote(attempt));
  const list = attempt.files ?? files;
  const change = attempt.entry ?? PLAIN;
  const context = {
    at: attempt.at ?? AT,
    collateral: collaterals.get(list) ?? kept(collaterals, list, readCollateral(list)),
    roots: attempt.roots ?? pinned,
  };
  const binding = { reportData: REPORT_DATA, hostData: RUN };
  return appraiseEvidence(
    { technology: 'tdx', body: base64urlEncode(new Uint8Array(bytes)) },
    policies.get(change) ?? kept(policies, change, await policyFor(change)),
    { binding, context },
  );
}

/** The checks that refuse it; none when it is affirmed. */
export async function reasons(attempt: Attempt): Promise<string[]> {
  const { verdict, checks } = await judge(attempt);
  const found = checks.filter(isReason).map(({ id }) => id);
  if ((verdict === 'affirmed') !== (found.length === 0)) throw new Error('Verdict and reasons do not agree.');
  return found;
}
