// What the made-up vaults of a world say, for tests without vaults.
import { base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { freshSalt } from '@sealroom/contract';
import type { Signer } from '@sealroom/cose';
import type { Room } from './world-room.ts';
import { type Run, say, timeText, type World, wrapKeys } from './world-story.ts';

export type Which = 'steward' | 'owner';

/** The vault of a party, as one that signs. @throws when the vaults of this world are real */
export function madeUpVault(world: World, which: Which): { readonly signer: Signer; readonly iss: Digest } {
  const signer = world.vaultSigners[which === 'steward' ? 0 : 1];
  if (!signer) throw new Error('The vaults of this world are real; let them speak for themselves.');
  return { signer, iss: world[which].org };
}

/** KEKs and WCEKs that no vault has: made-up bytes, where only the record counts. */
export async function announceKeks(world: World): Promise<void> {
  for (const which of ['steward', 'owner'] as const) {
    const party = world[which];
    const spki = crypto.getRandomValues(new Uint8Array(64));
    const kek = await sha256Digest(spki);
    const { org, role } = party;
    const named = { salt: freshSalt(), org, project: world.project, role, kek };
    const announced = { ...named, spki: base64urlEncode(spki), version: 1, custody: party.vault.custody };
    await say(world, madeUpVault(world, which), 'kek.created', announced);
    await wrapKeys(world, party, kek, await sha256Digest(spki, spki));
  }
}

/** A vault reserves a run for a room; the digests in it that no fold looks at are made up. */
export async function reserveRun(
  world: World,
  run: Run,
  room: Pick<Room, 'keys'>,
  which: Which = 'steward',
): Promise<void> {
  const { digest } = run.agreed;
  await say(world, madeUpVault(world, which), 'key.reserved', {
    salt: freshSalt(),
    contract: digest,
    run: run.digest,
    manifest: digest,
    room: room.keys,
    technology: 'simulated',
    platform: digest,
    evidence: digest,
    debit: { runs: 1 },
    at: timeText(world.now),
  });
}

/** A vault takes back what it has reserved for a run and never answered. */
export async function denyRun(world: World, run: Run, which: Which = 'steward'): Promise<void> {
  const payload = { salt: freshSalt(), contract: run.agreed.digest, run: run.digest };
  const denial = { ...payload, code: 'release/quota', at: timeText(world.now) };
  await say(world, madeUpVault(world, which), 'key.denied', denial);
}
