// What this person has checked and pinned: the ledger, organisations' roots, and the room programs and simulator keys of
// the contracts signed from here. Nothing the hub says changes a pin.
import { canonicalJson, type Digest, type Json } from '@sealroom/bytes';
import { type Entry, entrySchema } from '@sealroom/attest';
import { digest, keyText } from '@sealroom/contract';
import { z } from 'zod';
import { CliError, EXIT } from '../error.ts';
import { jsonFile } from './json-file.ts';

/** How a fingerprint came to be believed. `own` is made by this home itself. */
export const CHECKS = ['own', 'out-of-band', 'did-web'] as const;

const pins = z.strictObject({
  v: z.literal(1),
  ledger: z
    .strictObject({
      origin: z.string().min(1).max(200),
      key: keyText,
      checked: z.enum(['fingerprint', 'first-use']),
      at: z.string(),
    })
    .optional(),
  organisations: z.array(
    z.strictObject({ org: digest, name: z.string().max(200), checked: z.enum(CHECKS), at: z.string() }),
  ),
  rooms: z.array(digest),
  simulators: z.array(keyText),
  /** What contracts signed from here ask of hardware rooms. */
  accept: z.array(entrySchema).optional(),
});

export type Pins = z.infer<typeof pins>;
export type OrganisationPin = Pins['organisations'][number];
export type LedgerPin = NonNullable<Pins['ledger']>;

const file = jsonFile('pins.json', pins);

export async function readPins(home: string): Promise<Pins> {
  return (await file.read(home)) ?? { v: 1, organisations: [], rooms: [], simulators: [] };
}

/** @throws cli/pins when the ledger was pinned with another key or origin */
export async function pinLedger(home: string, ledger: LedgerPin): Promise<void> {
  const known = await readPins(home);
  if (known.ledger && (known.ledger.key !== ledger.key || known.ledger.origin !== ledger.origin))
    throw ledgerChanged();
  await file.write(home, { ...known, ledger: known.ledger ?? ledger });
}

export function ledgerChanged(): CliError {
  return new CliError('cli/ledger-changed', 'The hub names another ledger than the one you pinned.', {
    exit: EXIT.refused,
    next: 'Do not go on. Ask the ledger’s operator, by another way than this hub, what happened.',
  });
}

export async function pinOrganisation(home: string, pin: OrganisationPin): Promise<void> {
  const known = await readPins(home);
  const others = known.organisations.filter(({ org }) => org !== pin.org);
  const before = known.organisations.find(({ org }) => org === pin.org);
  const kept = before?.checked === 'own' ? { ...pin, checked: 'own' as const } : pin;
  await file.write(home, { ...known, organisations: [...others, kept] });
}

export async function unpinOrganisation(home: string, org: Digest): Promise<void> {
  const known = await readPins(home);
  await file.write(home, { ...known, organisations: known.organisations.filter((pin) => pin.org !== org) });
}

/** Remembers the rooms of a contract that is being signed here: from then on receipts of such rooms count as pinned. */
export async function pinRooms(home: string, entries: readonly Entry[]): Promise<void> {
  const known = await readPins(home);
  const simulated = entries.filter((entry) => entry.technology === 'simulated');
  const hardware = [...(known.accept ?? []), ...entries.filter((entry) => entry.technology !== 'simulated')];
  const once = new Map(hardware.map((entry) => [canonicalJson(entry as unknown as Json), entry]));
  const changed: Pins = {
    ...known,
    rooms: [...new Set([...known.rooms, ...simulated.flatMap(({ launch }) => launch)])],
    simulators: [...new Set([...known.simulators, ...simulated.flatMap(({ keys }) => keys)])],
    ...(once.size > 0 && { accept: [...once.values()] }),
  };
  if (canonicalJson(changed as unknown as Json) !== canonicalJson(known as unknown as Json))
    await file.write(home, changed);
}
