// Evidence in a file: a technology's own bytes in any of their forms, or the object in which evidence travels (protocol.md section
// 7.4), as receipts hold it, with that of a room's devices beside the room's. Nothing is authenticated.
import { type AnyEvidence, readEvidenceFile } from '@sealroom/attest';
import { BytesError, parseStrictJson, utf8Decode } from '@sealroom/bytes';
import { evidenceSchema } from '@sealroom/contract';
import { CliError } from '../error.ts';

const OPENING = /^\s*\{/;

function objectIn(file: Uint8Array): object | undefined {
  try {
    const text = utf8Decode(file);
    const value = OPENING.test(text) ? parseStrictJson(text) : undefined;
    const travels = value instanceof Object && 'technology' in value && 'body' in value;
    return travels ? value : undefined;
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
    return undefined;
  }
}

/** What a file may be, the likeliest first. @throws cli/bad-file · attest/too-large · attest/unknown-technology */
export function evidenceIn(file: Uint8Array): AnyEvidence[] {
  const value = objectIn(file);
  if (value === undefined) return readEvidenceFile(file);
  const found = evidenceSchema.safeParse(value);
  if (found.success) return [found.data];
  throw new CliError(
    'cli/bad-file',
    'The file holds an object with evidence that is none of a room: its members are technology, body and, for a room with devices, devices.',
  );
}
