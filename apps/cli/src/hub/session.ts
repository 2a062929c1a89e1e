// Signing in: a challenge of the hub signed by the identity, and the token it gives. A command that signs anyway signs in
// anew when the token has ended.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Digest } from '@sealroom/bytes';
import { call, type Fetch, type Service } from '@sealroom/client';
import { createMessage } from '@sealroom/contract';
import type { Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { type Unlocked } from '../home/identity-file.ts';
import { type Session, sessionFile } from '../home/settings.ts';
import { needIdentity, unlockIdentity } from '../home/unlock.ts';
import { connect, type HubConnection } from './connection.ts';

const SPARE_MS = 60_000;
const unlocked = new WeakMap<Context, Promise<Unlocked>>();

/** The person's keys; asked for once a command. */
export function identityOf(context: Context): Promise<Unlocked> {
  const known = unlocked.get(context);
  if (known) return known;
  const asked = unlockIdentity(context, 'identity');
  unlocked.set(context, asked);
  return asked;
}

export async function signIn(context: Context, { service, origin }: HubConnection): Promise<Session> {
  const { signer } = await identityOf(context);
  const { challenge } = await call(service, hubRoutes.challenge, { body: {} });
  const parts = { name: 'session-proof' as const, payload: { challenge }, audience: origin };
  const proof = await createMessage(signer, { ...parts, now: context.now() });
  const opened = await call(service, hubRoutes.openSession, { body: { proof: base64urlEncode(proof) } });
  const session = { v: 1 as const, hub: service.baseUrl, ...opened };
  await sessionFile.write(context.home, session);
  return session;
}

async function storedSession(context: Context, hub: string, kid: Digest): Promise<Session | undefined> {
  const stored = await sessionFile.read(context.home);
  const good =
    stored?.hub === hub && stored.kid === kid && Date.parse(stored.expiresAt) > context.now() + SPARE_MS;
  return good ? stored : undefined;
}

/** A signed-in connection: whose it is, and the hub as that person. */
export type Link = HubConnection & { readonly org: Digest; readonly kid: Digest };

/** @throws cli/no-identity · cli/no-terminal when a passphrase is needed and cannot be asked for */
export async function link(context: Context, input: Input): Promise<Link> {
  const { kid } = await needIdentity(context.home, 'identity');
  const connection = await connect(context, input);
  const { service } = connection;
  const stored = await storedSession(context, service.baseUrl, kid);
  let session = stored ?? (await signIn(context, connection));
  if (session.kid !== kid)
    throw new CliError('cli/refused', 'The hub signed in another identity than this home’s.', { exit: 1 });
  const withToken = (init: RequestInit): RequestInit => ({
    ...init,
    headers: { ...(init.headers as { [name: string]: string }), authorization: `Bearer ${session.token}` },
  });
  const fetch: Fetch = async (url, init) => {
    const response = await service.fetch(url, withToken(init));
    // A token may end before its time, when the hub was set up anew.
    if (response.status !== 401 || session !== stored) return response;
    await response.body?.cancel();
    session = await signIn(context, connection);
    return service.fetch(url, withToken(init));
  };
  const person: Service = { baseUrl: service.baseUrl, fetch };
  return { ...connection, service: person, org: session.org, kid };
}
