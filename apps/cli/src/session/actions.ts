// Signing in.
import type { Action } from '../context.ts';
import { needIdentity } from '../home/unlock.ts';
import { connect } from '../hub/connection.ts';
import { signIn } from '../hub/session.ts';
import { timeText } from '../terminal/text.ts';

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
