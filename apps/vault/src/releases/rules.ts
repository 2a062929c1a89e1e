// What this vault holds against a release beyond the static checks of `decideRelease`: its own terms, how fresh the record
// is, who has reserved; and until when a release counts. Pure decisions.
import type { Digest } from '@sealroom/bytes';
import {
  type Contract,
  type ContractState,
  EVIDENCE_CODES,
  type PayloadOf,
  type ReleaseCode,
  type Reservation,
  type RoomKeys,
  type RunState,
} from '@sealroom/contract';
import { type KeyText, keyThumbprint } from '@sealroom/cose';
import { openCheckpoint, TlogError } from '@sealroom/tlog';
import type { Identity } from '../context.ts';
import type { Reason } from '../db.ts';
import type { Followed } from '../follower/follow.ts';

const RESERVATION_AGE_MS = 120_000;
const GRACE_MS = 5 * 60_000;
const CLOCK_BACK_MS = 5 * 60_000;

function reason(code: ReleaseCode, detail: string): Reason {
  return { code, detail };
}

/** Codes that tell that contract, request or approval did not verify: such a refusal says nothing about a real run. */
const UNVERIFIED = new Set<string>([
  'release/run-unknown',
  'release/contract-digest',
  'release/contract-signature',
  'release/key-not-valid',
  'release/request-signer',
  'release/approval-missing',
  'release/approval-signer',
  'release/not-served',
]);

/** Codes about what the asker brought. Anyone can bring something wrong for another room's keys. */
const PROOFS = new Set<string>(['release/nonce', 'release/manifest', ...EVIDENCE_CODES]);

/** True when the asker proved to be the room it names: only then may a refusal end that room's reservation. */
export function isProven(reasons: readonly Reason[]): boolean {
  return reasons.every(({ code }) => !PROOFS.has(code));
}

/** True when the refusal is about a contract, request and approval that verified, so that the ledger may hear of it. */
export function isVerified(reasons: readonly Reason[]): boolean {
  return (
    reasons.length > 0 && reasons.every(({ code }) => code.startsWith('release/') && !UNVERIFIED.has(code))
  );
}

/**
 * A clock that was set back would open again what has ended. What ordinary correction takes back is let pass.
 * @param latest what the clock has shown before, milliseconds since 1970
 */
export function clockReasons(now: number, latest: number): Reason[] {
  if (now >= latest - CLOCK_BACK_MS) return [];
  const detail = 'this vault’s clock shows an earlier time than it has shown before; set it right';
  return [reason('release/record-stale', detail)];
}

/**
 * Every witness of the contract must have cosigned the checkpoint, at a time near this vault's: a line dated ahead would
 * otherwise stay young for as long as its witness likes.
 */
export async function witnessReasons(
  { ledger }: Contract,
  { note, origin }: Pick<Followed, 'note' | 'origin'>,
  now: number,
): Promise<Reason[]> {
  if (ledger.witnesses.length === 0) return [];
  try {
    const { cosignatures } = await openCheckpoint(note, {
      origin,
      key: ledger.key,
      witnesses: ledger.witnesses.map(({ name, key }) => ({ name, key })),
    });
    const fresh = ({ time }: { readonly time: number }) =>
      Math.abs(now - time) <= ledger.maxAgeSeconds * 1000;
    const signed = new Set(cosignatures.filter(fresh).map((line) => line.name));
    if (ledger.witnesses.every(({ name }) => signed.has(name))) return [];
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
  }
  return [reason('release/record-stale', 'a witness of the contract has not cosigned the checkpoint lately')];
}

/** What a contract asks of the ledger and of this vault that only the vault can check. */
export async function ownReasons(
  { contract }: ContractState,
  {
    identity,
    ledgerKey,
    followed,
    now,
  }: {
    readonly identity: Identity;
    readonly ledgerKey: KeyText;
    readonly followed: Followed;
    readonly now: number;
  },
): Promise<Reason[]> {
  const found: Reason[] = [];
  if (contract.ledger.key !== ledgerKey) {
    found.push(
      reason('release/policy', 'the contract pins another ledger key than the one this vault follows'),
    );
    return found;
  }
  if (now - followed.seenAt > contract.ledger.maxAgeSeconds * 1000) {
    found.push(reason('release/record-stale', 'the newest checkpoint is older than the contract allows'));
  }
  const mine = contract.vaults.filter(({ key }) => key === identity.signer.key);
  if (mine.some(({ custody }) => custody !== identity.custody)) {
    found.push(
      reason('release/policy', 'the contract states another custody of the keys than this vault has'),
    );
  }
  return [
    ...found,
    ...clockReasons(now, followed.latest),
    ...(await witnessReasons(contract, followed, now)),
  ];
}

/** The vaults of all contracts of a run by their thumbprints. */
export async function vaultsOf(contracts: readonly ContractState[]): Promise<Map<Digest, KeyText>> {
  const found = new Map<Digest, KeyText>();
  for (const { contract } of contracts)
    for (const { key } of contract.vaults) found.set(await keyThumbprint(key), key);
  return found;
}

export type Standing = 'complete' | 'waiting' | 'stale' | 'denied';

/**
 * Whether every vault has reserved this manifest for these room keys, none has taken it back, and all did so lately.
 * @param now milliseconds since 1970
 */
export function standingOf(
  run: Pick<RunState, 'reservations' | 'denials'>,
  vaults: Iterable<Digest>,
  asked: { readonly manifest: Digest; readonly room: RoomKeys; readonly now: number },
): Standing {
  const same = ({ payload }: Reservation) =>
    payload.manifest === asked.manifest &&
    payload.room.sign === asked.room.sign &&
    payload.room.receive === asked.room.receive;
  let standing: Standing = 'complete';
  for (const kid of vaults) {
    const reserved = run.reservations.find((item) => item.kid === kid && same(item));
    if (!reserved) standing = 'waiting';
    else if (run.denials.some((denial) => denial.kid === kid && denial.index > reserved.index))
      return 'denied';
    else if (Math.abs(asked.now - Date.parse(reserved.payload.at)) > RESERVATION_AGE_MS) return 'stale';
  }
  return standing;
}

/** Until when a room may finish: its time and five minutes, but never beyond a contract. Milliseconds since 1970. */
export function releaseNotAfter(contracts: readonly ContractState[], now: number): number {
  const ends = contracts.flatMap(({ contract }) => [
    Date.parse(contract.notAfter),
    now + contract.room.maxMinutes * 60_000 + GRACE_MS,
  ]);
  return Math.min(...ends);
}

/** What stands against clearing the end of a run, besides what the contract's state says. */
export function finishProblem(
  contracts: readonly ContractState[],
  asked: PayloadOf<'output.cleared'>,
  { now, notAfter }: { readonly now: number; readonly notAfter: number },
): Reason | undefined {
  if (now > notAfter) return reason('release/contract-window', 'the room asks after its release has ended');
  for (const { contract } of contracts) {
    if (asked.bits > contract.output.maxBits || asked.bytes > contract.output.maxBytes)
      return reason('release/resources', 'more would leave the room than the contract allows');
  }
  return undefined;
}
