// An organisation that nobody has agreed anything with: registered like all others, which anybody can be.
import type { Digest } from '@sealroom/bytes';
import { freshSalt, type PayloadOf } from '@sealroom/contract';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import { addIdentity, type Party, say, type World } from './world-story.ts';

/** The payload of a registration that lists these keys as vaults. */
export function registration(
  root: Signer,
  vaults: readonly string[],
  prev: Digest | null = null,
): PayloadOf<'participant.registered'> {
  return {
    salt: freshSalt(),
    root: root.key,
    domain: 'outsider.example',
    vaults: vaults.map((key) => ({ key, url: 'https://vault.example', custody: 'own' as const })),
    prev,
  };
}

/** Registers an organisation with one person. @param vaults keys that it claims as its vaults' */
export async function outsider(world: World, vaults: readonly string[] = []): Promise<Party> {
  const [root, identity] = [await ed25519Signer(generateSecret()), await ed25519Signer(generateSecret())];
  const secret = generateSecret();
  const receiving = { secret, key: await publicKeyOf('X25519', secret) };
  await say(world, { signer: root, iss: root.kid }, 'participant.registered', registration(root, vaults));
  await addIdentity(world, { root, org: root.kid }, identity.key, receiving.key);
  return { ...world.owner, org: root.kid, root, identity, receiving };
}
