// Notes: reasons in words, kept apart from the statement that names their digest, so that they can be erased. What is
// digested is the note as it is sent: plain text, or `{"salt":…,"text":…}`, whose salt keeps a short reason unguessable.
import { type Digest, parseStrictJson, BytesError, sha256Digest, utf8Encode } from '@sealroom/bytes';
import type { Statement } from '@sealroom/contract';
import { refuse } from '../error.ts';

export type Note = { readonly digest: Digest; readonly content: string };

/** @throws hub/digest-mismatch when the note is not the one that the statement names */
export async function noteOf(statement: Statement, given: string | undefined): Promise<Note | undefined> {
  if (given === undefined) return undefined;
  const named = 'note' in statement.payload ? statement.payload.note : null;
  const digest = await sha256Digest(utf8Encode(given));
  if (named !== digest)
    throw refuse('hub/digest-mismatch', 'The note is not the one whose digest the statement names.');
  return { digest, content: given };
}

/** The words of a note. */
export function wordsOf(content: string): string {
  try {
    const value = parseStrictJson(content);
    if (value !== null && typeof value === 'object' && 'text' in value && typeof value['text'] === 'string')
      return value['text'];
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
  }
  return content;
}
