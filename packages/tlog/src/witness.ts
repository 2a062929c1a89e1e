// C2SP tlog-witness, `add-checkpoint`: what a log sends to a witness, what a witness decides, and what the log makes of the
// answer. Ed25519 cosignatures (type 0x04) only; ML-DSA-44 lines and `sign-subtree` are not read.
//   old <size> · consistency hashes · empty line · checkpoint        →  signature lines, or a status
// Pure. A witness must hold what `decideAddCheckpoint` reads still until it has kept what it answers: two requests at once
// could else roll it back. Not checked here: whether the witness keeps its word.
import { type Bytes, bytesEqual, sha256 } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';
import { base64Decode, base64Encode } from './base64.ts';
import {
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
  parseDecimal,
  type Witness,
} from './checkpoint.ts';
import { cosignatureTime, cosignatureVerifier } from './cosignature.ts';
import { TlogError, type TlogErrorCode } from './error.ts';
import { formatSignatureLine, openNote, parseNote } from './note.ts';
import { verifyConsistency } from './proof.ts';

export type AddCheckpoint = {
  /** Size of the tree that the witness cosigned last, as the log believes. */
  readonly oldSize: number;
  readonly proof: readonly Bytes[];
  /** The signed checkpoint note. */
  readonly checkpoint: string;
};

const MAX_PROOF = 63;

/** The body of a request. */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  return [`old ${oldSize}`, ...proof.map(base64Encode), '', checkpoint].join('\n');
}

/** Reads the body of a request, which must be in its one form. @throws tlog/malformed-request */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const malformed = () =>
    new TlogError('tlog/malformed-request', 'Expected `old <size>`, hashes, an empty line and a checkpoint.');
  const gap = body.indexOf('\n\n');
  const [first = '', ...hashes] = body.slice(0, Math.max(gap, 0)).split('\n');
  const oldSize = parseDecimal(/^old (.*)$/.exec(first)?.[1] ?? '');
  if (gap < 0 || oldSize === undefined || hashes.length > MAX_PROOF) throw malformed();
  const proof = hashes.map((line) => {
    const hash = base64Decode(line);
    if (hash?.length !== 32) throw malformed();
    return hash;
  });
  return { oldSize, proof, checkpoint: body.slice(gap + 2) };
}

/** The largest tree that a witness cosigned for a log. */
export type Cosigned = { readonly size: number; readonly root: Bytes };

/** What a witness knows about the logs it watches. */
export type WitnessView = {
  /** The log's key by its origin; undefined for logs that the witness does not watch. */
  keyOf(origin: string): KeyText | undefined;
  /** What it cosigned last; undefined when nothing. */
  latest(origin: string): Cosigned | undefined;
};

/** The HTTP status that the protocol gives to each case. */
export type WitnessDecision =
  | { readonly status: 200; readonly checkpoint: OpenedCheckpoint }
  | { readonly status: 400 | 403 | 404 | 422; readonly code: TlogErrorCode }
  /** Another tree than the log believes was cosigned last: its size goes into the answer (text/x.tlog.size). */
  | { readonly status: 409; readonly size: number };

function refused(status: 400 | 403 | 404 | 422, error: unknown): WitnessDecision {
  if (error instanceof TlogError) return { status, code: error.code };
  throw error;
}

/** The checkpoint as the log that it names signed it. */
async function openFor(view: WitnessView, note: string): Promise<OpenedCheckpoint | WitnessDecision> {
  let origin: string;
  try {
    ({ origin } = parseCheckpoint(parseNote(note).text));
  } catch (error) {
    return refused(400, error);
  }
  const key = view.keyOf(origin);
  if (key === undefined) return { status: 404, code: 'tlog/wrong-origin' };
  try {
    return await openCheckpoint(note, { origin, key });
  } catch (error) {
    return refused(403, error);
  }
}

/** An empty tree, or one that continues what was cosigned. */
async function checkGrowth(
  { oldSize, proof }: AddCheckpoint,
  to: Cosigned,
  from: Cosigned | undefined,
): Promise<void> {
  if (to.size === 0 && !bytesEqual(to.root, await sha256())) {
    throw new TlogError('tlog/root-mismatch', 'The empty tree has another root.');
  }
  if (oldSize === 0 || !from) {
    if (proof.length === 0) return;
    throw new TlogError('tlog/bad-proof-length', 'There is nothing to prove about an empty tree.');
  }
  await verifyConsistency({ from: oldSize, to: to.size, fromRoot: from.root, toRoot: to.root, proof });
}

/**
 * Whether a witness cosigns. With status 200 it keeps the checkpoint's size and root before it answers, and sends the line
 * that `cosign` makes.
 */
export async function decideAddCheckpoint(body: string, view: WitnessView): Promise<WitnessDecision> {
  let request: AddCheckpoint;
  try {
    request = parseAddCheckpoint(body);
  } catch (error) {
    return refused(400, error);
  }
  const opened = await openFor(view, request.checkpoint);
  if ('status' in opened) return opened;
  if (request.oldSize > opened.size) return { status: 400, code: 'tlog/bad-size' };
  const latest = view.latest(opened.origin);
  if (request.oldSize !== (latest?.size ?? 0)) return { status: 409, size: latest?.size ?? 0 };
  try {
    await checkGrowth(request, opened, latest);
  } catch (error) {
    return refused(422, error);
  }
  return { status: 200, checkpoint: opened };
}

export type CosignatureLine = {
  /** The signature line, to be appended to the note. */
  readonly line: string;
  /** Milliseconds since 1970. */
  readonly time: number;
};

/**
 * The line of a witness in its answer to `add-checkpoint`, verified; lines of other keys are left out.
 * @param note the checkpoint that was sent
 * @throws tlog/malformed-cosignature (also for a line without a time) · tlog/malformed-note · tlog/bad-signature ·
 *   tlog/unknown-signer (the witness's line is not there)
 */
export async function readCosignature(
  note: string,
  answer: string,
  witness: Witness,
): Promise<CosignatureLine> {
  if (!/^(?:— \S+ \S+\n)+$/u.test(answer)) {
    throw new TlogError('tlog/malformed-cosignature', 'A witness answers with signature lines alone.');
  }
  const { text } = parseNote(note);
  const verifier = await cosignatureVerifier(witness.name, witness.key);
  const { verified } = await openNote(`${text}\n${answer}`, [verifier]);
  const line = verified[0]?.signature;
  const time = line ? cosignatureTime(line.signature) : 0;
  if (!line || time === 0) {
    throw new TlogError('tlog/malformed-cosignature', 'The witness does not say when it signed.');
  }
  return { line: formatSignatureLine(line), time };
}
