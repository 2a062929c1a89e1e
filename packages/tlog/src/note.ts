// C2SP signed-note v1.0.0: text, an empty line, and signature lines `— <name> base64(key id ‖ signature)`. Lines of keys
// that the reader does not know are kept apart; a line of a known key that does not verify refuses the whole note.
// Not decided here: which keys to trust.
import { type Bytes, concat, sha256, utf8Encode } from '@sealroom/bytes';
import { ALG, CoseError, encodeKey, type KeyText, parseKey, verifySignature } from '@sealroom/cose';
import { base64Decode, base64Encode } from './base64.ts';
import { TlogError } from './error.ts';

/** Signature types of signed-note: plain Ed25519, and the timestamped cosignature. */
export const NOTE_ED25519 = 0x01;
export const NOTE_COSIGNATURE = 0x04;

export type NoteSignature = {
  readonly name: string;
  /** 32-bit key id. */
  readonly id: number;
  readonly signature: Bytes;
};

export type ParsedNote = { readonly text: string; readonly signatures: readonly NoteSignature[] };

/** A key that a reader trusts for one name, and how a line of its kind is checked. */
export type NoteVerifier = {
  readonly name: string;
  readonly id: number;
  /** @throws tlog/bad-signature · tlog/malformed-cosignature */
  check(text: string, signature: Bytes): Promise<void>;
};

const MAX_CHARACTERS = 1024 * 1024;
const MAX_SIGNATURES = 64;

const malformed = (message: string) => new TlogError('tlog/malformed-note', message);

/** @throws tlog/malformed-key for an empty name or one with spaces, control characters or a plus sign */
export function checkKeyName(name: string): string {
  if (!/^[^\s+\p{Cc}\p{White_Space}]+$/u.test(name) || !name.isWellFormed()) {
    throw new TlogError('tlog/malformed-key', 'A key name must not be empty or hold spaces or a plus sign.');
  }
  return name;
}

/** The Ed25519 public key behind a key text. @throws tlog/unsupported-key */
export function ed25519Public(key: KeyText): Bytes {
  const parsed = parseKey(key);
  if (parsed.curve !== 'Ed25519') {
    throw new TlogError('tlog/unsupported-key', 'Notes are signed with Ed25519 keys only.');
  }
  return parsed.x;
}

/** First four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key). */
export async function noteKeyId(name: string, key: KeyText, type: number = NOTE_ED25519): Promise<number> {
  const hash = await sha256(utf8Encode(`${checkKeyName(name)}\n`), Uint8Array.of(type), ed25519Public(key));
  return new DataView(hash.buffer).getUint32(0);
}

const idText = (id: number): string => id.toString(16).padStart(8, '0');

/** The verifier key text `name+id+base64(type ‖ public key)`, as other tools take it. */
export async function noteKeyText(name: string, key: KeyText, type: number = NOTE_ED25519): Promise<string> {
  const id = await noteKeyId(name, key, type);
  return `${name}+${idText(id)}+${base64Encode(concat(Uint8Array.of(type), ed25519Public(key)))}`;
}

/** Reads a verifier key text. @throws tlog/malformed-key when its id is not that of its key, or that is no key */
export async function parseNoteKeyText(
  text: string,
): Promise<{ readonly name: string; readonly key: KeyText; readonly type: number }> {
  const [name = '', id = '', encoded = ''] = text.split('+', 2).concat(text.split('+').slice(2).join('+'));
  const material = base64Decode(encoded);
  const type = material?.[0];
  if (!material || material.length !== 33 || (type !== NOTE_ED25519 && type !== NOTE_COSIGNATURE)) {
    throw new TlogError('tlog/malformed-key', 'Expected a verifier key `name+id+base64` of an Ed25519 key.');
  }
  const key = encodeKey({ curve: 'Ed25519', x: material.slice(1) });
  try {
    if (idText(await noteKeyId(name, key, type)) === id) return { name, key, type };
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
  }
  throw new TlogError('tlog/malformed-key', 'The id in the verifier key is not the id of its key.');
}

/** @throws tlog/bad-signature */
export async function checkEd25519(key: KeyText, message: Bytes, signature: Uint8Array): Promise<void> {
  ed25519Public(key);
  try {
    const parts = { alg: ALG.Ed25519, message, signature: new Uint8Array(signature), lowS: true };
    await verifySignature(key, parts);
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    const what = 'A signature of a known key does not verify; do not use this note.';
    throw new TlogError('tlog/bad-signature', what, { cause });
  }
}

/** Verifier of plain Ed25519 lines (type 0x01). */
export async function ed25519Verifier(name: string, key: KeyText): Promise<NoteVerifier> {
  return {
    name,
    id: await noteKeyId(name, key),
    check: (text, signature) => checkEd25519(key, utf8Encode(text), signature),
  };
}

function parseSignatureLine(line: string): NoteSignature {
  const found = /^— (\S+) (\S+)$/u.exec(line);
  const [name = '', encoded = ''] = found?.slice(1) ?? [];
  const bytes = base64Decode(encoded);
  if (!found || !bytes || bytes.length < 5) throw malformed('A signature line is not `— name base64`.');
  try {
    checkKeyName(name);
  } catch (cause) {
    throw new TlogError('tlog/malformed-note', 'A signature line has a bad key name.', { cause });
  }
  return { name, id: new DataView(bytes.buffer).getUint32(0), signature: bytes.slice(4) };
}

/**
 * Takes a note apart and checks no signature.
 * @throws tlog/malformed-note
 */
export function parseNote(note: string): ParsedNote {
  if (note.length > MAX_CHARACTERS) throw malformed('The note is larger than 1 MiB.');
  if (!note.isWellFormed() || /[^\P{Cc}\n\u007f-\u009f]/u.test(note)) {
    throw malformed('A note holds no control characters but newlines, and no half surrogates.');
  }
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw malformed('A note ends in an empty line and signature lines.');
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`A note has at most ${MAX_SIGNATURES} signatures.`);
  return { text: note.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

export function formatSignatureLine({ name, id, signature }: NoteSignature): string {
  const idBytes = new Uint8Array(4);
  new DataView(idBytes.buffer).setUint32(0, id);
  return `— ${checkKeyName(name)} ${base64Encode(concat(idBytes, signature))}\n`;
}

/** Puts a note together; `text` ends in a newline. @throws tlog/malformed-note when it would not parse back */
export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  const note = `${text}\n${signatures.map(formatSignatureLine).join('')}`;
  if (parseNote(note).text !== text)
    throw malformed('The text would not be found again between its signatures.');
  return note;
}

export type OpenedNote<V extends NoteVerifier> = {
  readonly text: string;
  /** Lines whose signature is good, with the verifier that checked each. */
  readonly verified: readonly { readonly verifier: V; readonly signature: NoteSignature }[];
  /** Lines of keys that are not known here; they say nothing. */
  readonly unknown: readonly NoteSignature[];
};

/**
 * Opens a note with the keys that the reader knows.
 * @throws tlog/malformed-note · tlog/bad-signature (a known key's line is wrong) · tlog/unknown-signer (no known line)
 */
export async function openNote<V extends NoteVerifier>(
  note: string,
  verifiers: readonly V[],
): Promise<OpenedNote<V>> {
  const { text, signatures } = parseNote(note);
  const verified: { verifier: V; signature: NoteSignature }[] = [];
  const unknown: NoteSignature[] = [];
  for (const signature of signatures) {
    const verifier = verifiers.find(({ name, id }) => name === signature.name && id === signature.id);
    if (!verifier) {
      unknown.push(signature);
      continue;
    }
    if (verified.some((line) => line.verifier === verifier))
      throw malformed('A known key signed the note twice.');
    await verifier.check(text, signature.signature);
    verified.push({ verifier, signature });
  }
  if (verified.length === 0) {
    throw new TlogError(
      'tlog/unknown-signer',
      'None of the known keys signed this note; check whose log it is.',
    );
  }
  return { text, verified, unknown };
}
