// Statements: COSE_Sign1 with canonical JSON payloads (protocol.md section 4). `readStatement` takes one apart and checks
// its form; who signed it and whether it may stand is decided against the record (record.ts).
import {
  base64urlEncode,
  BytesError,
  type Bytes,
  canonicalBytes,
  type Digest,
  type Json,
  parseCanonical,
  sha256Digest,
} from '@sealroom/bytes';
import { type Claims, CoseError, contentTypeOf, decodeSign1, type Signer, sign1 } from '@sealroom/cose';
import { z } from 'zod';
import { ContractError } from './error.ts';
import {
  isStatementType,
  type PayloadOf,
  STATEMENTS,
  type StatementType,
  subjectOf,
} from './statement-table.ts';
import { contractSchema, parseContract } from './terms.ts';

/** A statement as read: its form is right, its signature has not been checked. */
export type Statement<T extends StatementType = StatementType> = {
  [K in T]: {
    readonly type: K;
    readonly payload: PayloadOf<K>;
    /** Digest of the payload: the statement's name everywhere but in ledger leaves. */
    readonly digest: Digest;
    /** Digest of the COSE bytes: what the ledger entry commits to. */
    readonly coseDigest: Digest;
    readonly kid: Digest;
    readonly claims: Claims;
    readonly bytes: Bytes;
    readonly payloadBytes: Bytes;
  };
}[T];

/** 16 random bytes as base64url, for a statement's `salt`. */
export function freshSalt(): string {
  return base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
}

/**
 * Signs a statement.
 * @param iss the organisation (or, for a room, the run) that speaks
 * @param origin the ledger's origin, the statement's audience
 * @param now milliseconds since 1970
 * @throws statement/malformed when the payload does not fit its type
 */
export async function createStatement<T extends StatementType>(
  signer: Signer,
  {
    type,
    payload,
    iss,
    origin,
    now,
  }: { type: T; payload: PayloadOf<T>; iss: Digest; origin: string; now: number },
): Promise<Bytes> {
  const checked = STATEMENTS[type].payload.safeParse(payload);
  if (!checked.success) {
    throw new ContractError(
      'statement/malformed',
      `The ${type} statement does not fit its schema: ${z.prettifyError(checked.error)}`,
    );
  }
  const bytes = canonicalBytes(payload);
  return signPayload(signer, { type, bytes, iss, origin, now });
}

/** Signs payload bytes as they are: a contract is signed byte for byte as it was agreed. */
export async function signPayload(
  signer: Signer,
  {
    type,
    bytes,
    iss,
    origin,
    now,
  }: { type: StatementType; bytes: Bytes; iss: Digest; origin: string; now: number },
): Promise<Bytes> {
  const payload = parseCanonical(bytes) as { readonly [key: string]: Json };
  const sub = subjectOf(type, payload, await sha256Digest(bytes));
  const claims = { iss, sub, aud: origin, iat: Math.floor(now / 1000) };
  return sign1(signer, { contentType: contentTypeOf(type), claims, payload: bytes });
}

/** The last second that RFC 3339 can write. A time beyond it cannot be stored or shown. */
const LATEST_IAT = Date.parse('9999-12-31T23:59:59Z') / 1000;

function typeOf(contentType: string): StatementType {
  const type = /^application\/sealroom\.([a-z.]+)\+json$/.exec(contentType)?.[1] ?? '';
  if (!isStatementType(type)) {
    throw new ContractError(
      'statement/unknown-type',
      'The statement is of a type that this version does not know.',
    );
  }
  return type;
}

/**
 * Takes a statement apart: strict COSE, known type, canonical payload that fits its schema, the right subject.
 * @throws statement/malformed · statement/unknown-type · statement/wrong-subject · contract/malformed
 */
export async function readStatement(bytes: Uint8Array): Promise<Statement> {
  try {
    const { contentType, payload: payloadBytes, kid, claims } = decodeSign1(bytes);
    if (claims.iat > LATEST_IAT)
      throw new ContractError(
        'statement/malformed',
        'The statement says that it was signed after year 9999.',
      );
    const type = typeOf(contentType);
    const payload = type === 'contract.signed' ? parseContract(payloadBytes) : parseCanonical(payloadBytes);
    const result = (type === 'contract.signed' ? contractSchema : STATEMENTS[type].payload).safeParse(
      payload,
    );
    if (!result.success) {
      throw new ContractError(
        'statement/malformed',
        `The ${type} statement does not fit its schema: ${z.prettifyError(result.error)}`,
      );
    }
    const digest = await sha256Digest(payloadBytes);
    if (claims.sub !== subjectOf(type, result.data as { readonly [key: string]: unknown }, digest)) {
      throw new ContractError(
        'statement/wrong-subject',
        `The ${type} statement names another subject than its payload.`,
      );
    }
    const read = { type, payload: result.data, digest, coseDigest: await sha256Digest(bytes), kid, claims };
    return { ...read, bytes: new Uint8Array(bytes), payloadBytes } as Statement;
  } catch (cause) {
    if (cause instanceof CoseError || cause instanceof BytesError) {
      throw new ContractError('statement/malformed', `The statement cannot be read: ${cause.message}`, {
        cause,
      });
    }
    throw cause;
  }
}

/** Narrows a statement to one type. */
export function isOfType<T extends StatementType>(
  statement: Statement,
  type: T,
): statement is Extract<Statement, { type: T }> {
  return statement.type === type;
}
