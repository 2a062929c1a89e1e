// What a contract's quota has spent, counted in the record (docs/protocol.md section 7). Leaf order decides who comes
// first, so that every vault counts alike and no two runs get the same place.
import type { Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import type { ContractState, LedgerRecord, Reservation, RunState } from './record-types.ts';

/** Reservations that no denial of the same vault came after: a vault denies only what it has never answered. */
function standing(run: RunState): readonly Reservation[] {
  return run.reservations.filter(
    (item) => !run.denials.some((denial) => denial.kid === item.kid && denial.index > item.index),
  );
}

/** The rooms that reservations name, each with the leaf that named it first. */
function roomsOf(reservations: readonly Reservation[]): ReadonlyMap<string, number> {
  const rooms = new Map<string, number>();
  for (const { payload, index } of reservations) {
    const known = rooms.get(payload.room.sign);
    if (known === undefined || index < known) rooms.set(payload.room.sign, index);
  }
  return rooms;
}

function earlier(rooms: ReadonlyMap<string, number>, leaf: number): number {
  return [...rooms.values()].filter((index) => index < leaf).length;
}

/**
 * What a contract and its other versions have spent of their quota: one for each room that was given a run. Leaf order
 * decides who comes first, so that all vaults count alike. @param before count only what stands below this leaf.
 */
export function runsSpent(
  record: LedgerRecord,
  { contract, digest }: ContractState,
  before: number = Number.POSITIVE_INFINITY,
): number {
  const first = contract.first ?? digest;
  const family = (other: Digest) => other === first || record.contracts.get(other)?.contract.first === first;
  return [...record.runs.values()]
    .filter((run) => run.request.contracts.some(family))
    .reduce((sum, run) => sum + earlier(roomsOf(standing(run)), before), 0);
}

/**
 * What stands before a room's own place: what the contract has spent, and how many other rooms this run was given. A room
 * without a reservation comes after all that stand.
 */
export function countBefore(
  record: LedgerRecord,
  state: ContractState,
  run: RunState,
  room: KeyText,
): { readonly spent: number; readonly attempts: number } {
  const last = Number.POSITIVE_INFINITY;
  const all = roomsOf(run.reservations);
  return {
    spent: runsSpent(record, state, roomsOf(standing(run)).get(room) ?? last),
    attempts: earlier(all, all.get(room) ?? last),
  };
}
