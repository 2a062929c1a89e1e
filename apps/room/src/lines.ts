// The lines that a node says to its room: the boot, and answers to quote requests. The host is not believed in what they say;
// here only their form is checked.
import type { Evidence } from '@sealroom/attest';
import { BytesError, parseStrictJson } from '@sealroom/bytes';
import { evidenceSchema } from '@sealroom/contract';
import { z } from 'zod';
import { RoomError, type RoomErrorCode } from './error.ts';
import { type Boot, bootSchema } from './plan.ts';

const quoteAnswer = z.strictObject({
  id: z.int(),
  evidence: evidenceSchema,
});

function parse<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  code: RoomErrorCode,
): z.output<Schema> {
  try {
    return schema.parse(parseStrictJson(text));
  } catch (cause) {
    if (!(cause instanceof BytesError || cause instanceof z.ZodError)) throw cause;
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : cause.message;
    throw new RoomError(code, `The host's line does not have its form: ${why}`, { cause });
  }
}

/** @throws room/bad-boot */
export function parseBoot(text: string): Boot {
  return parse(bootSchema, text, 'room/bad-boot');
}

/** The evidence that answers request `id`. @throws room/evidence */
export function parseQuote(text: string, id: number): Evidence {
  const answer = parse(quoteAnswer, text, 'room/evidence');
  if (answer.id !== id) throw new RoomError('room/evidence', 'The host answered another quote request.');
  return answer.evidence;
}
