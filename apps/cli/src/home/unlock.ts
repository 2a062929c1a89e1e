// Finds, opens and makes the identity and root files of a home. A passphrase comes from a file or from a person at a
// terminal, never from an argument.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { CliError } from '../error.ts';
import { ensureHome, readIfThere, readSecretLine, writeWhole } from './files.ts';
import {
  addRecovery,
  createIdentityFile,
  encodeIdentityFile,
  type IdentityFile,
  parseIdentityFile,
  recover,
  unlock,
  type Unlocked,
} from './identity-file.ts';
import { formatRecoveryCode, parseRecoveryCode } from './recovery-code.ts';

export type Which = 'identity' | 'root';

const FILES: Readonly<Record<Which, string>> = { identity: 'identity.sealroom', root: 'root.sealroom' };
const KINDS = { identity: 'sealroom/identity', root: 'sealroom/root' } as const;
const FEWEST_CHARACTERS = 8;

export function identityPath(home: string, which: Which): string {
  return join(home, FILES[which]);
}

/** The public part of a file, or undefined. @throws cli/bad-file */
export async function findIdentity(home: string, which: Which): Promise<IdentityFile | undefined> {
  const path = identityPath(home, which);
  const bytes = await readIfThere(path);
  if (!bytes) return undefined;
  const file = parseIdentityFile(bytes, path);
  if (file.kind === KINDS[which]) return file;
  throw new CliError('cli/bad-file', `${JSON.stringify(path)} holds another kind of key than its name says.`);
}

/** @throws cli/no-identity */
export async function needIdentity(home: string, which: Which): Promise<IdentityFile> {
  const file = await findIdentity(home, which);
  if (file) return file;
  const [what, command] =
    which === 'root' ? ['root key', 'sealroom org create'] : ['identity', 'sealroom identity create'];
  throw new CliError('cli/no-identity', `There is no ${what} in ${home}.`, {
    next: `Make one with "${command}", or name another folder with --home.`,
  });
}

export function noTerminal(what: string, flag: string): CliError {
  return new CliError('cli/no-terminal', `${what} is needed, and there is no terminal to ask at.`, {
    next: `Give ${flag}.`,
  });
}

function passphraseFileOf(context: Context, which: Which): string | undefined {
  return which === 'root' ? (context.rootPassphraseFile ?? context.passphraseFile) : context.passphraseFile;
}

async function askPassphrase(context: Context, which: Which, question: string): Promise<string> {
  const file = passphraseFileOf(context, which);
  if (file !== undefined) return readSecretLine(file);
  if (!context.terminal.interactive)
    throw noTerminal(`The passphrase of the ${which}`, '--passphrase-file FILE');
  return (await context.terminal.prompts()).secret(question);
}

async function askNewPassphrase(context: Context, which: Which): Promise<string> {
  const first = await askPassphrase(context, which, `New passphrase for the ${which}`);
  if (Array.from(first).length < FEWEST_CHARACTERS) {
    throw new CliError('cli/usage', `A passphrase has at least ${FEWEST_CHARACTERS} characters.`, {
      next: 'Choose a longer one; four or more random words are good.',
    });
  }
  if (passphraseFileOf(context, which) !== undefined) return first;
  if ((await (await context.terminal.prompts()).secret('The same again')) === first) return first;
  throw new CliError('cli/usage', 'The two passphrases differ.');
}

export async function unlockIdentity(context: Context, which: Which): Promise<Unlocked> {
  const file = await needIdentity(context.home, which);
  return unlock(file, await askPassphrase(context, which, `Passphrase of the ${which}`));
}

/** A recovery code that is shown once, or stands in a file; none where nobody would see it. */
export type RecoveryTo = { readonly file: string | undefined };

async function handOver(context: Context, code: string, { file }: RecoveryTo): Promise<void> {
  if (file === undefined) return;
  await writeWhole(file, `${code}\n`);
  context.did(`The recovery code was written to ${file}.`);
}

/** Makes keys and their file. @returns `code` when it is still to be shown @throws cli/file-exists */
export async function makeIdentity(
  context: Context,
  which: Which,
  to: RecoveryTo,
): Promise<{ readonly unlocked: Unlocked; readonly file: IdentityFile; readonly code: string | undefined }> {
  const path = identityPath(context.home, which);
  if (await readIfThere(path)) {
    throw new CliError('cli/file-exists', `${path} exists already and is not overwritten.`, {
      next: 'Use another --home for another person or organisation.',
    });
  }
  const passphrase = await askNewPassphrase(context, which);
  const wanted = to.file !== undefined || context.terminal.interactive;
  const recovery = wanted ? new Uint8Array(randomBytes(16)) : undefined;
  const { file, unlocked } = await createIdentityFile(KINDS[which], {
    passphrase,
    ...(recovery ? { recovery } : {}),
  });
  await ensureHome(context.home);
  const code = recovery && formatRecoveryCode(recovery);
  if (code !== undefined) await handOver(context, code, to);
  await writeWhole(path, encodeIdentityFile(file));
  context.did(`${path} was written.`);
  return { unlocked, file, code: to.file === undefined ? code : undefined };
}

/** Sets a new passphrase by the recovery code. */
export async function recoverIdentity(
  context: Context,
  which: Which,
  codeFile: string | undefined,
): Promise<string> {
  const path = identityPath(context.home, which);
  const file = await needIdentity(context.home, which);
  if (codeFile === undefined && !context.terminal.interactive)
    throw noTerminal('The recovery code', '--recovery-file FILE');
  const typed =
    codeFile === undefined
      ? await (await context.terminal.prompts()).secret('Recovery code')
      : await readSecretLine(codeFile);
  const code = parseRecoveryCode(typed);
  const passphrase = await askNewPassphrase(context, which);
  await writeWhole(path, encodeIdentityFile(await recover(file, { code, passphrase })), { overwrite: true });
  context.did(`${path} has a new passphrase.`);
  return path;
}

/** Makes a new recovery code; an older one opens the file no more. */
export async function renewRecovery(
  context: Context,
  which: Which,
  to: RecoveryTo,
): Promise<string | undefined> {
  const path = identityPath(context.home, which);
  const file = await needIdentity(context.home, which);
  if (to.file === undefined && !context.terminal.interactive)
    throw noTerminal('A place for the recovery code', '--recovery-file FILE');
  const passphrase = await askPassphrase(context, which, `Passphrase of the ${which}`);
  const secret = new Uint8Array(randomBytes(16));
  const changed = await addRecovery(file, { passphrase, code: secret });
  const code = formatRecoveryCode(secret);
  await handOver(context, code, to);
  await writeWhole(path, encodeIdentityFile(changed), { overwrite: true });
  return to.file === undefined ? code : undefined;
}
