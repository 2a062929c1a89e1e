// For this app's tests: organisations that sign and call as their clients would.
import { hubRoutes, type Route } from '@sealroom/api';
import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { call, type CallInput } from '@sealroom/client';
import { ed25519Signer, generateSecret, type KeyText, publicKeyOf, type Signer } from '@sealroom/cose';
import {
  createMessage,
  createStatement,
  freshSalt,
  type MessageName,
  type MessageOf,
  type PayloadOf,
  type StatementType,
  type Use,
  USES,
} from '@sealroom/contract';
import { type Hub, HUB_ORIGIN, LEDGER_ORIGIN } from './hub-for-tests.ts';

/** An organisation with one person and one vault, whose keys the tests hold. */
export type Party = {
  readonly org: Digest;
  readonly root: Signer;
  readonly person: Signer;
  readonly receiving: KeyText;
  readonly vault: Signer;
  readonly token: string;
};

export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Calls a route as a person. */
export async function as<R extends Route>(hub: Hub, party: Party, route: R, input: CallInput<R>) {
  return call(hub.service, route, { ...input, headers: bearer(party.token) } as CallInput<R>);
}

export async function say<T extends StatementType>(
  hub: Pick<Hub, 'clock'>,
  signer: Signer,
  {
    type,
    payload,
    iss,
    origin = LEDGER_ORIGIN,
  }: { type: T; payload: PayloadOf<T>; iss: Digest; origin?: string },
): Promise<string> {
  return base64urlEncode(await createStatement(signer, { type, payload, iss, origin, now: hub.clock.now }));
}

export async function tell<N extends MessageName>(
  hub: Pick<Hub, 'clock'>,
  signer: Signer,
  { name, payload, audience = HUB_ORIGIN }: { name: N; payload: MessageOf<N>; audience?: string },
): Promise<string> {
  return base64urlEncode(await createMessage(signer, { name, payload, audience, now: hub.clock.now }));
}

export async function signIn(hub: Hub, person: Signer): Promise<string> {
  const { challenge } = await call(hub.service, hubRoutes.challenge, { body: {} });
  const proof = await tell(hub, person, { name: 'session-proof', payload: { challenge } });
  return (await call(hub.service, hubRoutes.openSession, { body: { proof } })).token;
}

export async function newKeys() {
  const [root, person, vault] = await Promise.all([0, 1, 2].map(() => ed25519Signer(generateSecret())));
  if (!root || !person || !vault) throw new Error('no keys');
  return { root, person, vault, receiving: await publicKeyOf('X25519', generateSecret()) };
}

export async function registration(hub: Hub, keys: Awaited<ReturnType<typeof newKeys>>, domain: string) {
  const vaults = [{ key: keys.vault.key, url: `https://vault.${domain}`, custody: 'own' as const }];
  const payload = { salt: freshSalt(), root: keys.root.key, domain, vaults, prev: null };
  return say(hub, keys.root, { type: 'participant.registered', payload, iss: keys.root.kid });
}

export async function identity(
  hub: Hub,
  keys: Awaited<ReturnType<typeof newKeys>>,
  uses: readonly Use[] = USES,
) {
  const { root, person, receiving } = keys;
  const fields = { key: person.key, receiving, uses: [...uses], person: null };
  const payload = { salt: freshSalt(), org: root.kid, ...fields };
  return say(hub, root, { type: 'identity.added', payload, iss: root.kid });
}

export async function joinHub(hub: Hub, name: string): Promise<Party> {
  const keys = await newKeys();
  const statement = await registration(hub, keys, `${name}.example`);
  await call(hub.service, hubRoutes.registerOrganisation, { body: { name, statement } });
  const added = await identity(hub, keys);
  await call(hub.service, hubRoutes.addIdentity, { body: { name: `${name} person`, statement: added } });
  return { ...keys, org: keys.root.kid, token: await signIn(hub, keys.person) };
}
