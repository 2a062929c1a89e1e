// What makes a node's request genuine. Pure; times are milliseconds since 1970.
import type { MessageOf } from '@sealroom/contract';
import { refuse } from '../error.ts';

export const CODE_MS = 60 * 60_000;
export const REQUEST_AGE_MS = 5 * 60_000;

/** The message of an `authorization: Node …` header, as base64url. @throws hub/unknown-node */
export function nodeProofOf(header: string | undefined): string {
  const found = /^Node ([A-Za-z0-9_-]+)$/.exec(header ?? '')?.[1];
  if (found === undefined)
    throw refuse('hub/unknown-node', 'A node signs its requests; enrol it first with a one-time code.');
  return found;
}

/** @throws hub/node-request unless the message was signed for exactly this request, now */
export function checkNodeRequest(
  payload: MessageOf<'node-request'>,
  request: { readonly method: string; readonly path: string; readonly body: string },
  now: number,
): void {
  const fail = (what: string) => refuse('hub/node-request', what);
  if (payload.method !== request.method || payload.path !== request.path || payload.body !== request.body)
    throw fail('The node’s signature is for another request.');
  if (Math.abs(Date.parse(payload.at) - now) > REQUEST_AGE_MS)
    throw fail('The node’s signature is too old, or its clock is more than five minutes off.');
}
