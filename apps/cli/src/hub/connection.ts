// Connections to a hub and to vaults: which hub, which authorities, which ledger. The ledger's key is pinned once and
// compared ever after; everything a hub says is checked against it.
import { hubRoutes, vaultRoutes } from '@sealroom/api';
import { X509Certificate } from 'node:crypto';
import { call, fingerprintWords, type PinnedLedger, type Service } from '@sealroom/client';
import { keyThumbprint } from '@sealroom/cose';
import { tlsFetch } from '@sealroom/host';
import type { Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { ledgerChanged, pinLedger, readPins } from '../home/pins.ts';
import { changeSettings, readSettings, type Settings } from '../home/settings.ts';
import { noTerminal } from '../home/unlock.ts';

const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

type Fetcher = ReturnType<typeof tlsFetch>;
const fetchers = new WeakMap<Context, Fetcher>();

/** One fetch a command, which trusts what the home trusts. */
export function fetcherOf(context: Context, settings: Settings): Fetcher {
  const known = fetchers.get(context);
  if (known) return known;
  const made = tlsFetch({
    ...(settings.authorities === undefined ? {} : { caPem: settings.authorities }),
    maxBytes: MAX_ANSWER_BYTES,
    timeoutMs: 60_000,
  });
  fetchers.set(context, made);
  context.atEnd(made.close);
  return made;
}

function originOf(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new CliError('cli/usage', 'The hub’s address is not an https URL.');
  return new URL(url).origin;
}

async function readAuthorities(path: string): Promise<string> {
  const text = new TextDecoder().decode(await readGiven(path, 200_000));
  try {
    void new X509Certificate(text);
  } catch (cause) {
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} holds no certificate (PEM).`, { cause });
  }
  return text;
}

async function ledgerIsRight(
  context: Context,
  input: Input,
  ledger: PinnedLedger,
): Promise<'fingerprint' | 'first-use'> {
  const kid = await keyThumbprint(ledger.key);
  const wanted = input.optional('ledgerKey');
  if (wanted !== undefined) {
    if (wanted === kid || wanted === ledger.key) return 'fingerprint';
    throw new CliError('cli/ledger-changed', `The hub’s ledger has the key ${kid}, not the one you gave.`, {
      exit: EXIT.refused,
      next: 'Check the address; if it is right, ask the ledger’s operator.',
    });
  }
  if (input.flag('trustOnFirstUse')) {
    context.note(
      `Trusting the ledger ${ledger.origin} on first use, unchecked: key ${kid}\nCompare it later with its operator.\n`,
    );
    return 'first-use';
  }
  if (!context.terminal.interactive)
    throw noTerminal(
      'The ledger’s key',
      `--ledger-key ${kid} once you have compared it with the ledger’s operator, or --trust-on-first-use`,
    );
  context.show(`The ledger ${ledger.origin} has the key\n  ${kid}\n  ${fingerprintWords(kid)}\n`);
  const prompts = await context.terminal.prompts();
  if (await prompts.confirm('Did the ledger’s operator tell you this key, by another way than this hub?'))
    return 'fingerprint';
  throw new CliError('cli/no-ledger-pin', 'The ledger’s key was not confirmed.', {
    exit: EXIT.refused,
    next: 'Ask its operator, or say --trust-on-first-use.',
  });
}

export type HubConnection = {
  readonly settings: Settings;
  readonly service: Service;
  /** The hub's own origin, the audience of a session proof. */
  readonly origin: string;
  readonly ledger: PinnedLedger;
};

/** Options `--hub`, `--ca`, `--ledger-key`, `--trust-on-first-use` set a home up; later calls only compare. */
export async function connect(context: Context, input: Input): Promise<HubConnection> {
  const before = await readSettings(context.home);
  const hub = originOf(
    input.optional('hub') ?? before.hub ?? context.terminal.environment['SEALROOM_HUB'] ?? noHub(),
  );
  const ca =
    input.optional('ca') ?? (before.authorities ? undefined : context.terminal.environment['SEALROOM_CA']);
  const authorities = ca === undefined ? before.authorities : await readAuthorities(ca);
  const settings = { ...before, hub, ...(authorities === undefined ? {} : { authorities }) };
  const service = { baseUrl: hub, fetch: fetcherOf(context, settings) };
  const { origin, ledger } = await call(service, hubRoutes.describe, {});
  const pinned = { origin: ledger.origin, key: ledger.key };
  const known = (await readPins(context.home)).ledger;
  if (known && (known.key !== pinned.key || known.origin !== pinned.origin)) throw ledgerChanged();
  if (!known) {
    const checked = await ledgerIsRight(context, input, pinned);
    await pinLedger(context.home, { ...pinned, checked, at: new Date(context.now()).toISOString() });
    context.did(`The ledger ${pinned.origin} was pinned.`);
  }
  if (before.hub !== hub || before.authorities !== authorities)
    await changeSettings(context.home, { hub, ...(authorities === undefined ? {} : { authorities }) });
  return { settings, service, origin, ledger: pinned };
}

function noHub(): never {
  throw new CliError('cli/no-hub', 'This home knows no hub yet.', {
    next: 'Give --hub URL (and --ca FILE where the hub has an authority of its own), or run: sealroom hub connect URL',
  });
}

/** A vault at its URL. */
export function vaultService(context: Context, settings: Settings, url: string): Service {
  return { baseUrl: url.replace(/\/$/, ''), fetch: fetcherOf(context, settings) };
}

export async function describeVault(context: Context, settings: Settings, url: string) {
  return call(vaultService(context, settings, url), vaultRoutes.describe, {});
}
