// KEK pairs and wrapped keys on the wire (docs/protocol.md section 2).
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Bytes, sha256Digest } from '@sealroom/bytes';
import {
  admitStatement,
  ContractError,
  createStatement,
  freshSalt,
  isOfType,
  type LedgerRecord,
  type MessageOf,
  readStatement,
  type Statement,
} from '@sealroom/contract';
import { CoseError, verifySign1 } from '@sealroom/cose';
import { type App, mount } from '@sealroom/host';
import { SealError } from '@sealroom/seal';
import { PUBLIC_SUBJECT_KEY } from '@sealroom/tlog';
import type { Vault } from '../context.ts';
import { refuse } from '../error.ts';
import { appendStatement } from '../follower/ledger.ts';
import { namesKek, verifyOwner } from './rules.ts';
import { sealSecret } from './sealing.ts';
import { findKek, kekByDigest, type KeptKek, saveKek, saveWrappedKey, someKek } from './store.ts';
import { unwrapWith } from './unwrap.ts';

/** Verifies an owner's request against the record as it stands now. */
export async function ownerOf(vault: Vault, request: Bytes): Promise<MessageOf<'kek-request'>> {
  const { identity, timing } = vault;
  await vault.log.follow();
  return vault.records.lend([], new Map(), (record) =>
    verifyOwner(request, record, { kid: identity.signer.kid, orgs: identity.orgs, now: timing.clock() }),
  );
}

async function makeKek(vault: Vault, { org, project, role }: MessageOf<'kek-request'>): Promise<KeptKek> {
  const { identity, db, pool, rootKey, ledger, timing } = vault;
  const known = await findKek(db, { org, project, role });
  if (known) return known;
  const pair = await pool.take();
  const now = timing.clock();
  const kek = await sha256Digest(pair.publicDer);
  const name = { project, org, role, kek };
  const payload = { ...name, salt: freshSalt(), spki: base64urlEncode(pair.publicDer), version: 1 };
  const statement = await createStatement(identity.signer, {
    type: 'kek.created',
    payload: { ...payload, custody: identity.custody },
    iss: org,
    origin: ledger.origin,
    now,
  });
  const sealed = sealSecret(rootKey, name, pair.privatePkcs8);
  pair.privatePkcs8.fill(0);
  await saveKek(db, { ...name, sealed: new Uint8Array(sealed), statement }, new Date(now));
  return (
    (await findKek(db, { org, project, role })) ?? { ...name, sealed: new Uint8Array(sealed), statement }
  );
}

function wrappedStatement(statement: Statement): Statement<'key.wrapped'> {
  if (isOfType(statement, 'key.wrapped')) return statement;
  throw refuse('vault/wrong-statement', 'This call takes a key.wrapped statement.');
}

/** The statement is an identity's of the organisation: either it stands already, or it may stand next. */
async function checkWrapped(record: LedgerRecord, statement: Statement<'key.wrapped'>): Promise<void> {
  if (!record.seen.has(statement.digest)) {
    await admitStatement(record, statement.bytes);
    return;
  }
  const entry = record.keys.get(statement.kid);
  try {
    if (entry?.orgs.has(statement.payload.org)) {
      await verifySign1(statement.bytes, entry.key);
      return;
    }
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
  }
  throw new ContractError('statement/bad-signature', 'The signature of this key.wrapped does not verify.');
}

/** Whatever is wrong costs one RSA decryption and gives one answer. */
async function checkUnwraps(vault: Vault, statement: Statement<'key.wrapped'>, wcek: Bytes): Promise<void> {
  const named = await kekByDigest(vault.db, statement.payload.kek);
  const right = named && namesKek(statement.payload, named);
  const kek = right ? named : await someKek(vault.db);
  let opened = false;
  try {
    const cek = kek && (await unwrapWith(vault, kek, wcek));
    opened = cek !== undefined;
    cek?.fill(0);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
  }
  if (right && opened) return;
  throw refuse(
    'vault/unwrap-failed',
    'The wrapped key does not open with the key-encryption key of this project and role. Wrap the 32-byte key again.',
  );
}

async function takeWrappedKey(vault: Vault, cose: Bytes, wcek: Bytes): Promise<void> {
  const statement = wrappedStatement(await readStatement(cose));
  const { org, kek, wcek: digest } = statement.payload;
  if (!vault.identity.orgs.includes(org)) {
    throw refuse('vault/not-served', 'This vault does not serve that organisation; ask its own vault.');
  }
  await vault.log.follow();
  const stands = await vault.records.lend([], new Map(), async (record) => {
    await checkWrapped(record, statement);
    return record.seen.has(statement.digest);
  });
  if ((await sha256Digest(wcek)) !== digest) {
    throw refuse('vault/digest-mismatch', 'These are not the bytes whose digest the statement names.');
  }
  await checkUnwraps(vault, statement, wcek);
  // Kept first: a statement that counts must never name a key that the vault lost.
  await saveWrappedKey(vault.db, { wcek: digest, kek, bytes: wcek });
  if (!stands) await appendStatement(vault.ledger, cose, PUBLIC_SUBJECT_KEY);
}

export function mountKeys(app: App, vault: Vault): void {
  const { identity, ledger } = vault;
  mount(app, vaultRoutes.describe, async () => ({
    key: identity.signer.key,
    kid: identity.signer.kid,
    organisations: [...identity.orgs],
    custody: identity.custody,
    ledger: { origin: ledger.origin, key: ledger.key },
    allowSimulated: identity.allowSimulated,
    collateral: (await vault.attest.collateralStatus?.()) ?? { kept: 0, ending: 0 },
  }));
  mount(app, vaultRoutes.createKek, async ({ body }) => {
    const asked = await ownerOf(vault, base64urlDecode(body.request));
    const turn = `kek ${asked.org} ${asked.project} ${asked.role}`;
    const { statement } = await vault.turns(turn, () => makeKek(vault, asked));
    const { index, proof } = await appendStatement(ledger, statement, PUBLIC_SUBJECT_KEY);
    return { statement: base64urlEncode(statement), index, proof };
  });
  mount(app, vaultRoutes.wrapKey, async ({ body }) => {
    const wcek = base64urlDecode(body.wcek);
    await takeWrappedKey(vault, base64urlDecode(body.statement), wcek);
    return { ok: true, wcek: await sha256Digest(wcek) };
  });
}
