// Signing in and out.
import type { Action } from '../context.ts';
import { readSettings, sessionFile } from '../home/settings.ts';
import { findIdentity, needIdentity } from '../home/unlock.ts';
import { connect } from '../hub/connection.ts';
import { signIn, signOut } from '../hub/session.ts';
import { facts, timeText } from '../terminal/text.ts';

export const login: Action = async (context, input) => {
  await needIdentity(context.home, 'identity');
  const connection = await connect(context, input);
  const { org, kid, expiresAt } = await signIn(context, connection);
  const hub = connection.service.baseUrl;
  return {
    json: { ok: true, hub, org, kid, expiresAt },
    text: `Signed in at ${hub} until ${timeText(expiresAt)}.\n`,
  };
};

export const logout: Action = async (context) => {
  await signOut(context.home);
  return { json: { ok: true }, text: 'Signed out.\n' };
};

export const whoami: Action = async (context) => {
  const identity = await findIdentity(context.home, 'identity');
  const { hub, org, organisationName } = await readSettings(context.home);
  const session = await sessionFile.read(context.home);
  const valid = session !== undefined && Date.parse(session.expiresAt) > context.now();
  const until = valid ? session.expiresAt : undefined;
  return {
    json: {
      home: context.home,
      hub: hub ?? null,
      org: org ?? null,
      organisation: organisationName ?? null,
      kid: identity?.kid ?? null,
      signedInUntil: until ?? null,
    },
    text: facts([
      ['home', context.home],
      ['hub', hub ?? 'none yet: sealroom hub connect URL'],
      ['organisation', org ? `${organisationName ?? ''} ${org}`.trim() : 'none yet: sealroom org create'],
      ['identity', identity?.kid ?? 'none yet: sealroom identity create'],
      ['session', until ? `until ${timeText(until)}` : 'none: sealroom login'],
    ]),
  };
};
