// `trust export`: the trust file of `receipt verify`, made only of what the user pinned here. Nothing is fetched.
import { encodeTrust, type Trust } from '@sealroom/contract';
import type { Action } from '../context.ts';
import { CliError } from '../error.ts';
import { writeWhole } from '../home/files.ts';
import { readPins } from '../home/pins.ts';
import { facts } from '../terminal/text.ts';

/** @throws cli/no-ledger-pin */
export async function trustOf(home: string): Promise<Trust> {
  const { ledger, organisations, rooms, simulators, accept } = await readPins(home);
  if (!ledger) {
    throw new CliError('cli/no-ledger-pin', 'This home has pinned no ledger, so it trusts no receipt.', {
      next: 'Connect to the hub first: sealroom hub connect URL',
    });
  }
  return {
    v: 1,
    ledger: { origin: ledger.origin, key: ledger.key, witnesses: [] },
    organisations: organisations.map(({ org }) => org),
    contracts: [],
    rooms: [...rooms],
    simulators: [...simulators],
    ...(accept && { accept }),
  };
}

export const exportTrust: Action = async (context, input) => {
  const pinned = await trustOf(context.home);
  const trust: Trust = input.flag('vaultKeys') ? { ...pinned, keySets: 'vaults' } : pinned;
  const out = input.text('out');
  await writeWhole(out, encodeTrust(trust), { mode: 0o644, overwrite: input.flag('overwrite') });
  context.did(`${out} was written.`);
  const text = `Wrote ${out}.\n${facts([
    ['ledger', trust.ledger.origin],
    ['organisations', String(trust.organisations.length)],
    ['room programs', String(trust.rooms.length)],
    ['simulators', String(trust.simulators.length)],
    ['hardware entries', String(trust.accept?.length ?? 0)],
    ['key sets by the vaults’ word', trust.keySets === 'vaults' ? 'believed' : 'not believed'],
  ])}`;
  return { json: { ok: true, out, trust }, text };
};
