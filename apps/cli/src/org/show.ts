// `org show`: what a hub says of an organisation, each statement verified, held against the pins.
import type { OrganisationShape } from '@sealroom/api';
import { fingerprintWords, identitiesOf, statementsOf, vaultsOf, verifyRecorded } from '@sealroom/client';
import type { Action, Context } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readPins } from '../home/pins.ts';
import { readSettings } from '../home/settings.ts';
import { loadOrganisation } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { facts, short, table } from '../terminal/text.ts';
import { organisationId } from './pins.ts';

async function verifiedOrganisation(context: Context, hub: Link, shape: OrganisationShape) {
  const verified = await verifyRecorded(hub.ledger, shape.statements);
  const root = verified.record.organisations.get(shape.org);
  if (!root)
    throw new CliError('cli/refused', 'The hub does not prove that this organisation is registered.', {
      exit: EXIT.refused,
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
  // The domain was signed; the name is the hub's to tell.
  const domain = statementsOf(verified, 'participant.registered').findLast(({ claims }) => claims.iss === org)
    ?.payload.domain;
  const named = new Map(shape.people.map((person) => [person.kid, person.name]));
  const people = identitiesOf(verified, org).map(({ kid, uses }) => ({
    kid,
    name: named.get(kid) ?? '',
    uses: [...uses],
  }));
  const head = facts([
    ['name', shape.name],
    ['domain', domain],
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
      domain: domain ?? null,
      checked: pinned?.checked ?? null,
      fingerprint: fingerprintWords(org),
      vaults,
      people,
    },
    text: `${head}\n${table(['key', 'person', 'uses'], rows, 'No person yet.')}`,
  };
};
