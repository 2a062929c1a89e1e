// Names and lifetimes of containers. Pure but for randomness.
import { hexEncode } from '@sealroom/bytes';

const DAY_MS = 24 * 60 * 60_000;
/** How long an upload may take. */
export const WRITE_MS = 2 * DAY_MS;
/** A version is read by every run on it; a year covers a contract, and a new URL can be given by a new version. */
export const READ_MS = 366 * DAY_MS;

export function freshContainer(): string {
  return `c-${hexEncode(crypto.getRandomValues(new Uint8Array(16)))}`;
}
