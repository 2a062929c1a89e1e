// Signs statements and hands them to the hub; a place in the pinned ledger is checked before a command goes on.
import { type Details, hubRoutes } from '@sealroom/api';
import {
  base64urlEncode,
  type Bytes,
  canonicalJson,
  type Digest,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { call, verifyAppended } from '@sealroom/client';
import {
  contractSalt,
  type Contract,
  createStatement,
  freshSalt,
  type PayloadOf,
  type StatementType,
} from '@sealroom/contract';
import type { Signer } from '@sealroom/cose';
import type { Context } from '../context.ts';
import { identityOf, type Link } from './session.ts';

/** Signs as this person, for its organisation. */
export async function sign<T extends StatementType>(
  context: Context,
  { org, ledger }: Pick<Link, 'org' | 'ledger'>,
  type: T,
  payload: PayloadOf<T>,
  signer?: Signer,
): Promise<Bytes> {
  const by = signer ?? (await identityOf(context)).signer;
  return createStatement(by, { type, payload, iss: org, origin: ledger.origin, now: context.now() });
}

export type PublishParts = {
  readonly details?: Details;
  readonly document?: Bytes;
  readonly url?: string;
};

/** Publishes a signed statement in a project and checks its place. */
export async function publish(
  context: Context,
  hub: Link,
  project: string,
  cose: Bytes,
  { details, document, url }: PublishParts = {},
): Promise<{ readonly digest: Digest; readonly index: number }> {
  const body = {
    statement: base64urlEncode(cose),
    ...(details ? { details } : {}),
    ...(document ? { document: base64urlEncode(document) } : {}),
    ...(url === undefined ? {} : { url }),
  };
  const placed = await call(hub.service, hubRoutes.publish, { params: { project }, body });
  context.did(`Leaf ${placed.index} of the ledger holds the statement.`);
  await verifyAppended(hub.ledger, cose, placed);
  return { digest: placed.digest, index: placed.index };
}

/** Hands in a statement about a contract or a run, and checks its place. */
export async function submit(
  context: Context,
  hub: Link,
  target: { readonly runConfiguration: string; readonly contract: Contract; readonly firstSalt?: Bytes },
  cose: Bytes,
  note?: string,
): Promise<{ readonly digest: Digest; readonly index: number; readonly proof: string }> {
  const { runConfiguration } = target;
  const body = { statement: base64urlEncode(cose), ...(note === undefined ? {} : { note }) };
  const placed = await call(hub.service, hubRoutes.submitStatement, { params: { runConfiguration }, body });
  context.did(`Leaf ${placed.index} of the ledger holds the statement.`);
  await verifyAppended(hub.ledger, cose, placed, target.firstSalt ?? contractSalt(target.contract));
  return placed;
}

/** A reason in words: the text that the hub keeps, and the digest that the statement names. */
export async function noteOf(
  reason: string | undefined,
): Promise<{ readonly text: string | undefined; readonly digest: Digest | null }> {
  if (reason === undefined) return { text: undefined, digest: null };
  const text = canonicalJson({ salt: freshSalt(), text: reason });
  return { text, digest: await sha256Digest(utf8Encode(text)) };
}
