// The evidence of a receipt (protocol.md section 9), judged anew by whoever reads it: authentic under the pinned roots, acceptable
// to every contract of the run, at the time at which the last vault released. The vendors' collateral of that time travels
// in the receipt. Not provable from a receipt: that no newer list existed than those it carries, and that the vaults'
// clocks were right; every list counts that was in force then, so that one more can only refuse.
import {
  type Appraisal,
  appraiseEvidence,
  type Collateral,
  type CollateralUse,
  type Entry,
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
import type { ContractState } from './record-types.ts';
import type { PayloadOf } from './statement-table.ts';
import type { Trust } from './trust.ts';

/** What a reader brings to the judging. */
export type Judge = { readonly collateral?: Collateral | undefined; readonly roots?: Roots | undefined };

/** What the evidence of a verified receipt says. */
export type Attestation = {
  readonly technology: RoomTechnology;
  readonly platform: string;
  /** All that the evidence speaks for, as results name them: `platform` first, then the other GPUs of one token. */
  readonly platforms: readonly string[];
  /** Whether hardware signed it, by a vendor's root or by keys that the reader's own trust file accepts. */
  readonly hardware: boolean;
  /** Whose word it rests on: a vendor's root or service, keys that the contract itself names, or a simulator's key. */
  readonly vouchedBy: 'vendor' | 'contract' | 'simulator';
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
  readonly answers: readonly PayloadOf<'key.released'>[];
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

function lastOf(answers: Question['answers']): number {
  return Math.max(...answers.map(({ at }) => Date.parse(at)));
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

/**
 * Judges the evidence under every contract and, for hardware, under what the reader asks for.
 * @throws receipt/evidence · receipt/collateral · receipt/pins-hardware
 */
export async function checkEvidence(question: Question): Promise<Attestation> {
  const { file, contracts, nonces, finished, answers, judge, trust } = question;
  const manifestHash = await sha256(encodeManifest(file.manifest));
  const binding = {
    reportData: await roomBinding(nonces, finished.room, manifestHash),
    hostData: manifestHash,
  };
  const at = lastOf(answers);
  const { collateral: brought = NO_COLLATERAL, roots = vendorRoots() } = judge;
  const collateral = joinCollateral(await unpackCollateral(file.collateral), brought);
  const judged = (accept: readonly Entry[], distrust: readonly string[] = []) =>
    appraiseEvidence(file.evidence, roomPolicy(accept, distrust), {
      binding,
      context: { at, collateral, roots },
    });
  const appraisals: Appraisal[] = [];
  let byVendor = true;
  for (const { contract } of contracts) {
    const { accept } = contract.room;
    const appraisal = await judged(accept);
    if (accept.some(namesOwnKeys)) {
      const { verdict } = await judged(accept.filter((entry) => !namesOwnKeys(entry)));
      byVendor &&= verdict === 'affirmed';
    }
    expectAffirmed(appraisal, 'the contract');
    if (appraisal.claims?.platform !== finished.platform)
      throw refuse('The receipt names another platform than its evidence.');
    appraisals.push(appraisal);
  }
  const used = new Map(appraisals.flatMap((one) => one.used.map((use) => [use.sha256, use] as const)));
  if (judge.collateral === undefined) await checkAllUsed(file.collateral, [...used.values()]);
  const hardware = appraisals.every(({ claims }) => claims?.hardware ?? false);
  if (hardware && trust) expectPinned(await judged(trust.accept ?? [], trust.distrust));
  return {
    technology: file.evidence.technology,
    platform: finished.platform,
    platforms: platformsOf(appraisals),
    hardware: hardware && (byVendor || trust !== undefined),
    vouchedBy: !hardware ? 'simulator' : byVendor ? 'vendor' : 'contract',
    at: new Date(at).toISOString(),
    waivers: waiversOf(appraisals),
    collateral: [...used.values()],
  };
}

function expectPinned({ verdict, checks }: Appraisal): void {
  if (verdict === 'affirmed') return;
  const failed = checks.filter(isReason).map(({ id, detail }) => `${detail} (${id})`);
  throw new ContractError(
    'receipt/pins-hardware',
    `The evidence does not satisfy what your trust file accepts; what does not hold: ${failed.join('; ')}.`,
  );
}
