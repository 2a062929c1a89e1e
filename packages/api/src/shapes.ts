// Shapes that several services share on the wire. COSE bytes and documents travel as base64url.
import { bytesText, digest, identifier, keyText, url } from '@sealroom/contract';
import { z } from 'zod';

/** A statement's place in the ledger: its leaf and a tlog-proof file's text. */
export const placed = z.strictObject({ index: z.int().min(0), proof: z.string() });

/** A statement with its place. */
export const recorded = z.strictObject({ cose: bytesText(), index: z.int().min(0), proof: z.string() });

export const projectParams = z.strictObject({ project: identifier });
export const runParams = z.strictObject({ run: digest });
export const digestParams = z.strictObject({ digest });

export const ledgerShape = z.strictObject({ origin: z.string(), key: keyText, url });
