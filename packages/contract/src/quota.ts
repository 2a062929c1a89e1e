// What a contract's quota has spent, counted in the record (docs/protocol.md section 7). Leaf order decides who comes
// first, so that every vault counts alike and no two runs get the same place.
import type { Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import type { ContractState, LedgerRecord, Reservation, RunState } from './record-types.ts';

/** The rooms that reservations name, each with the leaf that named it first. */
function roomsOf(reservations: readonly Reservation[]): ReadonlyMap<string, number> {
  const rooms = new Map<string, number>();
  for (const { payload, index } of reservations) {
    const known = rooms.get(payload.room.sign);
    if (known === undefined || index < known) rooms.set(payload.room.sign, index);
  }
  return rooms;
}

/**
 * The leaf from which a room has held its place without a break. A vault's denial takes back its own reservations below it.
 * While another vault's stands the place stays where it was: a denial moves nobody. Once all are taken back the place is
 * free, and who reserves again comes last: what went to others meanwhile stays theirs.
 */
function placeOf({ reservations, denials }: RunState, room: KeyText): number | undefined {
  const own = reservations.filter(({ payload }) => payload.room.sign === room);
  const events = [
    ...own.map(({ index, kid }) => ({ index, kid, holds: true })),
    ...denials.map(({ index, kid }) => ({ index, kid, holds: false })),
  ].toSorted((a, b) => a.index - b.index);
  const holders = new Set<Digest>();
  let place: number | undefined;
  for (const { index, kid, holds } of events) {
    if (holds) {
      holders.add(kid);
      place ??= index;
    } else if (holders.delete(kid) && holders.size === 0) place = undefined;
  }
  return place;
}

function earlier(rooms: ReadonlyMap<string, number>, leaf: number): number {
  return [...rooms.values()].filter((index) => index < leaf).length;
}

/** The rooms of a run that hold a place now. */
function placesOf(run: RunState): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const room of roomsOf(run.reservations).keys()) {
    const place = placeOf(run, room);
    if (place !== undefined) places.set(room, place);
  }
  return places;
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
    .reduce((sum, run) => sum + earlier(placesOf(run), before), 0);
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
    spent: runsSpent(record, state, placesOf(run).get(room) ?? last),
    attempts: earlier(all, all.get(room) ?? last),
  };
}
