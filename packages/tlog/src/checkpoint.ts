// C2SP tlog-checkpoint v1.0.0: a signed note of origin, tree size and root. Extension lines are refused: nobody could
// audit them. Witness lines are C2SP tlog-cosignature v1 (Ed25519, type 0x04).
// Not checked: freshness, and consistency with what the reader saw before (verifyConsistency does that).
import { type Bytes, utf8Encode } from '@sealroom/bytes';
import type { KeyText, Signer } from '@sealroom/cose';
import { base64Decode, base64Encode } from './base64.ts';
import { cosignatureTime, cosignatureVerifier } from './cosignature.ts';
import { TlogError } from './error.ts';
import {
  ed25519Verifier,
  formatNote,
  NOTE_COSIGNATURE,
  noteKeyId,
  type NoteSignature,
  openNote,
  parseNote,
} from './note.ts';

export type Checkpoint = { readonly origin: string; readonly size: number; readonly root: Bytes };

/** A witness that the reader knows: its name in signature lines, and its key. */
export type Witness = { readonly name: string; readonly key: KeyText };

export type Cosignature = Witness & {
  /** When the witness signed, in milliseconds since 1970. */
  readonly time: number;
};

export type OpenedCheckpoint = Checkpoint & {
  /** The checkpoint as signed: the note with its signature lines. */
  readonly note: string;
  readonly cosignatures: readonly Cosignature[];
  /** Signature lines of keys that the reader does not know. */
  readonly unknown: readonly NoteSignature[];
};

/** Decimal without leading zeroes, within 2^53-1. */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Any line: tlog-checkpoint tells readers not to expect more of an origin. */
const isOrigin = (origin: string): boolean => /^\P{Cc}+$/u.test(origin) && origin.isWellFormed();

/** The three signed lines. @throws tlog/malformed-checkpoint */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  if (root.length !== 32 || !Number.isSafeInteger(size) || size < 0 || !isOrigin(origin)) {
    throw new TlogError(
      'tlog/malformed-checkpoint',
      'A checkpoint needs an origin, a size from 0 and a root of 32 bytes.',
    );
  }
  return `${origin}\n${size}\n${base64Encode(root)}\n`;
}

/** Reads the three lines, which must be in their one form. @throws tlog/malformed-checkpoint */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', sizeText = '', rootText = '', ...rest] = text.split('\n');
  const size = parseDecimal(sizeText);
  const root = base64Decode(rootText);
  if (!isOrigin(origin) || size === undefined || root?.length !== 32 || rest.length !== 1 || rest[0] !== '') {
    throw new TlogError('tlog/malformed-checkpoint', 'A checkpoint is origin, size and root, one line each.');
  }
  return { origin, size, root };
}

/** Signs a checkpoint with the log's own key, under its origin as the key name. */
export async function signCheckpoint(signer: Signer, checkpoint: Checkpoint): Promise<string> {
  const text = formatCheckpoint(checkpoint);
  const id = await noteKeyId(checkpoint.origin, signer.key);
  return formatNote(text, [{ name: checkpoint.origin, id, signature: await signer.sign(utf8Encode(text)) }]);
}

/**
 * The checkpoint with the lines of the log and of these witnesses only, for readers who refuse all others. Nothing is
 * verified, and a line that is not there is not missed.
 * @throws tlog/malformed-note
 */
export async function checkpointFor(
  note: string,
  {
    origin,
    key,
    witnesses,
  }: { readonly origin: string; readonly key: KeyText; readonly witnesses: readonly Witness[] },
): Promise<string> {
  const { text, signatures } = parseNote(note);
  const wanted = [
    { name: origin, id: await noteKeyId(origin, key) },
    ...(await Promise.all(
      witnesses.map(async (witness) => ({
        name: witness.name,
        id: await noteKeyId(witness.name, witness.key, NOTE_COSIGNATURE),
      })),
    )),
  ];
  const isWanted = (line: NoteSignature) =>
    wanted.some(({ name, id }) => name === line.name && id === line.id);
  return formatNote(text, signatures.filter(isWanted));
}

/**
 * Opens a checkpoint that must carry the log's own signature. Lines of the named witnesses must be good where they
 * stand; whether enough of them stand there is the caller's policy (`cosignatures`).
 * @param options.unknownLines what to do with lines of other keys: `keep` them apart (default), or `refuse`, for
 *   receipts, in which every byte must be accounted for.
 * @throws tlog/wrong-origin · tlog/unknown-signer · tlog/bad-signature · tlog/unknown-signature-line, and what parsing throws
 */
export async function openCheckpoint(
  note: string,
  options: {
    readonly origin: string;
    readonly key: KeyText;
    readonly witnesses?: readonly Witness[];
    readonly unknownLines?: 'keep' | 'refuse';
  },
): Promise<OpenedCheckpoint> {
  const { origin, key, witnesses = [], unknownLines = 'keep' } = options;
  const log = { ...(await ed25519Verifier(origin, key)), witness: undefined };
  const others = await Promise.all(
    witnesses.map(async (witness) => ({
      ...(await cosignatureVerifier(witness.name, witness.key)),
      witness,
    })),
  );
  const { text, verified, unknown } = await openNote(note, [log, ...others]);
  if (!verified.some((line) => line.verifier === log)) {
    throw new TlogError('tlog/unknown-signer', 'The log itself has not signed this checkpoint.');
  }
  const checkpoint = parseCheckpoint(text);
  if (checkpoint.origin !== origin) {
    throw new TlogError('tlog/wrong-origin', 'The checkpoint belongs to another log.');
  }
  if (unknownLines === 'refuse' && unknown.length > 0) {
    throw new TlogError(
      'tlog/unknown-signature-line',
      'The checkpoint carries lines of keys that are not pinned here.',
    );
  }
  const cosignatures = verified.flatMap(({ verifier, signature }) =>
    verifier.witness ? [{ ...verifier.witness, time: cosignatureTime(signature.signature) }] : [],
  );
  return { ...checkpoint, note, cosignatures, unknown };
}
