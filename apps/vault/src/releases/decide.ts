// Step 1 of a release, and its repetition in step 4 (docs/protocol.md section 7): follow the ledger, fold what it says
// about the run's contracts, open the present keys as far as their commitments, and collect every reason against it.
import { type Evidence } from '@sealroom/attest';
import { type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import {
  contractStands,
  type ContractState,
  ContractError,
  decideRelease,
  isOfType,
  type KeySetWord,
  keySetWords,
  type LedgerRecord,
  type ReleaseDecision,
  type RoomKeys,
  type RunState,
  type VaultNonce,
  messageSignerUnverified,
  packCollateral,
  verifyMessage,
} from '@sealroom/contract';
import type { KeyText } from '@sealroom/cose';
import { type Supplied, suppliedFor } from '../attest/supply.ts';
import type { Vault } from '../context.ts';
import type { Reason } from '../db.ts';
import { type Brought, digestsOf } from '../follower/fold.ts';
import type { Followed } from '../follower/follow.ts';
import { readBrought, saltsOf } from '../follower/subjects.ts';
import { commitmentsOf } from '../keys/unwrap.ts';
import { toldReasons } from '../told/rules.ts';
import { ownReasons, type Standing, standingOf, vaultsOf } from './rules.ts';
import { nonceState, type OwnNonce, relatedContracts } from './store.ts';

/** What a room asks for, decoded. */
export type Asked = {
  readonly run: Digest;
  readonly room: RoomKeys;
  readonly manifest: Bytes;
  readonly challenges: readonly Bytes[];
  readonly evidence: Evidence;
  readonly statements: readonly Bytes[];
};

/** The subjects to follow for a run, and what the room brought about them. */
export type Scope = { readonly salts: readonly Bytes[]; readonly brought: Brought };

/** Who has reserved the run for this room, whether this vault has, and whether the run may not go on. */
export type Seen = { readonly standing: Standing; readonly mine: boolean; readonly stopped: boolean };

/** What a decision found. Without reasons the run and its manifest are there. */
export type Decided = {
  readonly reasons: readonly Reason[];
  readonly decision: ReleaseDecision;
  readonly vaults: ReadonlyMap<Digest, KeyText>;
  readonly followed: Followed;
  readonly seen: Seen;
  /** This vault's own nonce among the challenges. */
  readonly nonce: OwnNonce | undefined;
  /** Pieces of the vendors' collateral that the evidence was held against, base64url. */
  readonly collateral: readonly string[];
  /** What is to be said, signed, of the key sets among them. */
  readonly keySets: readonly KeySetWord[];
};

/** Finds the subjects; undefined when nothing that the room brought, and nothing known, tells them. */
export async function scopeOf(
  vault: Pick<Vault, 'db' | 'records'>,
  asked: Pick<Asked, 'run' | 'statements'>,
): Promise<Scope | undefined> {
  const brought = digestsOf(asked.statements);
  const requests = await readBrought(brought.values(), 'run.requested');
  const request = requests.find(
    (statement) => isOfType(statement, 'run.requested') && statement.digest === asked.run,
  );
  if (!request || !isOfType(request, 'run.requested')) return undefined;
  const named = request.payload.contracts;
  // Runs that this vault reserved before may stand under other contracts and still count against these.
  const related = await relatedContracts(vault.db, named);
  const contracts = [...new Set([...named, ...related])];
  const known = contracts.every((contract) => vault.records.knownSalt(contract) !== undefined);
  const signed = known ? [] : await readBrought(brought.values(), 'contract.signed');
  const salts = saltsOf(contracts, signed, vault.records);
  return salts && { salts, brought };
}

/** The challenges that a vault of the contract signed for a room. Others are left out, and then missed. */
async function noncesOf(
  challenges: readonly Bytes[],
  vaults: ReadonlyMap<Digest, KeyText>,
): Promise<(VaultNonce & { readonly expiresAt: number })[]> {
  const nonces: (VaultNonce & { readonly expiresAt: number })[] = [];
  for (const challenge of challenges) {
    try {
      const vault = messageSignerUnverified(challenge);
      const key = vaults.get(vault);
      if (!key) continue;
      const { payload } = await verifyMessage('challenge', challenge, { key, audience: 'room' });
      nonces.push({ vault, nonce: payload.nonce, expiresAt: Date.parse(payload.expiresAt) });
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
    }
  }
  return nonces;
}

export function contractsOf(record: LedgerRecord, run: RunState | undefined): ContractState[] {
  return (run?.request.contracts ?? []).flatMap((digest) => record.contracts.get(digest) ?? []);
}

async function seenIn(vault: Vault, asked: Asked, record: LedgerRecord): Promise<Seen> {
  const run = record.runs.get(asked.run);
  const contracts = contractsOf(record, run);
  const stopped = run?.ended !== undefined || !contracts.every(contractStands);
  if (!run) return { standing: 'waiting', mine: false, stopped };
  const vaults = await vaultsOf(contracts);
  const manifest = await sha256Digest(asked.manifest);
  const about = { manifest, room: asked.room, now: vault.timing.clock() };
  const mine = standingOf(run, [vault.identity.signer.kid], about) === 'complete';
  return { standing: standingOf(run, vaults.keys(), about), mine, stopped };
}

/** A look at the log between two decisions. @throws record/… */
export async function look(vault: Vault, asked: Asked, scope: Scope): Promise<Seen> {
  await vault.log.follow();
  return vault.records.lend(scope.salts, scope.brought, (record) => seenIn(vault, asked, record));
}

async function judge(
  vault: Vault,
  asked: Asked,
  record: LedgerRecord,
  { asOf, supplied }: { asOf: Followed; supplied: Supplied },
): Promise<Decided> {
  // Another call may have followed further before the record was lent: what it was folded from lies in the newest checkpoint.
  const followed = vault.log.held() ?? asOf;
  const { identity, timing, db, ledger, attest } = vault;
  const { roots, distrust, maxCollateralAgeMs } = attest;
  const { kid } = identity.signer;
  const now = timing.clock();
  const run = record.runs.get(asked.run);
  const contracts = contractsOf(record, run);
  const vaults = await vaultsOf(contracts);
  const nonces = await noncesOf(asked.challenges, vaults);
  const nonce = nonces.find((item) => item.vault === kid);
  const assets = new Set(run ? [...run.request.datasets, run.request.algorithm] : []);
  const [nonceIs, commitments, told] = await Promise.all([
    nonceState(db, nonce, { run: asked.run, room: asked.room.sign }, now),
    commitmentsOf(vault, record, assets),
    Promise.all(contracts.map((state) => toldReasons(db, record, state, asked.run))),
  ]);
  const decision = await decideRelease({
    now,
    record,
    vault: {
      kid,
      orgs: identity.orgs,
      policy: { allowSimulated: identity.allowSimulated, distrust, maxCollateralAgeMs },
    },
    run: asked.run,
    nonce: nonceIs,
    nonces: nonces.map(({ vault, nonce: bytes }) => ({ vault, nonce: bytes })),
    room: asked.room,
    manifest: asked.manifest,
    evidence: asked.evidence,
    attest: { collateral: supplied.collateral, keySets: supplied.keySets, roots },
    commitments,
  });
  const reasons: Reason[] = [...supplied.problems, ...decision.reasons];
  for (const [at, state] of contracts.entries()) {
    reasons.push(...(await ownReasons(state, { identity, ledgerKey: ledger.key, followed, now })));
    reasons.push(...(told[at] ?? []));
  }
  const seen = await seenIn(vault, asked, record);
  const { keySets } = supplied;
  const collateral = await packCollateral(supplied.collateral, decision.used, { roots, keySets });
  const words = keySetWords(keySets, decision.used);
  return { reasons, decision, vaults, followed, seen, nonce, collateral, keySets: words };
}

/** Follows to a fresh checkpoint and judges. @throws record/… when the ledger is not there or cheats */
export async function decide(vault: Vault, asked: Asked, scope: Scope): Promise<Decided> {
  const followed = await vault.log.follow();
  // Before the record is lent: a vendor's service that is slow must not hold it.
  const supplied = await suppliedFor(vault.attest, asked.evidence);
  return vault.records.lend(scope.salts, scope.brought, (record) =>
    judge(vault, asked, record, { asOf: followed, supplied }),
  );
}
