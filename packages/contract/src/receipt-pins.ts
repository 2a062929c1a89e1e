// Whether a receipt's parties are the ones its reader pinned: the step from *consistent* to *by these pinned parties*.
import { isDistrusted } from '@sealroom/attest';
import { type KeyText, keyThumbprint } from '@sealroom/cose';
import { ContractError } from './error.ts';
import type { ContractState } from './record-types.ts';
import type { PayloadOf } from './statement-table.ts';
import type { Trust } from './trust.ts';

/**
 * Every ledger, party, room program and platform of the contracts must be pinned.
 * @throws receipt/pins-ledger · receipt/pins-organisation · receipt/pins-simulator
 */
export async function checkPins(
  trust: Trust,
  contracts: readonly ContractState[],
  finished: Pick<PayloadOf<'run.finished'>, 'technology' | 'platform'>,
): Promise<void> {
  for (const { contract, digest } of contracts) {
    if (contract.ledger.key !== trust.ledger.key || contract.ledger.origin !== trust.ledger.origin) {
      throw new ContractError('receipt/pins-ledger', 'The ledger is not the one you pinned.');
    }
    for (const witness of trust.ledger.witnesses) {
      if (!contract.ledger.witnesses.some(({ name, key }) => name === witness.name && key === witness.key)) {
        throw new ContractError('receipt/pins-ledger', 'A witness you pinned is not among the contract’s.');
      }
    }
    const known = trust.contracts.includes(digest);
    if (
      !known &&
      !contract.participants.every((participant) => trust.organisations.includes(participant.org))
    ) {
      throw new ContractError(
        'receipt/pins-organisation',
        'A party of the contract is not one of the organisations you pinned.',
      );
    }
  }
  if (finished.technology !== 'simulated') return;
  if (isDistrusted(finished.platform, trust.distrust ?? []))
    throw new ContractError('receipt/pins-simulator', 'You do not believe the room’s platform any more.');
  await checkSimulated(trust, contracts, finished.platform);
}

/** Hardware is pinned by entries of the reader's own, under which receipt-evidence.ts judges. */
async function checkSimulated(
  trust: Trust,
  contracts: readonly ContractState[],
  platform: string,
): Promise<void> {
  const entries = contracts
    .flatMap(({ contract }) => contract.room.accept)
    .filter((entry) => entry.technology === 'simulated');
  const launches = entries.flatMap(({ launch }) => launch);
  const keys = new Set(entries.flatMap((entry) => entry.keys));
  const used: KeyText[] = [];
  for (const key of keys) if ((await keyThumbprint(key)) === platform) used.push(key);
  if (
    !used.every((key) => trust.simulators.includes(key)) ||
    !launches.every((launch) => trust.rooms.some((room) => room === launch))
  ) {
    throw new ContractError(
      'receipt/pins-simulator',
      'The room’s platform or program is not one you pinned.',
    );
  }
}
