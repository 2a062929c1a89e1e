// What a room's upload must agree on: its signed message, its statement, and the bytes that come with them. Pure.
import { type Digest, sha256Digest } from '@sealroom/bytes';
import {
  bytesText,
  collateralPieces,
  evidenceSchema,
  type MessageOf,
  type Statement,
} from '@sealroom/contract';
import { z } from 'zod';
import { refuse } from '../error.ts';

const cose = bytesText();

/** The parts of a receipt that only the room has; canonical JSON. */
export const partsSchema = z.strictObject({
  manifest: bytesText(),
  challenges: z.array(cose).max(64),
  evidence: evidenceSchema,
  /** Sorted, as the receipt carries it; none for simulated rooms. */
  collateral: collateralPieces.optional(),
  answers: z.array(cose).max(64),
  cleared: z.array(cose).max(64),
  /** Every vault's key.reserved; the hub may not have seen all of them in events. */
  reservations: z.array(cose).max(64).default([]),
});
export type Parts = z.infer<typeof partsSchema>;

export type Upload = {
  readonly run: Digest;
  readonly upload: MessageOf<'room-upload'>;
  readonly statement: Extract<Statement, { type: 'run.finished' }>;
  readonly sealed: Uint8Array | null;
  readonly envelope: Uint8Array | null;
};

/** Without an output the message names the digest of no bytes, and the statement says null. */
async function agrees(bytes: Uint8Array | null, named: Digest, stated: Digest | null): Promise<boolean> {
  if (named !== (await sha256Digest(bytes ?? new Uint8Array()))) return false;
  return stated === (bytes === null ? null : named);
}

/** @throws hub/unknown-room · hub/digest-mismatch */
export async function checkUpload({ run, upload, statement, sealed, envelope }: Upload): Promise<void> {
  const { payload } = statement;
  if (upload.run !== run || payload.run !== run)
    throw refuse('hub/unknown-room', 'The upload is about another run.');
  const good =
    upload.statement === statement.digest &&
    (await agrees(sealed, upload.sealed, payload.output)) &&
    (await agrees(envelope, upload.envelope, payload.envelope));
  if (!good)
    throw refuse('hub/digest-mismatch', 'The upload is not what the room’s message and statement name.');
}
