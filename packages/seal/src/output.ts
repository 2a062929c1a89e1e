// Sealed outputs (protocol.md sections 7 and 8). What leaves a room is padded to the contract's maxBytes, sealed like a
// file under a fresh key with the associated data `output`, and the key is HPKE-sealed to each recipient with
//   info = "sealroom/output/v1" ‖ SHA-256(manifest) ‖ SHA-256(sealed output),  aad = the recipient's COSE_Key bytes.
//   padded = length uint32be ‖ content ‖ zeros up to maxBytes
// Not checked here: that the recipients are the contract's, and who sealed (the run receipt says that).
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  canonicalBytes,
  concat,
  type Digest,
  digestBytes,
  type Json,
  parseCanonical,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { CoseError, type KeyText, parseKey, publicKeyOf } from '@sealroom/cose';
import { SealError } from './error.ts';
import { hpkeOpen, hpkeSeal } from './hpke.ts';
import { openBytes, sealBytes } from './stream.ts';

const LENGTH_BYTES = 4;
const LARGEST = 2 ** 31 - 1;

/** The padded form: always maxBytes + 4 bytes. @throws seal/output-too-large */
export function padOutput(content: Uint8Array, maxBytes: number): Bytes {
  if (!Number.isInteger(maxBytes) || maxBytes < 0 || maxBytes > LARGEST || content.length > maxBytes) {
    throw new SealError(
      'seal/output-too-large',
      `The output has ${content.length} bytes; the contract lets ${maxBytes} out.`,
    );
  }
  const padded = new Uint8Array(LENGTH_BYTES + maxBytes);
  new DataView(padded.buffer).setUint32(0, content.length);
  padded.set(content, LENGTH_BYTES);
  return padded;
}

/** The content of a padded output. @throws seal/bad-padding also when a padding byte is not zero */
export function unpadOutput(padded: Uint8Array): Bytes {
  const fail = () =>
    new SealError('seal/bad-padding', 'The output is not padded as a room pads; do not trust it.');
  if (padded.length < LENGTH_BYTES) throw fail();
  const length = new DataView(padded.buffer, padded.byteOffset, padded.length).getUint32(0);
  const end = LENGTH_BYTES + length;
  if (end > padded.length || padded.subarray(end).some((byte) => byte !== 0)) throw fail();
  return new Uint8Array(padded.slice(LENGTH_BYTES, end));
}

export type OutputRecipient = { readonly key: KeyText; readonly enc: string; readonly ciphertext: string };

/** Lies beside a sealed output; `sealed` is the digest of the sealed bytes, `enc` and `ciphertext` are base64url. */
export type OutputEnvelope = {
  readonly v: 1;
  readonly sealed: Digest;
  readonly recipients: readonly OutputRecipient[];
};

function outputInfo(manifest: Digest, sealed: Digest): Bytes {
  return concat(utf8Encode('sealroom/output/v1'), digestBytes(manifest), digestBytes(sealed));
}

/**
 * Pads and seals an output to its recipients.
 * @param manifest digest of the run's manifest
 * @throws seal/output-too-large · seal/bad-recipient · seal/bad-envelope for no recipient or one named twice
 */
export async function sealOutput({
  content,
  maxBytes,
  recipients,
  manifest,
}: {
  content: Uint8Array;
  maxBytes: number;
  recipients: readonly KeyText[];
  manifest: Digest;
}): Promise<{ sealed: Bytes; envelope: OutputEnvelope }> {
  const key = crypto.getRandomValues(new Uint8Array(32));
  const plaintext = padOutput(content, maxBytes);
  const sealed = await sealBytes({ key, associatedData: utf8Encode('output'), plaintext });
  const digest = await sha256Digest(sealed);
  const info = outputInfo(manifest, digest);
  const entries = await Promise.all(
    recipients.map(async (recipient) => {
      const aad = base64urlDecode(recipient);
      const { enc, ciphertext } = await hpkeSeal(recipient, { info, aad, plaintext: key });
      return { key: recipient, enc: base64urlEncode(enc), ciphertext: base64urlEncode(ciphertext) };
    }),
  );
  const envelope: OutputEnvelope = { v: 1, sealed: digest, recipients: entries };
  parseEnvelope(encodeEnvelope(envelope));
  return { sealed, envelope };
}

/**
 * Opens an output with the receiving key's 32-byte secret.
 * @param manifest digest of the run's manifest, from its receipt
 * @throws seal/wrong-asset (other sealed bytes than the envelope names) · seal/not-recipient · seal/hpke-failed, and what
 * opening and {@link unpadOutput} throw
 */
export async function openOutput({
  sealed,
  envelope,
  secret,
  manifest,
}: {
  sealed: Uint8Array;
  envelope: OutputEnvelope;
  secret: Bytes;
  manifest: Digest;
}): Promise<Bytes> {
  const digest = await sha256Digest(sealed);
  if (digest !== envelope.sealed) {
    throw new SealError(
      'seal/wrong-asset',
      'The sealed output is not the one its envelope names; fetch both again.',
    );
  }
  const own = await publicKeyOf('X25519', secret);
  const entry = envelope.recipients.find(({ key }) => key === own);
  if (!entry) {
    throw new SealError(
      'seal/not-recipient',
      'The output is not sealed to this key; use the one in the contract.',
    );
  }
  const key = await hpkeOpen(secret, {
    enc: base64urlDecode(entry.enc),
    ciphertext: base64urlDecode(entry.ciphertext),
    info: outputInfo(manifest, digest),
    aad: base64urlDecode(own),
  });
  return unpadOutput(await openBytes({ key, associatedData: utf8Encode('output'), sealed }));
}

/** The canonical JSON of an envelope. */
export function encodeEnvelope(envelope: OutputEnvelope): Bytes {
  return canonicalBytes(envelope);
}

function members(value: Json | undefined, names: readonly string[]): Record<string, Json> {
  const own = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  if (Object.keys(own).length !== names.length || !names.every((name) => Object.hasOwn(own, name))) {
    throw new SealError('seal/bad-envelope', `An envelope has exactly the members ${names.join(', ')} here.`);
  }
  return own as Record<string, Json>;
}

function recipient(value: Json): OutputRecipient {
  const { key, enc, ciphertext } = members(value, ['key', 'enc', 'ciphertext']);
  const good =
    typeof key === 'string' &&
    typeof enc === 'string' &&
    typeof ciphertext === 'string' &&
    parseKey(key).curve === 'X25519' &&
    base64urlDecode(enc).length === 32 &&
    base64urlDecode(ciphertext).length === 48;
  if (!good) {
    throw new SealError('seal/bad-envelope', 'A recipient is an X25519 key with a 32-byte key sealed to it.');
  }
  return { key, enc, ciphertext };
}

/** Reads an envelope, strictly. @throws seal/bad-envelope */
export function parseEnvelope(bytes: Uint8Array): OutputEnvelope {
  try {
    const { v, sealed, recipients } = members(parseCanonical(bytes), ['v', 'sealed', 'recipients']);
    if (v !== 1 || typeof sealed !== 'string' || !Array.isArray(recipients) || recipients.length === 0) {
      throw new SealError(
        'seal/bad-envelope',
        'An envelope has version 1, a digest and at least one recipient.',
      );
    }
    digestBytes(sealed);
    const entries = (recipients as readonly Json[]).map(recipient);
    if (new Set(entries.map(({ key }) => key)).size !== entries.length) {
      throw new SealError('seal/bad-envelope', 'The envelope names a recipient twice.');
    }
    return { v: 1, sealed: sealed as Digest, recipients: entries };
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof CoseError)) throw cause;
    throw new SealError('seal/bad-envelope', `The envelope cannot be read: ${cause.message}`, { cause });
  }
}
