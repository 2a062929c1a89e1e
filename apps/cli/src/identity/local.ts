// `identity show`, `recover` and `recovery`: the key files of this home, without asking anybody.
import type { Action } from '../context.ts';
import { readSettings } from '../home/settings.ts';
import { needIdentity, recoverIdentity, renewRecovery } from '../home/unlock.ts';
import { facts } from '../terminal/text.ts';

export const showIdentity: Action = async (context) => {
  const { kid, key, receiving, locks } = await needIdentity(context.home, 'identity');
  const { org, organisationName } = await readSettings(context.home);
  const recovery = locks.some(({ by }) => by === 'recovery-code');
  return {
    json: { kid, key, receiving, org: org ?? null, recovery },
    text: facts([
      ['key', kid],
      ['organisation', org && `${organisationName ?? ''} ${org}`.trim()],
      ['receiving key', receiving ?? undefined],
      ['recovery code', recovery ? 'made' : 'none; make one with "sealroom identity recovery"'],
    ]),
  };
};

export const recover: Action = async (context, input) => {
  const which = input.flag('root') ? 'root' : 'identity';
  const path = await recoverIdentity(context, which, input.optional('recoveryFile'));
  return { json: { ok: true, file: path }, text: `${path} opens with the new passphrase.\n` };
};

export const newRecovery: Action = async (context, input) => {
  const which = input.flag('root') ? 'root' : 'identity';
  const file = input.optional('recoveryFile');
  const code = await renewRecovery(context, which, { file });
  const text =
    code === undefined
      ? `Wrote the recovery code to ${file ?? ''}.\n`
      : `Write it down; it is shown this once:\n  ${code}\n`;
  return { json: { ok: true, ...(file === undefined ? {} : { file }) }, text };
};
