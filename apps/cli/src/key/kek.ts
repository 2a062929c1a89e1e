// The KEK of one's role in a project: made by one's own vault, whose key the organisation's root named; and the WCEK that
// counts from now on.
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import {
  call,
  ClientError,
  statementsOf,
  vaultsOf,
  type VerifiedRecord,
  verifyAppended,
} from '@sealroom/client';
import {
  createMessage,
  freshSalt,
  isOfType,
  readStatement,
  type Role,
  type Statement,
} from '@sealroom/contract';
import { keyThumbprint, verifySign1 } from '@sealroom/cose';
import { importKek } from '@sealroom/seal';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven, writeWhole } from '../home/files.ts';
import { vaultService } from '../hub/connection.ts';
import { openProject, type ProjectView, roleOf } from '../hub/project.ts';
import { identityOf, link, type Link } from '../hub/session.ts';
import { publish, sign } from '../hub/statement.ts';
import { facts } from '../terminal/text.ts';
import { randomName } from './wrap.ts';

type Opened = { readonly hub: Link; readonly view: ProjectView; readonly role: Role };

async function opened(context: Context, input: Input): Promise<Opened> {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  return { hub, view, role: roleOf(view.project, hub.org) };
}

/** One's own vault, as the root registered it. */
export async function ownVault(verified: VerifiedRecord, { org }: Link) {
  const [vault] = vaultsOf(verified, org);
  if (vault) return { ...vault, kid: await keyThumbprint(vault.key) };
  throw new CliError('cli/not-found', 'Your organisation has registered no vault.', {
    next: 'Register it: sealroom org vault URL',
  });
}

function announcedKek(
  verified: VerifiedRecord,
  { view, hub, role }: Opened,
): Statement<'kek.created'> | undefined {
  return statementsOf(verified, 'kek.created')
    .filter(
      ({ payload }) =>
        payload.org === hub.org && payload.project === view.project.project && payload.role === role,
    )
    .toSorted((a, b) => b.payload.version - a.payload.version)[0];
}

async function writeKek(
  context: Context,
  input: Input,
  { view, role }: Opened,
  statement: Statement<'kek.created'>,
) {
  const { kek, spki, version, custody } = statement.payload;
  const der = base64urlDecode(spki);
  const { fingerprint, bits } = await importKek(der);
  if (fingerprint !== kek)
    throw new CliError('cli/refused', 'The announced key is not the one its statement names.', {
      exit: EXIT.refused,
    });
  const plain =
    view.project.name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/^[-.]+|-+$/g, '') || 'project';
  const suffix = role === 'data-steward' ? 'ds' : 'ao';
  const out = input.optional('out') ?? `${plain}-${randomName()}-${suffix}.der`;
  await writeWhole(out, der, { mode: 0o644 });
  context.did(`${out} was written.`);
  const custodyWords =
    custody === 'operator' ? 'operator: the operator can read what you wrap for it' : custody;
  return {
    json: { ok: true, out, kek, version, bits, role, custody },
    text: `Wrote ${out}.\n${facts([
      ['KEK', kek],
      ['RSA bits', String(bits)],
      ['custody', custodyWords],
    ])}`,
  };
}

/** Proves to one's own vault who asks. */
export async function vaultRequest(
  context: Context,
  { hub, view, role }: Opened,
  audience: Digest,
): Promise<string> {
  const { signer } = await identityOf(context);
  const payload = { org: hub.org, project: view.project.project, role };
  const request = { name: 'kek-request' as const, payload, audience, now: context.now() };
  return base64urlEncode(await createMessage(signer, request));
}

async function askVault(context: Context, { hub, view, role }: Opened): Promise<Bytes> {
  const vault = await ownVault(view.verified, hub);
  const { project } = view.project;
  const request = await vaultRequest(context, { hub, view, role }, vault.kid);
  const service = vaultService(context, hub.settings, vault.url);
  const answer = await call(service, vaultRoutes.createKek, { body: { request } });
  const cose = base64urlDecode(answer.statement);
  const statement = await readStatement(cose);
  await verifySign1(cose, vault.key);
  await verifyAppended(hub.ledger, cose, answer);
  const right =
    isOfType(statement, 'kek.created') &&
    statement.payload.org === hub.org &&
    statement.payload.project === project &&
    statement.payload.role === role;
  if (!right)
    throw new CliError('cli/refused', 'The vault announced another key than the one asked for.', {
      exit: EXIT.refused,
    });
  context.did('Your vault made the key pair and announced it in the ledger.');
  return cose;
}

export const createKek: Action = async (context, input) => {
  const parts = await opened(context, input);
  const cose = await askVault(context, parts);
  const statement = await readStatement(cose);
  if (!isOfType(statement, 'kek.created'))
    throw new CliError('cli/refused', 'The vault announced no key.', { exit: 1 });
  const { project } = parts.view.project;
  if (!parts.view.artifacts.some(({ digest }) => digest === statement.payload.kek)) {
    const details = { name: `KEK ${parts.role}`, description: '', versionTag: '', versionDescription: '' };
    await publish(context, parts.hub, project, cose, { details });
  }
  return writeKek(context, input, parts, statement);
};

export const downloadKek: Action = async (context, input) => {
  const parts = await opened(context, input);
  const statement = announcedKek(parts.view.verified, parts);
  if (statement) return writeKek(context, input, parts, statement);
  throw new CliError('cli/not-found', 'Your organisation has no key-encryption key in this project yet.', {
    next: 'Make one: sealroom key kek create',
  });
};

/** A hub that has the statement already took it in an earlier call that failed later. */
function isKnown(error: unknown): boolean {
  return (
    error instanceof ClientError &&
    (error.problem === 'hub/repeated' || error.problem === 'statement/repeated')
  );
}

export const uploadWrappedKey: Action = async (context, input) => {
  const wcek = await readGiven(input.text('wcek'), 64 * 1024);
  const parts = await opened(context, input);
  const { hub, view, role } = parts;
  const { project } = view.project;
  const announced = announcedKek(view.verified, parts);
  if (!announced) {
    throw new CliError('cli/not-found', 'Your organisation has no key-encryption key in this project yet.', {
      next: 'Make one first: sealroom key kek create',
    });
  }
  const vault = await ownVault(view.verified, hub);
  const digest = await sha256Digest(wcek);
  const { kek } = announced.payload;
  const cose = await sign(context, hub, 'key.wrapped', {
    salt: freshSalt(),
    org: hub.org,
    project,
    role,
    kek,
    wcek: digest,
  });
  // The vault first: a key that does not unwrap must never become the one that counts.
  const service = vaultService(context, hub.settings, vault.url);
  const body = { statement: base64urlEncode(cose), wcek: base64urlEncode(wcek) };
  await call(service, vaultRoutes.wrapKey, { body });
  context.did('Your vault holds the wrapped key.');
  const details = { name: `WCEK ${role}`, description: '', versionTag: '', versionDescription: '' };
  let index: number | undefined;
  try {
    ({ index } = await publish(context, hub, project, cose, { details }));
  } catch (error) {
    if (!isKnown(error)) throw error;
  }
  return {
    json: { ok: true, wcek: digest, kek, role, index: index ?? null },
    text: `Your vault opens the wrapped key; it counts from now on.\n${facts([
      ['WCEK', digest],
      ['KEK', kek],
    ])}`,
  };
};
