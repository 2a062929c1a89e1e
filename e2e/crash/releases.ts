// Invariants of released keys: none without its reservation in the ledger below the checkpoint it names, none beyond the
// quota, and one answer for each room.
import type { Digest } from '@sealroom/bytes';
import { isOfType, type PayloadOf, readStatement, type Statement } from '@sealroom/contract';
import { keyThumbprint, verifySign1 } from '@sealroom/cose';
import type { Judged, Leaf } from './invariants.ts';

type Released = Statement & { readonly type: 'key.released' };
type Named = {
  readonly statement: Released;
  readonly payload: PayloadOf<'key.released'>;
  readonly size: number;
};

/** Rooms that hold a place of each contract's quota, in order; a room is out once all who reserved for it denied its run. */
type Places = Map<Digest, { readonly room: string; readonly run: Digest; readonly holders: Set<Digest> }[]>;

function takePlace(places: Places, { statement }: Leaf): void {
  if (isOfType(statement, 'key.reserved')) {
    const { contract, run, room } = statement.payload;
    const held = places.get(contract) ?? [];
    places.set(contract, held);
    const own = held.find((place) => place.room === room.sign);
    if (own) own.holders.add(statement.kid);
    else held.push({ room: room.sign, run, holders: new Set([statement.kid]) });
  } else if (isOfType(statement, 'key.denied')) {
    const held = places.get(statement.payload.contract) ?? [];
    for (const place of held) if (place.run === statement.payload.run) place.holders.delete(statement.kid);
    places.set(
      statement.payload.contract,
      held.filter((place) => place.holders.size > 0),
    );
  }
}

/** Goes through the log once and looks at each answer when the log had the size of the checkpoint that it names. */
function checkPlaces({ history, leaves, broken }: Judged, released: readonly Named[]): void {
  const places: Places = new Map();
  const attempts = new Map<Digest, string[]>();
  const waiting = [...released].toSorted((a, b) => a.size - b.size);
  const look = ({ payload }: Named): void => {
    const { runs, attemptsPerRun } = history.quota;
    const place = (places.get(payload.contract) ?? []).findIndex(({ room }) => room === payload.room.sign);
    const attempt = (attempts.get(payload.run) ?? []).indexOf(payload.room.sign);
    if (place < 0 || place >= runs)
      broken('release/quota', `run ${payload.run} got keys at place ${place} of its contract's quota`);
    if (attempt >= attemptsPerRun)
      broken('release/attempts', `run ${payload.run} gave keys to its room number ${attempt + 1}`);
  };
  let at = 0;
  for (const named of waiting) {
    for (let leaf = leaves[at]; leaf !== undefined && leaf.index < named.size; leaf = leaves[++at]) {
      takePlace(places, leaf);
      const { statement } = leaf;
      if (!isOfType(statement, 'key.reserved')) continue;
      const { run, room } = statement.payload;
      const known = attempts.get(run) ?? [];
      if (!known.includes(room.sign)) attempts.set(run, [...known, room.sign]);
    }
    look(named);
  }
}

/** Keys went to no more rooms than the contract has runs, whatever the order. */
function checkTotals({ history, broken }: Judged, released: readonly Named[]): void {
  const rooms = new Map<Digest, Set<string>>();
  for (const { payload } of released)
    rooms.set(payload.contract, (rooms.get(payload.contract) ?? new Set()).add(payload.room.sign));
  for (const [digest, found] of rooms) {
    const { runs } = history.quota;
    if (found.size > runs)
      broken('release/quota', `contract ${digest} of ${runs} runs gave keys to ${found.size} rooms`);
  }
}

async function isSigned({ record }: Judged, statement: Released): Promise<boolean> {
  const vaults = record.contracts.get(statement.payload.contract)?.contract.vaults ?? [];
  for (const { key } of vaults) {
    if ((await keyThumbprint(key)) !== statement.kid) continue;
    return verifySign1(statement.bytes, key).then(
      () => true,
      () => false,
    );
  }
  return false;
}

export async function checkReleases(judged: Judged): Promise<void> {
  const { history, leaves, sizes, broken } = judged;
  const reserved = new Map(
    leaves.flatMap(({ index, statement }) =>
      isOfType(statement, 'key.reserved') ? [[statement.digest, { index, statement }] as const] : [],
    ),
  );
  const answers = new Map<string, Digest>();
  const named: Named[] = [];
  for (const { answer } of history.releases) {
    const statement = await readStatement(answer);
    if (!isOfType(statement, 'key.released') || !(await isSigned(judged, statement))) {
      broken('release/answer', `an answer is not a vault's: ${statement.digest}`);
      continue;
    }
    const { payload } = statement;
    const room = `${payload.run} ${payload.room.sign} ${statement.kid}`;
    const earlier = answers.get(room);
    if (earlier !== undefined && earlier !== statement.digest)
      broken('release/two-answers', `a vault gave room ${room} two answers`);
    answers.set(room, statement.digest);
    const size = sizes.get(payload.checkpoint);
    const reservation = reserved.get(payload.reservation);
    const own =
      reservation?.statement.kid === statement.kid &&
      reservation.statement.payload.run === payload.run &&
      reservation.statement.payload.room.sign === payload.room.sign;
    if (size === undefined || !own || reservation.index >= size)
      broken(
        'release/without-reservation',
        `run ${payload.run}: keys without a reservation in the ledger at ${payload.checkpoint}`,
      );
    if (size !== undefined) named.push({ statement, payload, size });
  }
  checkPlaces(judged, named);
  checkTotals(judged, named);
}
