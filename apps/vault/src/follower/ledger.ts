// The vault's calls to the ledger. An answer counts only with its proof: the entry must be the statement's own, under a
// checkpoint that the pinned key signed. Whether that checkpoint extends what the vault has seen is follow.ts.
import { ledgerRoutes } from '@sealroom/api';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  bytesEqual,
  type Digest,
  sha256Digest,
} from '@sealroom/bytes';
import { call, ClientError, type Fetch } from '@sealroom/client';
import type { KeyText } from '@sealroom/cose';
import { Refusal } from '@sealroom/host';
import {
  decodeBundle,
  ledgerEntry,
  openCheckpoint,
  type OpenedCheckpoint,
  TILE_WIDTH,
  tilePath,
  TlogError,
  verifyTlogProof,
} from '@sealroom/tlog';
import { refuse } from '../error.ts';

export type LedgerPlace = {
  readonly url: string;
  readonly origin: string;
  readonly key: KeyText;
  readonly fetch: Fetch;
};

/** Where a statement stands: its leaf and a tlog-proof file's text. */
export type Place = { readonly index: number; readonly proof: string };

function unreachable(cause: unknown): Refusal {
  return refuse(
    'record/unreachable',
    'The ledger cannot be reached or does not answer as it should; try again.',
    {
      cause,
    },
  );
}

/** A refusal of the ledger keeps its code; everything else means that the ledger is not there. */
async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TlogError) throw unreachable(cause);
    if (!(cause instanceof ClientError)) throw cause;
    const { problem = '', status = 0 } = cause;
    if (status < 500 && /^(?:statement|contract)\//.test(problem))
      throw new Refusal(problem, cause.message, { status: 409, cause });
    throw unreachable(cause);
  }
}

/** How old witnesses' lines may be in the answer; every contract allows more. */
const WITNESSED_SECONDS = 2;

/** The newest checkpoint, after every witness that the ledger knows was asked to cosign it. */
export async function fetchCheckpoint(ledger: LedgerPlace): Promise<OpenedCheckpoint> {
  return asked(async () => {
    const service = { baseUrl: ledger.url, fetch: ledger.fetch };
    const note = await call(service, ledgerRoutes.witnessed, { query: { maxAge: WITNESSED_SECONDS } });
    return openCheckpoint(note, ledger);
  });
}

async function fetchBytes(ledger: LedgerPlace, path: string): Promise<Bytes | undefined> {
  try {
    const answer = await ledger.fetch(`${ledger.url}/${path}`, { method: 'GET' });
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined;
  } catch (cause) {
    throw unreachable(cause);
  }
}

/** The entries from leaf `from` up to `size`. They prove nothing until they add up to a signed root. */
export async function fetchEntries(ledger: LedgerPlace, from: number, size: number): Promise<Bytes[]> {
  const found: Bytes[] = [];
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < size; index++) {
    const first = index * TILE_WIDTH;
    const width = Math.min(TILE_WIDTH, size - first);
    const partial = await fetchBytes(ledger, tilePath({ level: 'entries', index, width }));
    // A log may drop a partial tile once the full one stands.
    const bytes =
      partial ?? (await fetchBytes(ledger, tilePath({ level: 'entries', index, width: TILE_WIDTH })));
    if (!bytes) throw unreachable(undefined);
    const entries = await asked(async () => decodeBundle(bytes, partial ? width : TILE_WIDTH));
    found.push(...entries.slice(Math.max(0, from - first), size - first));
  }
  return found;
}

/** The COSE bytes of an entry, or undefined when the ledger does not show them. @throws record/unreachable */
export async function fetchStatement(
  ledger: LedgerPlace,
  digest: Digest,
  subjectKey: Uint8Array,
): Promise<Bytes | undefined> {
  try {
    const headers = { 'sealroom-subject-key': base64urlEncode(subjectKey) };
    const input = { params: { digest }, headers };
    const bytes = await call({ baseUrl: ledger.url, fetch: ledger.fetch }, ledgerRoutes.statement, input);
    return (await sha256Digest(bytes)) === digest ? bytes : undefined;
  } catch (cause) {
    if (!(cause instanceof ClientError)) throw cause;
    if (cause.code === 'client/unreachable' || (cause.status ?? 0) >= 500) throw unreachable(cause);
    return undefined;
  }
}

/**
 * Appends a statement; one that stands already gives its place.
 * @param subjectKey the key that the entry must be tagged with; undefined when the vault does not know the subject
 * @throws the ledger's `statement/…` code · record/unreachable, also when the proof does not hold
 */
export async function appendStatement(
  ledger: LedgerPlace,
  cose: Bytes,
  subjectKey: Uint8Array | undefined,
): Promise<Place> {
  return asked(async () => {
    const input = { body: cose, headers: { 'content-type': 'application/cose' } };
    const answer = await call({ baseUrl: ledger.url, fetch: ledger.fetch }, ledgerRoutes.append, input);
    const entry = base64urlDecode(answer.entry);
    if (subjectKey && !bytesEqual(entry, await ledgerEntry(subjectKey, cose))) {
      throw new TlogError('tlog/malformed-entry', 'The ledger logged something else than this statement.');
    }
    const { index } = await verifyTlogProof(answer.proof, { entry, origin: ledger.origin, key: ledger.key });
    if (index !== answer.index) throw new TlogError('tlog/bad-index', 'The proof is of another leaf.');
    return { index, proof: answer.proof };
  });
}
