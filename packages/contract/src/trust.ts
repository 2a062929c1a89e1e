// The trust file: what the reader of a receipt has pinned beforehand. An empty list allows nothing.
import { entrySchema } from '@sealroom/attest';
import { BytesError, type Bytes, canonicalBytes, parseStrictJson } from '@sealroom/bytes';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { digest, keyText, platformName, shortText } from './fields.ts';

const schema = z.strictObject({
  v: z.literal(1),
  ledger: z.strictObject({
    origin: shortText,
    key: keyText,
    witnesses: z.array(z.strictObject({ name: shortText, key: keyText })).max(16),
  }),
  /** Organisations whose root was compared out of band. */
  organisations: z.array(digest).max(1000),
  /** Contracts pinned by digest; such a contract needs no pinned organisations. */
  contracts: z.array(digest).max(1000),
  /** Launch digests of room programs. */
  rooms: z.array(digest).max(1000),
  /** Simulator keys of nodes whose operator the reader believes. */
  simulators: z.array(keyText).max(1000),
  /**
   * What hardware evidence must satisfy for this reader, whatever the contract accepts; the form of `room.accept`. The vendors'
   * roots come with their technologies. None allows no hardware room.
   */
  accept: z.array(entrySchema).max(64).optional(),
  /**
   * `vaults`: for tokens whose keys no certificate vouches for, the word of the vaults of the run on whose they are is enough.
   * Without it, the reader gives each key set, or pins keys in `accept`.
   */
  keySets: z.literal('vaults').optional(),
  /** Platforms, as results name them, that the reader does not believe any more. */
  distrust: z.array(platformName).max(10_000).optional(),
});

export type Trust = z.infer<typeof schema>;

/** @throws trust/malformed */
export function parseTrust(bytes: Uint8Array): Trust {
  try {
    return schema.parse(parseStrictJson(bytes));
  } catch (cause) {
    if (!(cause instanceof z.ZodError || cause instanceof BytesError)) throw cause;
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : cause.message;
    throw new ContractError('trust/malformed', `The trust file cannot be read: ${why}`, { cause });
  }
}

export function encodeTrust(trust: Trust): Bytes {
  return canonicalBytes(schema.parse(trust));
}
