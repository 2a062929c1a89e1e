// The room program. Its host writes one JSON line (the boot) to standard input and answers quote requests; see the node's
// rooms.ts for the lines. `--probe` prints the isolation that this machine offers and ends.
import { createInterface } from 'node:readline';
import { rootCertificates } from 'node:tls';
import { base64urlEncode } from '@sealroom/bytes';
import { checkStoreUrl, storeFetch, tlsFetch } from '@sealroom/host/net';
import { RoomError } from './error.ts';
import type { Quote } from './keys.ts';
import { parseBoot, parseQuote } from './lines.ts';
import { persistentFetch } from './persistent-fetch.ts';
import { runRoom } from './room.ts';
import { detectIsolation } from './sandbox/sandbox.ts';

/** How long a vault or the hub may be down before the run fails of it. */
const PERSIST_MS = 120_000;

function write(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function next(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new RoomError('room/bad-boot', 'The host closed the room’s input.');
  return value;
}

function askForQuotes(lines: AsyncIterator<string>): Quote {
  let id = 0;
  return async (reportData, devices) => {
    id++;
    const asked = { ask: 'quote', id, reportData: base64urlEncode(reportData) };
    write(devices === undefined ? asked : { ...asked, devices });
    return parseQuote(await next(lines), id);
  };
}

/** Where an unforeseen error arose. Its message stays inside: it may name a file or a value of the run. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ {4}at /.test(line));
  return [error.name, ...frames].join('\n');
}

async function main(): Promise<void> {
  // What the algorithm's user shall read is made with its mode spelled out; the starter's mask must not take it away.
  process.umask(0o022);
  if (process.argv.includes('--probe')) {
    const { level, reasons } = await detectIsolation();
    write({ isolation: level, reasons });
    return;
  }
  const input = createInterface({ input: process.stdin });
  const lines = input[Symbol.asyncIterator]();
  const stopping = new AbortController();
  process.once('SIGTERM', () => stopping.abort());
  // Without its node nobody holds the room to its time or clears up after it: it ends as it would on SIGTERM.
  input.once('close', () => stopping.abort());
  // A node that is gone reads nothing more; that must not end the room before it has cleared up.
  process.stdout.on('error', () => undefined);
  process.stderr.on('error', () => undefined);
  try {
    const boot = parseBoot(await next(lines));
    const caPem = boot.caPem === null ? [...rootCertificates] : [...rootCertificates, boot.caPem];
    // Two minutes: a release waits for the other vaults' reservations.
    const through = boot.gate;
    const once = tlsFetch({ caPem, timeoutMs: 120_000, through });
    const fetch = persistentFetch((url, init) => once(url, init), {
      forMs: PERSIST_MS,
      signal: stopping.signal,
    });
    const store = storeFetch(boot.storeOrigins, { caPem, through });
    for (const { url } of boot.work.assets) checkStoreUrl(url, boot.storeOrigins, { now: Date.now() });
    const outcome = await runRoom(boot, {
      fetch,
      storeFetch: (url, init) => store(url, init),
      quote: askForQuotes(lines),
      now: Date.now,
      say: (text) => process.stderr.write(`${text}\n`),
      signal: stopping.signal,
    });
    write({ done: outcome });
  } catch (error) {
    const known = error instanceof RoomError;
    process.stderr.write(known ? `${error.code}: ${error.message}\n` : `${placeOf(error)}\n`);
    write({ failed: known ? error.code : 'room/internal' });
  }
  // Timers and idle connections of libraries must not keep a destroyed room alive.
  process.exit(0);
}

await main();
