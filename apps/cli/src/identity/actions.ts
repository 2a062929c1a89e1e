// A person's keys: made here, vouched for by the organisation's root, revoked by it.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, BytesError, canonicalJson, type Digest, parseStrictJson } from '@sealroom/bytes';
import { call, identitiesOf, verifyAppended, verifyRecorded } from '@sealroom/client';
import {
  createStatement,
  digest,
  freshSalt,
  keyText,
  type PayloadOf,
  USES,
  type Use,
} from '@sealroom/contract';
import type { Signer } from '@sealroom/cose';
import { z } from 'zod';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven, writeWhole } from '../home/files.ts';
import { readPins, pinOrganisation } from '../home/pins.ts';
import { changeSettings, endSession, readSettings } from '../home/settings.ts';
import { findIdentity, makeIdentity, unlockIdentity } from '../home/unlock.ts';
import { connect, type HubConnection } from '../hub/connection.ts';
import { findById, loadOrganisation } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { facts } from '../terminal/text.ts';

/** What the root's keeper needs in order to vouch: public keys and a name. */
const request = z.strictObject({
  v: z.literal(1),
  kind: z.literal('sealroom/identity-request'),
  org: digest,
  name: z.string().min(1).max(200),
  key: keyText,
  receiving: keyText,
  uses: z.array(z.enum(USES)).min(1),
});
type IdentityRequest = z.infer<typeof request>;

function usesOf(text: string): Use[] {
  if (text === 'all') return [...USES];
  const named = [...new Set(text.split(',').map((use) => use.trim()))];
  const known = named.filter((use): use is Use => USES.some((item) => item === use));
  if (known.length === named.length) return known;
  throw new CliError('cli/usage', `The option --uses takes some of: ${USES.join(', ')}.`);
}

async function vouch(
  context: Context,
  { service, ledger }: HubConnection,
  root: Signer,
  { name, key, receiving, uses, org }: IdentityRequest,
): Promise<{ readonly kid: Digest; readonly index: number }> {
  if (root.kid !== org)
    throw new CliError('cli/refused', 'The request is for another organisation than this root’s.', {
      exit: EXIT.refused,
    });
  const payload: PayloadOf<'identity.added'> = { salt: freshSalt(), org, key, receiving, uses, person: null };
  const base = { type: 'identity.added' as const, payload, iss: org };
  const cose = await createStatement(root, { ...base, origin: ledger.origin, now: context.now() });
  const body = { name, statement: base64urlEncode(cose) };
  const placed = await call(service, hubRoutes.addIdentity, { body });
  context.did(`The root vouched for the identity at leaf ${placed.index}.`);
  await verifyAppended(ledger, cose, placed);
  return { kid: placed.kid, index: placed.index };
}

async function ownOrganisation(context: Context, input: Input): Promise<Digest> {
  const given = input.optional('org');
  const settings = await readSettings(context.home);
  const org = given === undefined ? settings.org : digest.safeParse(given).data;
  if (org !== undefined) return org;
  throw new CliError('cli/usage', 'It is not known for which organisation.', {
    next: 'Run "sealroom org create" first, or give --org with the organisation’s id.',
  });
}

/** Keys of an earlier call that failed after making them are used again. */
async function ownKeys(context: Context, input: Input) {
  const known = await findIdentity(context.home, 'identity');
  if (known) {
    if ((await readSettings(context.home)).hub === undefined || known.receiving === null)
      throw new CliError('cli/file-exists', 'This home has an identity already.');
    return { file: known, code: undefined };
  }
  return makeIdentity(context, 'identity', { file: input.optional('recoveryFile') });
}

export const createIdentity: Action = async (context, input) => {
  const uses = usesOf(input.text('uses'));
  const name = input.text('name');
  const org = await ownOrganisation(context, input);
  const withRoot = (await findIdentity(context.home, 'root')) !== undefined;
  const connection = withRoot ? await connect(context, input) : undefined;
  const { file, code } = await ownKeys(context, input);
  const asked: IdentityRequest = {
    v: 1,
    kind: 'sealroom/identity-request',
    org,
    name,
    key: file.key,
    receiving: file.receiving ?? '',
    uses,
  };
  const recovery = code === undefined ? '' : `\nRecovery code, shown this once; write it down:\n  ${code}\n`;
  const about = facts([
    ['key', file.kid],
    ['uses', uses.join(', ')],
  ]);
  if (!connection) {
    const out = input.text('requestOut');
    await writeWhole(out, `${canonicalJson(request.parse(asked))}\n`, { mode: 0o644, overwrite: true });
    await changeSettings(context.home, { org });
    const pins = await readPins(context.home);
    const at = new Date(context.now()).toISOString();
    if (!pins.organisations.some((pin) => pin.org === org))
      await pinOrganisation(context.home, { org, name: 'own organisation', checked: 'own', at });
    const text = `Made your keys. Send ${out} to the keeper of the root key, who runs: sealroom identity vouch ${out}\n`;
    return { json: { ok: true, kid: file.kid, vouched: false, request: out }, text: text + about + recovery };
  }
  const { signer } = await unlockIdentity(context, 'root');
  const { kid, index } = await vouch(context, connection, signer, asked);
  return {
    json: { ok: true, kid, org, name, uses, vouched: true, index },
    text: `Added the identity of ${name} at leaf ${index}.\n${about}${recovery}`,
  };
};

/** What another person asks the keeper of the root to sign. @throws cli/bad-file */
function parseRequest(bytes: Uint8Array, path: string): z.output<typeof request> {
  try {
    return request.parse(parseStrictJson(bytes));
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof z.ZodError)) throw cause;
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} is not an identity request.`, { cause });
  }
}

export const vouchFor: Action = async (context, input) => {
  const path = input.arg(0);
  const asked = parseRequest(await readGiven(path, 64 * 1024), path);
  const connection = await connect(context, input);
  const { name, uses, key } = asked;
  context.show(`Vouching for ${name}, key ${key}, for: ${uses.join(', ')}\n`);
  const { signer } = await unlockIdentity(context, 'root');
  const { kid, index } = await vouch(context, connection, signer, asked);
  return {
    json: { ok: true, kid, name, uses, index },
    text: `Added the identity of ${name} at leaf ${index}: ${kid}\n`,
  };
};

export const revokeIdentity: Action = async (context, input) => {
  const hub = await link(context, input);
  const shape = await loadOrganisation(hub, hub.org);
  const verified = await verifyRecorded(hub.ledger, shape.statements);
  const named = shape.people.map(({ kid, name }) => ({ kid, name }));
  const { kid, name } = findById(named, 'kid', input.arg(0), 'identity');
  const entry = identitiesOf(verified, hub.org).find((item) => item.kid === kid);
  if (!entry) throw new CliError('cli/refused', 'This identity was revoked already.', { exit: EXIT.refused });
  const { signer } = await unlockIdentity(context, 'root');
  const payload = { salt: freshSalt(), org: hub.org, kid, note: null, prev: entry.statement };
  const base = { type: 'identity.revoked' as const, payload, iss: hub.org };
  const cose = await createStatement(signer, { ...base, origin: hub.ledger.origin, now: context.now() });
  const placed = await call(hub.service, hubRoutes.revokeIdentity, {
    body: { statement: base64urlEncode(cose) },
  });
  context.did(`The identity was revoked at leaf ${placed.index}.`);
  await verifyAppended(hub.ledger, cose, placed);
  if (kid === hub.kid) await endSession(context.home);
  return {
    json: { ok: true, kid, index: placed.index },
    text: `Revoked the identity of ${name} (${kid}). Contracts that name it need a new version.\n`,
  };
};
