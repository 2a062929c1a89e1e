// `logout` and `whoami`: what this home knows, without asking anybody.
import type { Action } from '../context.ts';
import { endSession, readSettings, sessionFile } from '../home/settings.ts';
import { findIdentity } from '../home/unlock.ts';
import { facts, timeText } from '../terminal/text.ts';

export const logout: Action = async (context) => {
  await endSession(context.home);
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
