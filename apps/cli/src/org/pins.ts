// Organisations as this home has checked them. Nothing is asked of a hub.
import type { Digest } from '@sealroom/bytes';
import { fingerprintGroups, fingerprintWords } from '@sealroom/client';
import { digest } from '@sealroom/contract';
import type { Action, Context } from '../context.ts';
import { CliError } from '../error.ts';
import { CHECKS, pinOrganisation, readPins, unpinOrganisation } from '../home/pins.ts';
import { noTerminal } from '../home/unlock.ts';
import { facts, short, table, timeText } from '../terminal/text.ts';

/** @throws cli/usage */
export function organisationId(text: string): Digest {
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
