// Organisations as this home has checked them: pins, and what a hub says of an organisation held against them.
import type { OrganisationShape } from '@sealroom/api';
import { type Digest, digestBytes } from '@sealroom/bytes';
import {
  fingerprintGroups,
  fingerprintWords,
  identitiesOf,
  vaultsOf,
  verifyRecorded,
} from '@sealroom/client';
import { digest } from '@sealroom/contract';
import type { Action, Context } from '../context.ts';
import { CliError } from '../error.ts';
import { CHECKS, pinOrganisation, readPins, unpinOrganisation } from '../home/pins.ts';
import { readSettings } from '../home/settings.ts';
import { noTerminal } from '../home/unlock.ts';
import { loadOrganisation } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { facts, short, table, timeText } from '../terminal/text.ts';

function organisationId(text: string): Digest {
  const parsed = digest.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CliError('cli/usage', 'An organisation’s id is "sha256:" and 64 hexadecimal digits.', {
    next: 'Ask the other party for the whole of it; "sealroom org show" prints one’s own.',
  });
}

async function confirmed(context: Context, org: Digest, checked: string | undefined): Promise<void> {
  // The whole id on the command line is the comparison: it is the root key's thumbprint.
  if (checked === 'out-of-band') return;
  if (checked !== undefined) {
    const next = CHECKS.includes(checked as 'own')
      ? 'Only out-of-band can be said by hand.'
      : 'Say out-of-band.';
    throw new CliError('cli/usage', 'The option --checked takes "out-of-band".', { next });
  }
  if (!context.terminal.interactive)
    throw noTerminal('Your word on how the id was compared', '--checked out-of-band');
  context.show(`${fingerprintGroups(org)}\n${fingerprintWords(org)}\n`);
  const question = 'Did the organisation itself tell you this fingerprint, by another way than the hub?';
  if (await (await context.terminal.prompts()).confirm(question)) return;
  throw new CliError('cli/cancelled', 'Nothing was pinned.', { exit: 1 });
}

export const pin: Action = async (context, input) => {
  const org = organisationId(input.arg(0));
  await confirmed(context, org, input.optional('checked'));
  const known = (await readPins(context.home)).organisations.find((item) => item.org === org);
  const name = input.optional('name') ?? known?.name ?? short(org);
  const at = new Date(context.now()).toISOString();
  await pinOrganisation(context.home, { org, name, checked: 'out-of-band', at });
  return {
    json: { ok: true, org, name, checked: 'out-of-band', fingerprint: fingerprintWords(org) },
    text: `Pinned ${name}, compared out of band.\n${facts([
      ['organisation', org],
      ['fingerprint', fingerprintWords(org)],
    ])}`,
  };
};

export const unpin: Action = async (context, input) => {
  const org = organisationId(input.arg(0));
  const before = (await readPins(context.home)).organisations.some((item) => item.org === org);
  if (!before) throw new CliError('cli/not-found', 'This organisation is not pinned here.', { exit: 1 });
  await unpinOrganisation(context.home, org);
  return { json: { ok: true, org }, text: `${org} is pinned no more.\n` };
};

export const listPins: Action = async (context) => {
  const { organisations } = await readPins(context.home);
  const rows = organisations.map(({ name, org, checked, at }) => [name, checked, timeText(at), org]);
  const empty = 'No organisation is pinned here yet; sealroom org pin ID --checked out-of-band';
  return { json: organisations, text: table(['name', 'checked', 'pinned', 'organisation'], rows, empty) };
};

async function verifiedOrganisation(
  context: Context,
  hub: Awaited<ReturnType<typeof link>>,
  shape: OrganisationShape,
) {
  const verified = await verifyRecorded(hub.ledger, shape.statements);
  const root = verified.record.organisations.get(shape.org);
  digestBytes(shape.org);
  if (!root)
    throw new CliError('cli/refused', 'The hub does not prove that this organisation is registered.', {
      exit: 1,
    });
  const pins = await readPins(context.home);
  return { verified, pinned: pins.organisations.find(({ org }) => org === shape.org) };
}

export const showOrganisation: Action = async (context, input) => {
  const given = input.optionalArg(0);
  const settings = await readSettings(context.home);
  const org = given === undefined ? settings.org : organisationId(given);
  if (org === undefined)
    throw new CliError('cli/no-identity', 'This home belongs to no organisation yet.', {
      next: 'Make one: sealroom org create',
    });
  const hub = await link(context, input);
  const shape = await loadOrganisation(hub, org);
  const { verified, pinned } = await verifiedOrganisation(context, hub, shape);
  const vaults = vaultsOf(verified, org);
  const named = new Map(shape.people.map((person) => [person.kid, person.name]));
  const people = identitiesOf(verified, org).map(({ kid, uses }) => ({
    kid,
    name: named.get(kid) ?? '',
    uses: [...uses],
  }));
  const head = facts([
    ['name', shape.name],
    ['domain', shape.domain],
    ['organisation', org],
    ['fingerprint', fingerprintWords(org)],
    ['checked', pinned?.checked ?? 'NOT COMPARED YET'],
    ...vaults.map(({ url, custody }) => ['vault', `${url} (custody: ${custody})`] as const),
  ]);
  const rows = people.map(({ kid, name, uses }) => [short(kid), name, uses.join(', ')]);
  return {
    json: {
      org,
      name: shape.name,
      domain: shape.domain,
      checked: pinned?.checked ?? null,
      fingerprint: fingerprintWords(org),
      vaults,
      people,
    },
    text: `${head}\n${table(['key', 'person', 'uses'], rows, 'No person yet.')}`,
  };
};
