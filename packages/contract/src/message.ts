// Signed messages that travel between processes but never stand in the ledger: COSE_Sign1 with canonical JSON, the same
// header as a statement. The audience is the thumbprint of the receiving service's key or, for the hub, its origin.
import { BytesError, canonicalBytes, type Digest, parseCanonical, type Bytes } from '@sealroom/bytes';
import {
  CoseError,
  contentTypeOf,
  decodeSign1,
  type KeyText,
  type Signer,
  sign1,
  verifySign1,
} from '@sealroom/cose';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { bytesText, count, digest, identifier, keyText, line, technology, time } from './fields.ts';
import { ISOLATIONS, ROLES } from './terms.ts';

const messages = {
  /** A person proves an identity key to the hub. */
  'session-proof': z.strictObject({ challenge: bytesText(32) }),
  /** An owner asks its vault for a project's key-encryption key. */
  'kek-request': z.strictObject({ org: digest, project: identifier, role: z.enum(ROLES) }),
  /** A vault's single-use nonce for a room. */
  challenge: z.strictObject({ nonce: bytesText(32), expiresAt: time }),
  /** A room asks a vault to clear the end of its run. */
  'finish-request': z.strictObject({
    run: digest,
    manifest: digest,
    outcome: z.enum(['completed', 'failed']),
    bits: count,
    bytes: count,
  }),
  /** A room tells the hub where its run stands; `answer` (a vault's key.released) proves the room once. */
  'room-event': z.strictObject({
    run: digest,
    sequence: count,
    stage: z.enum([
      'Run Initiated',
      'Runtime Build',
      'Workload Launch',
      'Run',
      'Run Completed',
      'Run Failed',
    ]),
    detail: line(200).nullable(),
  }),
  /** A room names what it uploads. */
  'room-upload': z.strictObject({ run: digest, sealed: digest, envelope: digest, statement: digest }),
  /** A node presents its keys with its one-time code, and later signs each request with them. */
  'node-enrolment': z.strictObject({
    code: line(100),
    name: line(100).min(1),
    key: keyText,
    /** Of its simulated TEE; null where it starts none. */
    simulator: keyText.nullable(),
    /** What its own hardware is, where rooms there prove themselves by it; the vaults judge. */
    hardware: technology.exclude(['simulated']).optional(),
    launch: digest,
    isolation: z.enum(ISOLATIONS),
    maxVcpu: z.int().min(1),
    maxMemoryGiB: z.int().min(1),
  }),
  'node-request': z.strictObject({
    method: z.string(),
    path: z.string(),
    body: digest,
    nonce: bytesText(16),
    at: time,
  }),
} as const satisfies { readonly [name: string]: z.ZodType };

export type MessageName = keyof typeof messages;
export type MessageOf<N extends MessageName> = z.infer<(typeof messages)[N]>;

/** A message as read: its signer is the key it was verified with. */
export type Message<N extends MessageName> = {
  readonly payload: MessageOf<N>;
  readonly kid: Digest;
  readonly audience: string;
  /** Seconds since 1970, by the sender's clock. */
  readonly issuedAt: number;
};

/** @param now milliseconds since 1970 */
export async function createMessage<N extends MessageName>(
  signer: Signer,
  { name, payload, audience, now }: { name: N; payload: MessageOf<N>; audience: string; now: number },
): Promise<Bytes> {
  const checked = messages[name].safeParse(payload);
  if (!checked.success)
    throw new ContractError('statement/malformed', `The ${name} message does not fit its schema.`);
  const claims = { iss: signer.kid, sub: name, aud: audience, iat: Math.floor(now / 1000) };
  return sign1(signer, { contentType: contentTypeOf(name), claims, payload: canonicalBytes(payload) });
}

/** The kid a message names, before anything is checked: to look the key up. @throws statement/malformed */
export function messageSignerUnverified(bytes: Uint8Array): Digest {
  try {
    return decodeSign1(bytes).kid;
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ContractError('statement/malformed', 'The message is not a COSE_Sign1.', { cause });
  }
}

/** The payload of a message, before anything is checked. @throws statement/malformed */
export function messageUnverified<N extends MessageName>(name: N, bytes: Uint8Array): MessageOf<N> {
  try {
    const { contentType, payload } = decodeSign1(bytes);
    if (contentType === contentTypeOf(name))
      return messages[name].parse(parseCanonical(payload)) as MessageOf<N>;
  } catch (cause) {
    if (!(cause instanceof CoseError || cause instanceof BytesError || cause instanceof z.ZodError))
      throw cause;
    throw new ContractError('statement/malformed', `The bytes are not a ${name} message.`, { cause });
  }
  throw new ContractError('statement/malformed', `The bytes are not a ${name} message.`);
}

/**
 * Verifies a message under a known key, for one audience.
 * @throws statement/malformed · statement/bad-signature · statement/wrong-signer (another audience)
 */
export async function verifyMessage<N extends MessageName>(
  name: N,
  bytes: Uint8Array,
  { key, audience }: { key: KeyText; audience: string },
): Promise<Message<N>> {
  const payload = messageUnverified(name, bytes);
  try {
    const { kid, claims } = await verifySign1(bytes, key);
    if (claims.aud !== audience) {
      throw new ContractError(
        'statement/wrong-signer',
        `The ${name} message was signed for another receiver.`,
      );
    }
    return { payload, kid, audience: claims.aud, issuedAt: claims.iat };
  } catch (cause) {
    if (!(cause instanceof CoseError)) throw cause;
    throw new ContractError(
      'statement/bad-signature',
      `The signature of the ${name} message does not verify.`,
      { cause },
    );
  }
}
