// C2SP tlog-cosignature v1, Ed25519 (type 0x04): a witness says that, at a time, this was the largest consistent tree it
// had seen. Signature = uint64 seconds since 1970 (big-endian) ‖ Ed25519 over `cosignature/v1`, `time <seconds>` and the
// checkpoint's lines. Not checked: that the witness keeps its word, and whether the time is recent.
import { concat, type Bytes, utf8Encode } from '@sealroom/bytes';
import type { KeyText, Signer } from '@sealroom/cose';
import { TlogError } from './error.ts';
import {
  checkEd25519,
  formatSignatureLine,
  NOTE_COSIGNATURE,
  noteKeyId,
  type NoteVerifier,
  parseNote,
} from './note.ts';

function cosignedMessage(text: string, seconds: number): Bytes {
  return utf8Encode(`cosignature/v1\ntime ${seconds}\n${text}`);
}

/** When a cosignature was made, in milliseconds since 1970; unauthenticated until the line is verified. */
export function cosignatureTime(signature: Uint8Array): number {
  const malformed = () =>
    new TlogError(
      'tlog/malformed-cosignature',
      'A cosignature is a time and an Ed25519 signature (72 bytes).',
    );
  if (signature.length !== 72) throw malformed();
  const seconds = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
  if (seconds > BigInt(Math.floor(Number.MAX_SAFE_INTEGER / 1000))) throw malformed();
  return Number(seconds) * 1000;
}

/** Verifier of a witness's lines. */
export async function cosignatureVerifier(name: string, key: KeyText): Promise<NoteVerifier> {
  return {
    name,
    id: await noteKeyId(name, key, NOTE_COSIGNATURE),
    check: async (text, signature) =>
      checkEd25519(key, cosignedMessage(text, cosignatureTime(signature) / 1000), signature.slice(8)),
  };
}

/**
 * The signature line with which a witness vouches for a checkpoint; append it to the note. The caller must have checked
 * the log's signature and consistency with the largest tree it cosigned before.
 * @param now milliseconds since 1970
 */
export async function cosign(signer: Signer, name: string, note: string, now: number): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const time = new Uint8Array(8);
  new DataView(time.buffer).setBigUint64(0, BigInt(seconds));
  const signature = await signer.sign(cosignedMessage(parseNote(note).text, seconds));
  const id = await noteKeyId(name, signer.key, NOTE_COSIGNATURE);
  return formatSignatureLine({ name, id, signature: concat(time, signature) });
}
