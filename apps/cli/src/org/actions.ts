// Making and registering an organisation: its root key is made here, and the statement that the root signs names the vault
// whose key the person confirmed.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Bytes, type Digest } from '@sealroom/bytes';
import { call, fingerprintWords, verifyAppended } from '@sealroom/client';
import { createStatement, freshSalt, isOfType, type PayloadOf, readStatement } from '@sealroom/contract';
import { keyThumbprint, type Signer } from '@sealroom/cose';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readSecretLine } from '../home/files.ts';
import { pinOrganisation } from '../home/pins.ts';
import { changeSettings, type Settings } from '../home/settings.ts';
import { findIdentity, makeIdentity, needIdentity, noTerminal, unlockIdentity } from '../home/unlock.ts';
import { connect, describeVault, type HubConnection } from '../hub/connection.ts';
import { loadOrganisation } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { facts } from '../terminal/text.ts';

type Vault = PayloadOf<'participant.registered'>['vaults'][number];

export const connectHub: Action = async (context, input) => {
  const url = input.optionalArg(0);
  const given: Input =
    url === undefined
      ? input
      : { ...input, optional: (name) => (name === 'hub' ? url : input.optional(name)) };
  const { settings, ledger } = await connect(context, given);
  const kid = await keyThumbprint(ledger.key);
  return {
    json: { ok: true, hub: settings.hub, ledger: { ...ledger, kid } },
    text: facts([
      ['hub', settings.hub],
      ['ledger', ledger.origin],
      ['ledger key', kid],
    ]),
  };
};

async function confirmVault(context: Context, input: Input, key: string, custody: string): Promise<void> {
  const kid = await keyThumbprint(key);
  const wanted = input.optional('vaultKey');
  if (wanted !== undefined) {
    if (wanted === kid || wanted === key) return;
    throw new CliError('cli/vault-key', `The vault has the key ${kid}, not the one you gave.`, {
      exit: EXIT.refused,
      next: 'Check the address; if it is right, ask the vault’s operator.',
    });
  }
  if (input.flag('trustOnFirstUse')) {
    context.note(
      `Trusting the vault on first use, unchecked: key ${kid}\nCompare it later with its operator.\n`,
    );
    return;
  }
  if (!context.terminal.interactive)
    throw noTerminal(
      `The vault’s key (it says ${kid})`,
      '--vault-key with what the vault’s operator told you',
    );
  context.show(`The vault has the custody "${custody}" and the key\n  ${kid}\n  ${fingerprintWords(kid)}\n`);
  if (await (await context.terminal.prompts()).confirm('Did the vault’s operator tell you this key?')) return;
  throw new CliError('cli/vault-key', 'The vault’s key was not confirmed.', { exit: EXIT.refused });
}

async function vaultAt(context: Context, input: Input, settings: Settings, url: string): Promise<Vault> {
  if (!URL.canParse(url)) throw new CliError('cli/usage', 'The vault’s address is not a URL.');
  const address = url.replace(/\/+$/, '');
  const { key, custody } = await describeVault(context, settings, address);
  await confirmVault(context, input, key, custody);
  return { key, url: address, custody };
}

async function register(
  context: Context,
  { service, ledger }: HubConnection,
  root: Signer,
  said: { name: string; domain: string; vaults: readonly Vault[]; prev: Digest | null; code?: string },
): Promise<{ readonly org: Digest; readonly index: number; readonly cose: Bytes }> {
  const payload = {
    salt: freshSalt(),
    root: root.key,
    domain: said.domain,
    vaults: [...said.vaults],
    prev: said.prev,
  };
  const cose = await createStatement(root, {
    type: 'participant.registered',
    payload,
    iss: root.kid,
    origin: ledger.origin,
    now: context.now(),
  });
  const body = {
    name: said.name,
    statement: base64urlEncode(cose),
    ...(said.code ? { code: said.code } : {}),
  };
  const placed = await call(service, hubRoutes.registerOrganisation, { body });
  context.did(`The organisation was registered at leaf ${placed.index}.`);
  await verifyAppended(ledger, cose, placed);
  return { org: root.kid, index: placed.index, cose };
}

/** The root of this home: made now, or made before by a command that failed later. */
async function rootOf(context: Context, input: Input) {
  if (await findIdentity(context.home, 'root')) {
    const { signer } = await unlockIdentity(context, 'root');
    return { signer, code: undefined };
  }
  const made = await makeIdentity(context, 'root', { file: input.optional('recoveryFile') });
  return { signer: made.unlocked.signer, code: made.code };
}

export const createOrganisation: Action = async (context, input) => {
  const [name, domain] = [input.text('name'), input.text('domain')];
  const codeFile = input.optional('codeFile');
  const code = codeFile === undefined ? {} : { code: await readSecretLine(codeFile) };
  const connection = await connect(context, input);
  if (connection.settings.org !== undefined) {
    throw new CliError(
      'cli/file-exists',
      `This home belongs to the organisation ${connection.settings.org} already.`,
      {
        next: 'Use another --home for another organisation.',
      },
    );
  }
  const url = input.optional('vault');
  const vaults = url === undefined ? [] : [await vaultAt(context, input, connection.settings, url)];
  const root = await rootOf(context, input);
  const { org, index } = await register(context, connection, root.signer, {
    name,
    domain,
    vaults,
    prev: null,
    ...code,
  });
  const at = new Date(context.now()).toISOString();
  await pinOrganisation(context.home, { org, name, checked: 'own', at });
  await changeSettings(context.home, { org, organisationName: name });
  const recovery =
    root.code === undefined
      ? ''
      : `\nRecovery code of the root key, shown this once; write it down:\n  ${root.code}\n`;
  return {
    json: { ok: true, org, name, domain, vaults, index, fingerprint: fingerprintWords(org) },
    text: `Registered ${name}.\n${facts([
      ['organisation', org],
      ['fingerprint', fingerprintWords(org)],
      ['vault', vaults[0]?.url ?? 'none yet: sealroom org vault URL'],
      ['ledger leaf', String(index)],
    ])}Tell the other parties the fingerprint by another way than the hub.${recovery}\n`,
  };
};

/** Registers the organisation anew, with another vault; the new statement follows the last one. */
export const setVault: Action = async (context, input) => {
  const hub = await link(context, input);
  await needIdentity(context.home, 'root');
  const vault = await vaultAt(context, input, hub.settings, input.arg(0));
  const known = await loadOrganisation(hub, hub.org);
  const read = await Promise.all(
    known.statements.map(async ({ cose }) => readStatement(new Uint8Array(Buffer.from(cose, 'base64url')))),
  );
  const last = read.findLast((statement) => isOfType(statement, 'participant.registered'));
  const { signer } = await unlockIdentity(context, 'root');
  const said = { name: known.name, domain: known.domain, vaults: [vault], prev: last?.digest ?? null };
  const { index } = await register(context, hub, signer, said);
  return {
    json: { ok: true, org: hub.org, vault, index },
    text: `Registered the vault ${vault.url} at leaf ${index}.\n`,
  };
};
