// Organisations, their people, and the operator's one-time registration codes.
import { type Digest, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import type { Statement } from '@sealroom/contract';
import type { OrganisationShape } from '@sealroom/api';
import type { Db, Tx } from '../db.ts';
import { issuedAt } from '../record/rules.ts';
import { recordedOf, selectStatements } from '../record/store.ts';

export async function saveOrganisation(
  tx: Tx,
  name: string,
  statement: Extract<Statement, { type: 'participant.registered' }>,
): Promise<void> {
  const { root, domain, vaults } = statement.payload;
  const org = statement.claims.iss as Digest;
  const values = { name, domain, root, vaults: JSON.stringify(vaults) };
  await tx
    .insertInto('organisations')
    .values({ org, ...values, registered_at: issuedAt(statement) })
    .onConflict((conflict) => conflict.column('org').doUpdateSet(values))
    .execute();
}

export async function savePerson(
  tx: Tx,
  name: string,
  statement: Extract<Statement, { type: 'identity.added' }>,
): Promise<Digest> {
  const { key, receiving, uses, org } = statement.payload;
  const kid = await keyThumbprint(key);
  await tx
    .insertInto('people')
    .values({ kid, org, name, key, receiving, uses: JSON.stringify(uses) })
    .execute();
  return kid;
}

export async function revokePerson(tx: Tx, kid: Digest): Promise<void> {
  await tx.updateTable('people').set({ revoked: true }).where('kid', '=', kid).execute();
}

function codeHash(code: string): Promise<Digest> {
  return sha256Digest(utf8Encode(code));
}

export async function insertRegistrationCode(db: Db, code: string, expiresAt: Date): Promise<void> {
  const values = { code_hash: await codeHash(code), expires_at: expiresAt, used_by: null };
  await db.insertInto('registration_codes').values(values).execute();
}

export async function codeIsGood(db: Db, code: string, now: Date): Promise<boolean> {
  const row = await db
    .selectFrom('registration_codes')
    .select('expires_at')
    .where('code_hash', '=', await codeHash(code))
    .where('used_by', 'is', null)
    .executeTakeFirst();
  return row !== undefined && row.expires_at > now;
}

export async function useCode(tx: Tx, code: string, org: Digest): Promise<void> {
  await tx
    .updateTable('registration_codes')
    .set({ used_by: org })
    .where('code_hash', '=', await codeHash(code))
    .execute();
}

export async function loadOrganisation(db: Db, org: Digest): Promise<OrganisationShape | undefined> {
  const row = await db.selectFrom('organisations').selectAll().where('org', '=', org).executeTakeFirst();
  if (!row) return undefined;
  const people = await db.selectFrom('people').selectAll().where('org', '=', org).orderBy('kid').execute();
  const statements = await selectStatements(db, { orgs: [org] });
  return {
    org,
    name: row.name,
    domain: row.domain,
    root: row.root,
    vaults: row.vaults as OrganisationShape['vaults'],
    people: people.map(({ uses, ...person }) => ({
      ...person,
      uses: uses as OrganisationShape['people'][number]['uses'],
    })),
    statements: statements.map(recordedOf),
  };
}

export async function organisationsExist(db: Db, orgs: readonly Digest[]): Promise<boolean> {
  const rows = await db.selectFrom('organisations').select('org').where('org', 'in', orgs).execute();
  return rows.length === new Set(orgs).size;
}
