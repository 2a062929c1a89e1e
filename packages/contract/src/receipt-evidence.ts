// The evidence of a receipt (protocol.md section 9), judged anew by whoever reads it: authentic under the pinned roots, acceptable
// to every contract of the run, at the time at which the last vault released. The vendors' collateral of that time travels
// in the receipt. Not provable from a receipt: that no newer list existed than those it carries, and that the vaults'
// clocks were right; every list counts that was in force then, so that one more can only refuse. Key sets of token services
// are signed by nobody: on whose word they are believed is receipt-keys.ts, and stands in the result.
import {
  type Appraisal,
  appraiseEvidence,
  type Collateral,
  type CollateralUse,
  DEVICE_TECHNOLOGIES,
  type DeviceTechnology,
  type Entry,
  isDistrusted,
  isReason,
  joinCollateral,
  namesOwnKeys,
  NO_COLLATERAL,
  roomPolicy,
  type Roots,
  type RoomTechnology,
  vendorRoots,
} from '@sealroom/attest';
import { canonicalBytes, sha256, sha256Digest } from '@sealroom/bytes';
import { ContractError } from './error.ts';
import { encodeManifest, roomBinding, type VaultNonce } from './manifest.ts';
import { checkAllUsed, unpackCollateral } from './receipt-collateral.ts';
import type { ReceiptFile } from './receipt-file.ts';
import {
  type Answered,
  type Basis,
  basisOf,
  checkWordsNeeded,
  type KeySource,
  keySources,
  type ReaderKeys,
  viewOfReader,
  type View,
  viewsOf,
} from './receipt-keys.ts';
import type { ContractState } from './record-types.ts';
import type { PayloadOf } from './statement-table.ts';
import type { Trust } from './trust.ts';

/** What a reader brings to the judging. */
export type Judge = {
  readonly collateral?: Collateral | undefined;
  readonly roots?: Roots | undefined;
  /** Key sets of token services, one an issuer, that the reader says are those of the time; then no vault is asked. */
  readonly keys?: readonly ReaderKeys[] | undefined;
};

/** What the evidence of a verified receipt says. */
export type Attestation = {
  readonly technology: RoomTechnology;
  readonly platform: string;
  /** All that the evidence speaks for, as results name them: `platform` first, then each device. */
  readonly platforms: readonly string[];
  /** Devices that the room used, each as its own evidence names it; a token tells of several. */
  readonly devices: readonly { readonly technology: DeviceTechnology; readonly platform: string }[];
  /** Whether hardware signed it, if `basis` is believed. */
  readonly hardware: boolean;
  /** On whose word it rests that hardware signed it; only the first two prove it to the reader. */
  readonly basis: Basis;
  /** The key sets and pinned keys that it rests on; none where certificates lead to pinned roots. */
  readonly keySources: readonly KeySource[];
  /** When it was judged: the last vault's release. RFC 3339. */
  readonly at: string;
  /** What could not be checked and a contract let pass, with the reason that it states. */
  readonly waivers: readonly { readonly code: string; readonly detail: string; readonly reason: string }[];
  readonly collateral: readonly CollateralUse[];
};

type Finished = PayloadOf<'run.finished'>;

type Question = {
  readonly file: ReceiptFile;
  readonly contracts: readonly ContractState[];
  readonly nonces: readonly VaultNonce[];
  readonly finished: Finished;
  /** Verified. */
  readonly answered: readonly Answered[];
  readonly judge: Judge;
  readonly trust: Trust | undefined;
};

function refuse(message: string): ContractError {
  return new ContractError('receipt/evidence', message);
}

/** The evidence is the one that the room's own statement names. @throws receipt/evidence */
export async function checkNamed(file: ReceiptFile, finished: Finished): Promise<void> {
  if (
    finished.evidence !== (await sha256Digest(canonicalBytes(file.evidence))) ||
    finished.technology !== file.evidence.technology
  )
    throw refuse('The evidence is not the one that the room named.');
}

function lastOf(answered: Question['answered']): number {
  return Math.max(...answered.map(({ answer }) => Date.parse(answer.at)));
}

function expectAffirmed({ verdict, checks }: Appraisal, whose: string): void {
  if (verdict === 'affirmed') return;
  const failed = checks.filter(isReason).map(({ id, detail }) => `${detail} (${id})`);
  throw refuse(`The evidence does not satisfy ${whose}; what does not hold: ${failed.join('; ')}.`);
}

function platformsOf(appraisals: readonly Appraisal[]): string[] {
  const claimed = appraisals.flatMap(({ submodules }) => submodules.flatMap(({ claims }) => claims ?? []));
  return [...new Set(claimed.flatMap((one) => [one.platform, ...(one.otherPlatforms ?? [])]))];
}

function waiversOf(appraisals: readonly Appraisal[]): Attestation['waivers'] {
  const found = new Map<string, Attestation['waivers'][number]>();
  for (const { checks } of appraisals)
    for (const { id, detail, waived } of checks)
      if (waived !== undefined) found.set(`${id} ${detail} ${waived}`, { code: id, detail, reason: waived });
  return [...found.values()];
}

/** All contracts are judged on the same evidence, so the first that affirms tells its devices. */
function devicesOf([first]: readonly Appraisal[]): Attestation['devices'] {
  return (first?.submodules ?? []).slice(1).flatMap(({ technology, claims }) => {
    const device = DEVICE_TECHNOLOGIES.find((one) => one === technology);
    if (!device || !claims) return [];
    return [claims.platform, ...(claims.otherPlatforms ?? [])].map((platform) => ({
      technology: device,
      platform,
    }));
  });
}

type World = { readonly collateral: Collateral; readonly roots: Roots };

/** Judges under a view what the run's evidence must satisfy. */
type Judging = (accept: readonly Entry[], view: View, distrust?: readonly string[]) => Promise<Appraisal>;

async function judgingOf({ file, nonces, finished }: Question, world: World): Promise<Judging> {
  const manifestHash = await sha256(encodeManifest(file.manifest));
  const reportData = await roomBinding(nonces, finished.room, manifestHash);
  const binding = { reportData, hostData: manifestHash };
  return async (accept, { at, keySets }, distrust = []) =>
    appraiseEvidence(file.evidence, roomPolicy(accept, distrust), {
      binding,
      context: { at, keySets, ...world },
    });
}

/** Evidence that also satisfies an entry which names no keys of its own counts as that (decision 135). */
async function byStrongest(
  accept: readonly Entry[],
  judged: (accept: readonly Entry[]) => Promise<Appraisal>,
): Promise<Appraisal> {
  const others = accept.filter((entry) => !namesOwnKeys(entry));
  if (others.length > 0 && others.length < accept.length) {
    const appraisal = await judged(others);
    if (appraisal.verdict === 'affirmed') return appraisal;
  }
  return judged(accept);
}

/** Under every contract, and under every view. */
async function underContracts(
  { contracts, finished }: Question,
  views: readonly View[],
  judged: Judging,
): Promise<Appraisal[]> {
  const appraisals: Appraisal[] = [];
  for (const view of views) {
    const said = view.vault === undefined ? '' : ` with the key set that the vault ${view.vault} names`;
    const ofView: Appraisal[] = [];
    for (const { contract } of contracts) {
      const appraisal = await byStrongest(contract.room.accept, (accept) => judged(accept, view));
      expectAffirmed(appraisal, `the contract${said}`);
      if (appraisal.claims?.platform !== finished.platform)
        throw refuse('The receipt names another platform than its evidence.');
      ofView.push(appraisal);
    }
    checkWordsNeeded(view, ofView);
    appraisals.push(...ofView);
  }
  return appraisals;
}

/**
 * What the reader's own entries are satisfied by: pinned roots or the reader's own keys; or key sets by the vaults' word, only
 * where the trust file says in so many words that it is enough.
 */
async function underTrust(
  { judge, trust, answered }: Question & { readonly trust: Trust },
  { views, last, judged }: { views: readonly View[]; last: number; judged: Judging },
): Promise<KeySource[]> {
  const brought = judge.keys ?? [];
  const { accept = [], distrust } = trust;
  const told = { answered, brought, pinnedBy: 'reader' } as const;
  const own = await judged(accept, await viewOfReader(brought, last), distrust);
  if (own.verdict === 'affirmed') return keySources(own.used, told);
  const byWord: Appraisal[] = [];
  for (const view of views) byWord.push(await judged(accept, view, distrust));
  if (!byWord.every(({ verdict }) => verdict === 'affirmed')) throw unpinned(own);
  if (trust.keySets === 'vaults') return byWord.flatMap(({ used }) => keySources(used, told));
  throw new ContractError(
    'receipt/pins-key-set',
    'The evidence rests on a key set of a token service by the word of the vaults alone. Give the issuer’s key set of that time (--keys), or say "keySets": "vaults" in your trust file if their word is enough for you.',
  );
}

/** All sources of the same key set once. */
function once(sources: readonly KeySource[]): KeySource[] {
  return [...new Map(sources.map((one) => [`${one.vouchedBy} ${one.issuer} ${one.sha256}`, one])).values()];
}

/**
 * Judges the evidence under every contract and, for hardware, under what the reader asks for.
 * @throws receipt/evidence · receipt/collateral · receipt/pins-hardware · receipt/pins-key-set
 */
export async function checkEvidence(question: Question): Promise<Attestation> {
  const { file, finished, answered, judge, trust } = question;
  const { collateral: more = NO_COLLATERAL, roots = vendorRoots(), keys: brought = [] } = judge;
  const last = lastOf(answered);
  const carried = await unpackCollateral(file.collateral);
  const judged = await judgingOf(question, { collateral: joinCollateral(carried, more), roots });
  const views = await viewsOf(answered, { carried, brought, last });
  const appraisals = await underContracts(question, views, judged);
  const uses = appraisals.flatMap((one) => one.used);
  const used = new Map(uses.map((use) => [use.sha256, use]));
  const named = answered.flatMap(({ answer }) => answer.keySets ?? []);
  if (judge.collateral === undefined) await checkAllUsed(file.collateral, [...used.values()], named);
  const hardware = appraisals.every(({ claims }) => claims?.hardware ?? false);
  const devices = devicesOf(appraisals);
  // A simulated room is pinned by its simulator; its devices are believed no more than the reader says.
  if (!hardware && devices.some(({ platform }) => isDistrusted(platform, trust?.distrust ?? [])))
    throw new ContractError(
      'receipt/pins-hardware',
      'A device of the room is one that your trust file distrusts.',
    );
  const byContract = keySources(uses, { answered, brought, pinnedBy: 'contract' });
  const sources =
    hardware && trust ? await underTrust({ ...question, trust }, { views, last, judged }) : byContract;
  return {
    technology: file.evidence.technology,
    platform: finished.platform,
    platforms: platformsOf(appraisals),
    devices,
    hardware,
    basis: basisOf(sources, hardware),
    keySources: once(sources),
    at: new Date(last).toISOString(),
    waivers: waiversOf(appraisals),
    collateral: [...used.values()],
  };
}

function unpinned({ checks }: Appraisal): ContractError {
  const failed = checks.filter(isReason).map(({ id, detail }) => `${detail} (${id})`);
  return new ContractError(
    'receipt/pins-hardware',
    `The evidence does not satisfy what your trust file accepts; what does not hold: ${failed.join('; ')}.`,
  );
}
