// Nodes, their one-time codes, and the nonces of their latest requests.
import type { NodeShape } from '@sealroom/api';
import { type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import type { Isolation, MessageOf } from '@sealroom/contract';
import type { Db, Tx } from '../db.ts';
import type { Actor } from '../sessions/rules.ts';

export type NodeRow = Omit<NodeShape, 'lastSeenAt'>;

function codeHash(code: string): Promise<Digest> {
  return sha256Digest(utf8Encode(code));
}

/** @param actor who vouches for the node; the operator when left out */
export async function insertCode(
  db: Db,
  actor: Actor | undefined,
  { code, name, expiresAt }: { code: string; name: string; expiresAt: Date },
): Promise<void> {
  const values = {
    code_hash: await codeHash(code),
    name,
    created_by: actor?.kid ?? null,
    expires_at: expiresAt,
  };
  await db.insertInto('node_codes').values(values).execute();
}

/** Uses a code up; gives who made it (null: the operator), or undefined when it is not (or no longer) good. */
export async function useCode(tx: Tx, code: string, now: Date): Promise<Digest | null | undefined> {
  const row = await tx
    .deleteFrom('node_codes')
    .where('code_hash', '=', await codeHash(code))
    .returning(['created_by', 'expires_at'])
    .executeTakeFirst();
  return row !== undefined && row.expires_at > now ? row.created_by : undefined;
}

/** Whether another node has enrolled with this simulator key. */
export async function simulatorTaken(tx: Tx, node: Digest, simulator: string | null): Promise<boolean> {
  if (simulator === null) return false;
  const query = tx.selectFrom('nodes').select('node').where('simulator', '=', simulator);
  return (await query.where('node', '!=', node).executeTakeFirst()) !== undefined;
}

export async function saveNode(
  tx: Tx,
  node: Digest,
  enrolledBy: Digest | null,
  given: MessageOf<'node-enrolment'>,
): Promise<void> {
  const { name, key, simulator, hardware = null, launch, isolation, maxVcpu, maxMemoryGiB } = given;
  const values = {
    name,
    key,
    simulator,
    hardware,
    launch,
    isolation,
    max_vcpu: maxVcpu,
    max_memory_gib: maxMemoryGiB,
    enrolled_by: enrolledBy,
  };
  await tx
    .insertInto('nodes')
    .values({ node, ...values, last_seen_at: null })
    .onConflict((conflict) => conflict.column('node').doUpdateSet(values))
    .execute();
}

export async function loadNodes(db: Db): Promise<NodeShape[]> {
  const rows = await db.selectFrom('nodes').selectAll().orderBy('name').orderBy('node').execute();
  return rows.map((row) => ({
    node: row.node,
    name: row.name,
    key: row.key,
    simulator: row.simulator,
    hardware: row.hardware as NodeShape['hardware'],
    launch: row.launch,
    isolation: row.isolation as Isolation,
    maxVcpu: row.max_vcpu,
    maxMemoryGiB: row.max_memory_gib,
    lastSeenAt: row.last_seen_at?.toISOString() ?? null,
  }));
}

export async function findNode(db: Db, node: Digest): Promise<NodeRow | undefined> {
  return (await loadNodes(db)).find((item) => item.node === node);
}

/** Burns a request's nonce and notes that the node was here. False when the nonce was used before. */
export async function noteRequest(
  tx: Tx,
  node: Digest,
  nonce: string,
  { now, forgetBefore }: { now: Date; forgetBefore: Date },
): Promise<boolean> {
  await tx.deleteFrom('node_nonces').where('seen_at', '<', forgetBefore).execute();
  const row = await tx
    .insertInto('node_nonces')
    .values({ node, nonce, seen_at: now })
    .onConflict((conflict) => conflict.doNothing())
    .returning('nonce')
    .executeTakeFirst();
  await tx.updateTable('nodes').set({ last_seen_at: now }).where('node', '=', node).execute();
  return row !== undefined;
}
