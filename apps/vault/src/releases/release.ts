// A release in the order of docs/protocol.md section 7: decide · reserve in one transaction · append · check again with the
// reservation in the ledger · wait for the other vaults · store the answer · answer. Killed anywhere in between, it goes on
// where it was when the room asks again, and what was reserved stays debited.
import { setTimeout as delay } from 'node:timers/promises';
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { freshSalt, subjectSalt } from '@sealroom/contract';
import { codeOf, Refusal } from '@sealroom/host';
import { timeText, type Vault } from '../context.ts';
import type { Reason } from '../db.ts';
import { refusedRoom } from '../error.ts';
import { digestsOf } from '../follower/fold.ts';
import { saveRefusal } from '../refusals/store.ts';
import { answerOf, reservationOf, speak } from './answer.ts';
import { type Asked, type Decided, decide, look, type Scope, scopeOf, type Seen } from './decide.ts';
import { flushOutbox } from './outbox.ts';
import { untilGrid } from './grid.ts';
import { isProven, isVerified } from './rules.ts';
import {
  type Answer,
  findRelease,
  markDenied,
  queueDenial,
  type Release,
  reserve,
  storeAnswer,
} from './store.ts';

export type Released = Answer & { readonly reservation: Bytes };

/** Ends a release with its reasons; becomes the one refusal that a room sees. */
class Refused extends Error {
  readonly reasons: readonly Reason[];
  readonly decided: Decided | undefined;
  constructor(reasons: readonly Reason[], decided?: Decided) {
    super('The release is refused.');
    this.reasons = reasons;
    this.decided = decided;
  }
}

const stale = (detail: string): Reason => ({ code: 'release/record-stale', detail });

async function decideOrRefuse(vault: Vault, asked: Asked, scope: Scope): Promise<Decided> {
  const decided = await decide(vault, asked, scope);
  if (decided.reasons.length > 0) throw new Refused(decided.reasons, decided);
  return decided;
}

/** The first contract's subject, under which a run's statements stand. */
async function runSalt(vault: Vault, scope: Scope, contract: Digest): Promise<Bytes> {
  return vault.records.lend(scope.salts, scope.brought, async (record) => subjectSalt(record, contract));
}

/** Steps 2 and 3. Denials of the run and reservations take turns, so that the ledger has them in the order they were made. */
async function reserveAndAppend(
  vault: Vault,
  asked: Asked,
  scope: Scope,
  decided: Decided,
): Promise<Release> {
  const { db, timing } = vault;
  const { run, served, contracts } = decided.decision;
  const org = served[0]?.org;
  const { nonce } = decided;
  if (!run || !org || nonce === undefined) throw new Refused([stale('the decision is incomplete')]);
  const reservation = await reservationOf(vault, asked, decided, org);
  const salt = await runSalt(vault, scope, run.request.contract);
  const now = timing.clock();
  const release = {
    run: asked.run,
    room: asked.room.sign,
    contracts: contracts.map((state) => state.digest),
    manifest: await sha256Digest(asked.manifest),
    org,
    reservation,
    reservedAt: now,
  };
  return vault.turns(`run ${asked.run}`, async () => {
    if (!(await reserve(db, release, { nonce, salt, now }))) {
      throw new Refused([{ code: 'release/nonce', detail: 'the nonce was used meanwhile' }], decided);
    }
    await vault.barrier('reserved', asked.run);
    await flushOutbox(vault, asked.run);
    await vault.barrier('appended', asked.run);
    return { ...release, state: 'reserved', answer: undefined, releaseNotAfter: undefined, collateral: [] };
  });
}

function problemOf({ standing, mine }: Seen): string | undefined {
  if (!mine) return 'this vault’s own reservation is not in the ledger, or too old';
  if (standing === 'denied') return 'another vault of the run has denied it';
  return standing === 'stale' ? 'a reservation is older than two minutes' : undefined;
}

/**
 * Steps 4 and 5: decides on a record that holds this vault's reservation, so that quota and attempts go by leaf order, and
 * waits until every vault has reserved. What is given back was decided when all had.
 */
async function decidedByAll(vault: Vault, asked: Asked, scope: Scope): Promise<Decided> {
  const deadline = performance.now() + vault.timing.waitMs;
  for (;;) {
    const decided = await decideOrRefuse(vault, asked, scope);
    for (let seen = decided.seen; seen.standing !== 'complete'; seen = await look(vault, asked, scope)) {
      // Whatever stopped the run is a reason, which the next decision finds.
      if (seen.stopped) break;
      const problem = problemOf(seen);
      if (problem) throw new Refused([stale(problem)], decided);
      // Not a denial: the reservation stands, and the room may ask again.
      if (performance.now() > deadline) throw new Refused([stale('not all vaults have reserved in time')]);
      await delay(vault.timing.pollMs);
    }
    if (decided.seen.standing === 'complete') return decided;
  }
}

async function answerRoom(vault: Vault, asked: Asked, scope: Scope, release: Release): Promise<Released> {
  const decided = await decidedByAll(vault, asked, scope);
  await vault.barrier('checked', asked.run);
  const made = await vault.records.lend(scope.salts, scope.brought, (record) =>
    answerOf(vault, record, { asked, decided, release }),
  );
  if (!made) {
    throw new Refused([{ code: 'release/commitment', detail: 'a wrapped key changed meanwhile' }], decided);
  }
  const stored = await storeAnswer(vault.db, release, { ...made, collateral: decided.collateral });
  if (!stored) throw new Refused([stale('the reservation was given up meanwhile')], decided);
  await vault.barrier('released', asked.run);
  return { ...stored, reservation: release.reservation };
}

async function releaseTo(vault: Vault, asked: Asked): Promise<Released> {
  const scope = await scopeOf(vault, asked);
  if (!scope) {
    const detail = 'the room brought no request of this run, or not the contracts that it names';
    throw new Refused([{ code: 'release/run-unknown', detail }]);
  }
  const decided = await decideOrRefuse(vault, asked, scope);
  const known = await findRelease(vault.db, { run: asked.run, room: asked.room.sign });
  if (known?.state === 'denied') {
    throw new Refused([{ code: 'release/attempts', detail: 'this room was denied the run before' }], decided);
  }
  if (known?.answer && vault.timing.clock() <= (known.releaseNotAfter ?? 0))
    return { answer: known.answer, reservation: known.reservation, collateral: known.collateral };
  if (known?.answer) throw new Refused([stale('the release has ended')], decided);
  await vault.barrier('decided', asked.run);
  if (known) await flushOutbox(vault, asked.run);
  const release = known ?? (await reserveAndAppend(vault, asked, scope, decided));
  // The ledger has the reservation from this vault, so it need not be asked for its bytes.
  const brought = new Map([...scope.brought, ...digestsOf([release.reservation])]);
  return answerRoom(vault, asked, { ...scope, brought }, release);
}

/** Keeps the reasons for the owner, gives up what was reserved for good reasons, and tells the ledger once a code. */
async function keepRefusal(vault: Vault, asked: Asked, { reasons, decided }: Refused): Promise<void> {
  const { db, identity, timing } = vault;
  const verified = decided !== undefined && isVerified(reasons);
  const contracts = decided?.decision.contracts ?? [];
  const served = identity.orgs.filter((org) =>
    contracts.some(({ contract }) => contract.participants.some((participant) => participant.org === org)),
  );
  const orgs = served.length > 0 ? served : identity.orgs;
  const at = timing.clock();
  if (verified || vault.allowance(at))
    await saveRefusal(db, { run: asked.run, at, reasons }, { orgs, verified });
  const run = decided?.decision.run;
  const org = decided?.decision.served[0]?.org;
  if (!verified || !run || !org) return;
  await vault.turns(`run ${asked.run}`, async () => {
    if (isProven(reasons)) await markDenied(db, { run: asked.run, room: asked.room.sign });
    const salt = vault.records.knownSalt(run.request.contract);
    if (!salt) return;
    const about = { contract: run.request.contract, run: run.run, at: timeText(timing.clock()) };
    for (const code of new Set(reasons.map((reason) => reason.code))) {
      const cose = await speak(vault, org, 'key.denied', { salt: freshSalt(), ...about, code });
      await queueDenial(db, code, { run: run.run, cose, salt });
    }
    await flushOutbox(vault, asked.run);
  });
}

/** A ledger that forks, goes back or withholds is a refusal; one that cannot be reached is not an answer at all. */
function asRefused(error: unknown): Refused | undefined {
  if (error instanceof Refused) return error;
  const code = codeOf(error) ?? '';
  if (!(error instanceof Refusal) || !/^record\/(?:forked|rolled-back|withheld)$/.test(code))
    return undefined;
  return new Refused([{ code, detail: error.message }]);
}

/**
 * Releases the keys of a run to a room, or gives again what that room was given.
 * @throws vault/refused for every reason alike · record/unreachable
 */
export async function release(vault: Vault, asked: Asked): Promise<Released> {
  const started = performance.now();
  try {
    return await vault.turns(`room ${asked.run} ${asked.room.sign}`, () => releaseTo(vault, asked));
  } catch (error) {
    const refused = asRefused(error);
    if (!refused) throw error;
    await keepRefusal(vault, asked, refused).catch((cause: unknown) => {
      // The reasons are kept; only the ledger has not heard of the denial, and the outbox will tell it.
      if (codeOf(cause) !== 'record/unreachable') throw cause;
    });
    await untilGrid(vault, started);
    throw refusedRoom();
  }
}
