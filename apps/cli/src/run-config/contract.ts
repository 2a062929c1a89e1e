// Suspending, resuming and revoking a contract: told to the hub, and straight to every vault, since a hub might withhold
// it. It counts at a vault from the moment the vault was told.
import { type RunConfigurationShape, vaultRoutes } from '@sealroom/api';
import { base64urlEncode, type Bytes, type Digest } from '@sealroom/bytes';
import { call, verifyAppended } from '@sealroom/client';
import {
  type Contract,
  contractSalt,
  type ContractState,
  freshSalt,
  readStatement,
} from '@sealroom/contract';
import type { Action, Answer, Context, Input } from '../context.ts';
import { CliError, EXIT, failureOf } from '../error.ts';
import { readPins } from '../home/pins.ts';
import { readSettings } from '../home/settings.ts';
import { vaultService } from '../hub/connection.ts';
import { openProject, type ProjectView } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { noteOf, sign, submit } from '../hub/statement.ts';
import { table } from '../terminal/text.ts';
import { findRunConfig } from './agreement.ts';
import { keepTold, keptContract, keptTold } from './kept.ts';

/** Who speaks, and by which ledger and authorities. */
type From = Pick<Link, 'org' | 'ledger' | 'settings'>;
type Told = { readonly who: string; readonly ok: boolean; readonly detail: string };

async function attempt(who: string, tell: () => Promise<string>): Promise<Told> {
  try {
    return { who, ok: true, detail: await tell() };
  } catch (error) {
    const { message, code } = failureOf(error);
    return { who, ok: false, detail: `${message} [${code}]` };
  }
}

async function tellVaults(context: Context, hub: From, contract: Contract, cose: Bytes): Promise<Told[]> {
  const urls = [...new Set(contract.vaults.map(({ url }) => url))];
  return Promise.all(
    urls.map((url) =>
      attempt(url, async () => {
        const service = vaultService(context, hub.settings, url);
        const body = { statement: base64urlEncode(cose) };
        const placed = await call(service, vaultRoutes.submit, { body });
        await verifyAppended(hub.ledger, cose, placed, contractSalt(contract));
        return `told; leaf ${placed.index}`;
      }),
    ),
  );
}

type Change = 'suspend' | 'resume' | 'revoke';
const WORDS: Readonly<Record<Change, string>> = {
  suspend: 'Suspended',
  resume: 'Resumed',
  revoke: 'Revoked',
};

async function signChange(
  context: Context,
  hub: Link,
  change: Change,
  state: ContractState,
  reason: string | undefined,
) {
  const note = await noteOf(reason);
  const payload = {
    salt: freshSalt(),
    contract: state.digest,
    org: hub.org,
    note: note.digest,
    prev: state.last,
  };
  if (change !== 'resume') {
    const type = change === 'suspend' ? 'contract.suspended' : 'contract.revoked';
    return { cose: await sign(context, hub, type, payload), note: note.text };
  }
  const suspension = [...state.suspensions].find(([, org]) => org === hub.org)?.[0];
  if (suspension === undefined)
    throw new CliError('cli/refused', 'Your organisation has no open suspension of this contract.', {
      exit: EXIT.refused,
    });
  return { cose: await sign(context, hub, 'contract.resumed', { ...payload, suspension }), note: note.text };
}

function answerOf(change: Change, digest: Digest, told: readonly Told[], runConfiguration?: string): Answer {
  const all = told.every(({ ok }) => ok);
  const rows = told.map(({ who, ok, detail }) => [who, ok ? 'yes' : 'NO', detail]);
  const head = all
    ? `${WORDS[change]}.`
    : `${WORDS[change]}, but not everybody took it; run the command again.`;
  return {
    json: { ok: all, change, contract: digest, runConfiguration: runConfiguration ?? null, told },
    text: `${head}\n${table(['told', 'took it', ''], rows)}`,
    exit: all ? EXIT.ok : EXIT.refused,
  };
}

/** Without the hub: the contract that was signed from this home, and its vaults. */
async function changeDirectly(
  context: Context,
  input: Input,
  change: Exclude<Change, 'resume'>,
): Promise<Answer> {
  const { digest, contract } = await keptContract(context.home, input.optionalArg(0));
  const settings = await readSettings(context.home);
  const { ledger } = await readPins(context.home);
  if (!ledger || settings.org === undefined)
    throw new CliError('cli/no-hub', 'This home has pinned no ledger yet.', {
      next: 'sealroom hub connect URL',
    });
  const from = { org: settings.org, ledger, settings };
  const type = change === 'suspend' ? 'contract.suspended' : 'contract.revoked';
  const payload = { salt: freshSalt(), contract: digest, org: from.org, note: null, prev: digest };
  const cose = await sign(context, from, type, payload);
  await keepTold(context.home, digest, cose);
  return answerOf(change, digest, await tellVaults(context, from, contract, cose));
}

/** What was told to vaults without the hub is told to the hub now; the ledger has it already. @returns whether it was news */
async function tellHubOfDirect(
  context: Context,
  hub: Link,
  { contract: digest, runConfiguration }: RunConfigurationShape,
  { verified }: ProjectView,
): Promise<boolean> {
  const contract = verified.record.contracts.get(digest)?.contract;
  let news = false;
  for (const cose of await keptTold(context.home, digest)) {
    const statement = await readStatement(cose);
    if (!contract || verified.record.seen.has(statement.digest)) continue;
    await submit(context, hub, { runConfiguration, contract }, cose);
    news = true;
  }
  return news;
}

export function changeContract(change: Change): Action {
  return async (context, input) => {
    if (input.flag('direct') && change !== 'resume') return changeDirectly(context, input, change);
    const hub = await link(context, input);
    let view = await openProject(context, input, hub);
    const configuration = findRunConfig(view, input.optionalArg(0));
    const { runConfiguration, contract: digest } = configuration;
    if (await tellHubOfDirect(context, hub, configuration, view))
      view = await openProject(context, input, hub);
    const state = view.verified.record.contracts.get(digest);
    if (!state)
      throw new CliError('cli/refused', 'The hub does not prove that this contract was signed.', {
        exit: EXIT.refused,
      });
    const { cose, note } = await signChange(context, hub, change, state, input.optional('reason'));
    const { contract } = state;
    // Both at once: neither may keep the other from hearing it.
    const [atHub, atVaults] = await Promise.all([
      attempt('the hub', async () => {
        const { index } = await submit(context, hub, { runConfiguration, contract }, cose, note);
        return `told; leaf ${index}`;
      }),
      tellVaults(context, hub, contract, cose),
    ]);
    const told = [atHub, ...atVaults];
    return answerOf(change, digest, told, runConfiguration);
  };
}
