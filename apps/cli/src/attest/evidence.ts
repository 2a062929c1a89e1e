// Evidence in a file: a technology's own bytes in any of their forms, or the object in which evidence travels (protocol.md section
// 7.4), as receipts hold it, with that of a room's devices beside the room's. Nothing is authenticated.
import { type AnyEvidence, AttestError, readCollateral, readEvidenceFile } from '@sealroom/attest';
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

/** Whether certificates or revocation lists stand in it, and nothing else. */
function isBesideEvidence(file: Uint8Array): boolean {
  try {
    const { certificates, crls } = readCollateral([{ name: 'file', bytes: file }]);
    return certificates.length + crls.length > 0;
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
    return false;
  }
}

function evidenceOrWhatItIs(file: Uint8Array): AnyEvidence[] {
  try {
    return readEvidenceFile(file);
  } catch (error) {
    if (error instanceof AttestError && error.code === 'attest/unknown-technology' && isBesideEvidence(file))
      throw new CliError(
        'cli/bad-file',
        'The file has certificates or revocation lists, which stand beside evidence: give their folder with --collateral, and here the report, quote, document or token itself.',
        { cause: error },
      );
    throw error;
  }
}

/** What a file may be, the likeliest first. @throws cli/bad-file · attest/too-large · attest/unknown-technology */
export function evidenceIn(file: Uint8Array): AnyEvidence[] {
  const value = objectIn(file);
  if (value === undefined) return evidenceOrWhatItIs(file);
  const found = evidenceSchema.safeParse(value);
  if (found.success) return [found.data];
  throw new CliError(
    'cli/bad-file',
    'The file holds an object with evidence that is none of a room: its members are technology, body and, for a room with devices, devices.',
  );
}
