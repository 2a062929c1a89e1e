// The lines that a room says to its node. Whatever stands in them is the room's word; a line in another form ends the room.
import { BytesError, parseStrictJson } from '@sealroom/bytes';
import { DEVICE_TECHNOLOGIES } from '@sealroom/attest';
import { bytesText } from '@sealroom/contract';
import { codeOf } from '@sealroom/host';
import { z } from 'zod';

const line = z.union([
  z.strictObject({
    ask: z.literal('quote'),
    id: z.int(),
    reportData: bytesText(32),
    devices: z.enum(DEVICE_TECHNOLOGIES).optional(),
  }),
  z.strictObject({ done: z.enum(['completed', 'failed']) }),
  z.strictObject({ failed: z.string().regex(/^[a-z]+\/[a-z-]+$/) }),
]);

export type RoomLine = z.infer<typeof line>;

/** UTF-16 units of the longest line. */
const LONGEST = 4096;

/** Undefined for a line in any other form. */
export function parseRoomLine(text: string): RoomLine | undefined {
  if (text.length > LONGEST) return undefined;
  try {
    return line.parse(parseStrictJson(text));
  } catch (error) {
    if (error instanceof BytesError || error instanceof z.ZodError) return undefined;
    throw error;
  }
}

/** The lines of a program's output; one that is too long comes as it is so far, and is the last. */
export async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of source) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
      if (rest.length > LONGEST) break;
    }
  } catch (error) {
    // Whoever destroys the stream has heard enough.
    if (codeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  if (rest !== '') yield rest;
}
