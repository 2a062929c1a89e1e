// `identity.sealroom`: the secrets of a person's identity, or of an organisation's root, locked (docs/protocol.md section 1).
// A random data key seals the secrets (AES-256-GCM, the public part as associated data); each lock seals the data key:
//   passphrase      Argon2id (version 1.3, parameters in the file) over the passphrase in NFC, then AES-256-GCM
//   recovery code   HKDF-SHA256 over its 128 bits, info `sealroom/identity-recovery/v1`, then AES-256-GCM
// Not protected: a weak passphrase, once the file is copied; nor the secrets while a command uses them.
import {
  argon2,
  type Argon2Parameters,
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import { promisify } from 'node:util';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  parseStrictJson,
  utf8Encode,
} from '@sealroom/bytes';
import { bytesText, digest, keyText } from '@sealroom/contract';
import {
  ed25519Signer,
  generateSecret,
  type KeyText,
  keyThumbprint,
  publicKeyOf,
  type Signer,
} from '@sealroom/cose';
import { z } from 'zod';
import { CliError, EXIT } from '../error.ts';

const derive = promisify(argon2) as (algorithm: 'argon2id', parameters: Argon2Parameters) => Promise<Buffer>;

const sealedPart = { nonce: bytesText(12), sealed: bytesText() };
const passphraseLock = z.strictObject({
  by: z.literal('passphrase'),
  kdf: z.literal('argon2id'),
  salt: bytesText(16),
  memoryKiB: z.int().min(19_456).max(1_048_576),
  passes: z.int().min(1).max(20),
  lanes: z.int().min(1).max(16),
  ...sealedPart,
});
const recoveryLock = z.strictObject({
  by: z.literal('recovery-code'),
  kdf: z.literal('hkdf-sha256'),
  salt: bytesText(16),
  ...sealedPart,
});
const publicPart = {
  v: z.literal(1),
  kind: z.enum(['sealroom/identity', 'sealroom/root']),
  kid: digest,
  key: keyText,
  /** Null for a root, which receives nothing. */
  receiving: keyText.nullable(),
};
const schema = z.strictObject({
  ...publicPart,
  locks: z
    .array(z.discriminatedUnion('by', [passphraseLock, recoveryLock]))
    .min(1)
    .max(2),
  secrets: z.strictObject(sealedPart),
});

export type IdentityFile = z.infer<typeof schema>;
type Kind = IdentityFile['kind'];
type PublicPart = Pick<IdentityFile, 'v' | 'kind' | 'kid' | 'key' | 'receiving'>;
type SealedPart = IdentityFile['secrets'];
export type PassphraseCost = { readonly memoryKiB: number; readonly passes: number; readonly lanes: number };

/** RFC 9106, the second recommended option. */
const COST: PassphraseCost = { memoryKiB: 65_536, passes: 3, lanes: 4 };

/** An unlocked identity or root. */
export type Unlocked = {
  readonly signer: Signer;
  readonly receiving: { readonly key: KeyText; readonly secret: Bytes } | undefined;
};

function wrongSecret(what: string): CliError {
  return new CliError('cli/locked', `The ${what} does not open this file.`, {
    exit: EXIT.refused,
    next: 'Try again; a forgotten passphrase is replaced by "sealroom identity recover".',
  });
}

function seal(key: Uint8Array, plaintext: Uint8Array, about: Uint8Array): SealedPart {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(about);
  const sealed = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return { nonce: base64urlEncode(nonce), sealed: base64urlEncode(sealed) };
}

function open(key: Uint8Array, { nonce, sealed }: SealedPart, about: Uint8Array, what: string): Bytes {
  const bytes = base64urlDecode(sealed);
  if (bytes.length < 16) throw wrongSecret(what);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, base64urlDecode(nonce));
    decipher.setAAD(about);
    decipher.setAuthTag(bytes.subarray(-16));
    return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]));
  } catch {
    throw wrongSecret(what);
  }
}

function aboutFile({ v, kind, kid, key, receiving }: PublicPart): Bytes {
  return canonicalBytes({ v, kind, kid, key, receiving });
}

async function passphraseKey(
  passphrase: string,
  { salt, memoryKiB, passes, lanes }: PassphraseCost & { readonly salt: string },
): Promise<Uint8Array> {
  return derive('argon2id', {
    message: utf8Encode(passphrase.normalize('NFC')),
    nonce: base64urlDecode(salt),
    memory: memoryKiB,
    passes,
    parallelism: lanes,
    tagLength: 32,
  });
}

function recoveryKey(code: Uint8Array, salt: string): Uint8Array {
  const info = utf8Encode('sealroom/identity-recovery/v1');
  return new Uint8Array(hkdfSync('sha256', code, base64urlDecode(salt), info, 32));
}

async function lockByPassphrase(dataKey: Uint8Array, passphrase: string, about: Bytes, cost: PassphraseCost) {
  const salt = base64urlEncode(randomBytes(16));
  const key = await passphraseKey(passphrase, { ...cost, salt });
  return { by: 'passphrase' as const, kdf: 'argon2id' as const, salt, ...cost, ...seal(key, dataKey, about) };
}

function lockByCode(dataKey: Uint8Array, code: Uint8Array, about: Bytes) {
  const salt = base64urlEncode(randomBytes(16));
  const sealed = seal(recoveryKey(code, salt), dataKey, about);
  return { by: 'recovery-code' as const, kdf: 'hkdf-sha256' as const, salt, ...sealed };
}

/**
 * Makes fresh keys and locks them.
 * @param recovery 16 random bytes to lock them by too
 */
export async function createIdentityFile(
  kind: Kind,
  { passphrase, recovery, cost = COST }: { passphrase: string; recovery?: Uint8Array; cost?: PassphraseCost },
): Promise<{ readonly file: IdentityFile; readonly unlocked: Unlocked }> {
  const signing = generateSecret();
  const receivingSecret = kind === 'sealroom/identity' ? generateSecret() : undefined;
  const signer = await ed25519Signer(signing);
  const receiving = receivingSecret && {
    secret: receivingSecret,
    key: await publicKeyOf('X25519', receivingSecret),
  };
  const open = { v: 1 as const, kind, kid: signer.kid, key: signer.key, receiving: receiving?.key ?? null };
  const about = aboutFile(open);
  const dataKey = randomBytes(32);
  const secrets = canonicalBytes({
    signing: base64urlEncode(signing),
    receiving: receivingSecret ? base64urlEncode(receivingSecret) : null,
  });
  const locks: IdentityFile['locks'] = [await lockByPassphrase(dataKey, passphrase, about, cost)];
  if (recovery) locks.push(lockByCode(dataKey, recovery, about));
  const file: IdentityFile = { ...open, locks, secrets: seal(dataKey, secrets, about) };
  return { file, unlocked: { signer, receiving } };
}

export function encodeIdentityFile(file: IdentityFile): string {
  return `${JSON.stringify(schema.parse(file), undefined, 2)}\n`;
}

/** @throws cli/bad-file */
export function parseIdentityFile(bytes: Uint8Array, path: string): IdentityFile {
  try {
    return schema.parse(parseStrictJson(bytes));
  } catch (cause) {
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} is not an identity file of sealroom.`, {
      cause,
    });
  }
}

async function dataKeyOf(
  file: IdentityFile,
  secret: { readonly passphrase: string } | { readonly code: Uint8Array },
): Promise<Bytes> {
  const about = aboutFile(file);
  for (const lock of file.locks) {
    if (lock.by === 'passphrase' && 'passphrase' in secret)
      return open(await passphraseKey(secret.passphrase, lock), lock, about, 'passphrase');
    if (lock.by === 'recovery-code' && 'code' in secret)
      return open(recoveryKey(secret.code, lock.salt), lock, about, 'recovery code');
  }
  throw new CliError('cli/locked', 'This file was made without a recovery code.', { exit: EXIT.refused });
}

async function unlockWith(file: IdentityFile, dataKey: Bytes): Promise<Unlocked> {
  const secrets = z
    .strictObject({ signing: bytesText(32), receiving: bytesText(32).nullable() })
    .parse(parseStrictJson(open(dataKey, file.secrets, aboutFile(file), 'data key')));
  const signer = await ed25519Signer(base64urlDecode(secrets.signing));
  const secret = secrets.receiving === null ? undefined : base64urlDecode(secrets.receiving);
  const receiving = secret && { secret, key: await publicKeyOf('X25519', secret) };
  const same = signer.key === file.key && (receiving?.key ?? null) === file.receiving;
  if (!same || (await keyThumbprint(file.key)) !== file.kid)
    throw new CliError('cli/bad-file', 'The identity file names other keys than it holds.');
  return { signer, receiving };
}

/** @throws cli/locked for a wrong passphrase or an altered file */
export async function unlock(file: IdentityFile, passphrase: string): Promise<Unlocked> {
  return unlockWith(file, await dataKeyOf(file, { passphrase }));
}

/** The same keys under a new passphrase, opened with the recovery code. @throws cli/locked */
export async function recover(
  file: IdentityFile,
  { code, passphrase, cost = COST }: { code: Uint8Array; passphrase: string; cost?: PassphraseCost },
): Promise<IdentityFile> {
  const dataKey = await dataKeyOf(file, { code });
  await unlockWith(file, dataKey);
  const others = file.locks.filter(({ by }) => by !== 'passphrase');
  const lock = await lockByPassphrase(dataKey, passphrase, aboutFile(file), cost);
  return { ...file, locks: [lock, ...others] };
}

/** The same keys with a new recovery code, which replaces any older one. @throws cli/locked */
export async function addRecovery(
  file: IdentityFile,
  { passphrase, code }: { passphrase: string; code: Uint8Array },
): Promise<IdentityFile> {
  const dataKey = await dataKeyOf(file, { passphrase });
  const others = file.locks.filter(({ by }) => by !== 'recovery-code');
  return { ...file, locks: [...others, lockByCode(dataKey, code, aboutFile(file))] };
}
