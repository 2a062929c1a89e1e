// Invariants between a vault's own database and the ledger: each knows exactly the reservations and clearances that the
// other has, and nothing waits for ever to be said.
import { type Digest, sha256Digest } from '@sealroom/bytes';
import { isOfType, readStatement } from '@sealroom/contract';
import type { VaultState } from './history.ts';
import type { Judged } from './invariants.ts';

type Kind = 'key.reserved' | 'output.cleared';

/** Payload digests of what the ledger holds by this vault. */
function standing({ leaves }: Judged, vault: Digest, type: Kind): Set<Digest> {
  return new Set(
    leaves.flatMap(({ statement }) =>
      statement.kid === vault && isOfType(statement, type) ? [statement.digest] : [],
    ),
  );
}

/** Statements that the ledger refused: decided against, and not standing. */
async function refusedBy({ outbox }: VaultState): Promise<Set<Digest>> {
  const refused = outbox.filter((item) => item.refused !== null);
  const read = await Promise.all(refused.map(({ cose }) => readStatement(cose)));
  return new Set(read.map(({ digest }) => digest));
}

async function compare(judged: Judged, vault: VaultState, type: Kind): Promise<void> {
  const { broken } = judged;
  const rows =
    type === 'key.reserved'
      ? vault.releases.map(({ reservation }) => reservation)
      : vault.clearances.map(({ statement }) => statement);
  const kept = new Set(
    (await Promise.all(rows.map((row) => readStatement(row)))).map(({ digest }) => digest),
  );
  const refused = await refusedBy(vault);
  const said = standing(judged, vault.kid, type);
  for (const digest of said)
    if (!kept.has(digest)) broken('vault/forgot', `vault ${vault.kid} does not know its ${type} ${digest}`);
  for (const digest of kept)
    if (!said.has(digest) && !refused.has(digest))
      broken('vault/unsaid', `the ledger does not hold the ${type} ${digest} of vault ${vault.kid}`);
}

async function checkOutbox({ history, broken }: Judged, { kid, outbox }: VaultState): Promise<void> {
  const leaves = new Map(history.receipts.map(({ cose, index }) => [cose, index]));
  for (const { cose, leaf, refused } of outbox) {
    if (leaf === null && refused === null) broken('vault/unsaid', `vault ${kid} still has something to say`);
    const digest = await sha256Digest(cose);
    if (leaf !== null && leaves.get(digest) !== leaf)
      broken('vault/leaf', `vault ${kid} believes that ${digest} stands at leaf ${leaf}`);
  }
}

/** Answers that rooms got are those that the vault has kept, for rooms that it reserved. */
async function checkAnswers({ history, broken }: Judged): Promise<void> {
  const kept = new Set<Digest>();
  for (const { releases } of history.vaults)
    for (const { answer, state } of releases)
      if (answer !== null && state === 'released') kept.add(await sha256Digest(answer));
  for (const { answer } of history.releases)
    if (!kept.has(await sha256Digest(answer)))
      broken('vault/forgot', `a room got keys that no vault knows of (${await sha256Digest(answer)})`);
}

export async function checkVaults(judged: Judged): Promise<void> {
  for (const vault of judged.history.vaults) {
    await compare(judged, vault, 'key.reserved');
    await compare(judged, vault, 'output.cleared');
    await checkOutbox(judged, vault);
  }
  await checkAnswers(judged);
}
