// The hub's side of the ledger: append a statement and check the receipt before anything is stored. Not checked: whether
// the ledger shows others the same tree (witnesses and vaults do that).
import { ledgerRoutes, recordStatus } from '@sealroom/api';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  type Digest,
  sha256Digest,
} from '@sealroom/bytes';
import { call, ClientError, type Fetch } from '@sealroom/client';
import type { Admitted } from '@sealroom/contract';
import { type KeyText, CoseError } from '@sealroom/cose';
import { Refusal } from '@sealroom/host';
import {
  checkpointFor,
  decodeBundle,
  ledgerEntry,
  openCheckpoint,
  parseTlogProof,
  PUBLIC_SUBJECT_KEY,
  splitEntry,
  subjectKey,
  TILE_WIDTH,
  tilePath,
  TlogError,
  type Witness,
  verifyConsistency,
  verifyTlogProof,
} from '@sealroom/tlog';
import { refuse } from '../error.ts';

/** Where a statement stands in the ledger: its leaf and the tlog-proof text. */
export type Place = { readonly index: number; readonly proof: string };

export type LedgerOptions = {
  readonly origin: string;
  readonly key: KeyText;
  readonly url: string;
  readonly fetch: Fetch;
};

export type LedgerLink = {
  readonly origin: string;
  readonly key: KeyText;
  readonly url: string;
  /**
   * Gives the statement's leaf, whether it is new or stood there before.
   * @throws hub/ledger-unreachable · hub/ledger-answer · the ledger's own `statement/…` refusal
   */
  append(bytes: Uint8Array, subject: Admitted['subject']): Promise<Place>;
  /** @throws hub/ledger-answer unless the proof puts the statement at this leaf. */
  checkPlace(bytes: Uint8Array, subject: Admitted['subject'], place: Place): Promise<void>;
  /**
   * The paths of leaves to one checkpoint, hashes as base64url; whoever reads a receipt verifies them.
   * @param witnesses whose lines the checkpoint must carry, and no others
   * @throws hub/ledger-unwitnessed when one is missing now
   */
  paths(
    indexes: readonly number[],
    witnesses: readonly Witness[],
  ): Promise<{ checkpoint: string; paths: string[][] }>;
  /** The newest checkpoint, signed by the ledger, of a tree that holds the one seen before. @throws hub/ledger-answer */
  checkpoint(seen: Seen | undefined): Promise<Seen>;
  /** Entries `from` to the end of their bundle (none if it cannot be had now), as the ledger tells them; a statement found by one is proved by itself. */
  entries(from: number, size: number): Promise<readonly Entry[]>;
  /** The bytes of an entry on a subject whose key one has; undefined when the ledger does not give them. */
  statement(coseDigest: Digest, key: Uint8Array): Promise<Bytes | undefined>;
};

/** A checkpoint: the size of the tree and its root. */
export type Seen = { readonly size: number; readonly root: Bytes };
export type Entry = { readonly index: number; readonly tag: Bytes; readonly coseDigest: Bytes };

function ledgerRefusal(error: unknown): unknown {
  if (!(error instanceof ClientError)) return error;
  const { problem, status = 0 } = error;
  if (error.code === 'client/unreachable' || status >= 500) {
    return refuse('hub/ledger-unreachable', 'The ledger cannot be reached; nothing was stored. Try again.', {
      cause: error,
    });
  }
  const known = problem === undefined ? undefined : recordStatus(problem);
  if (problem !== undefined && known !== undefined)
    return new Refusal(problem, error.message, { status: known, cause: error });
  return refuse('hub/ledger-answer', 'The ledger gave an answer that is not what it should be.', {
    cause: error,
  });
}

function badAnswer(cause: unknown): unknown {
  if (!(cause instanceof TlogError || cause instanceof CoseError || cause instanceof BytesError))
    return ledgerRefusal(cause);
  const message =
    'The ledger’s answer does not verify, or not with what it said before; tell its operator. Nothing was stored.';
  return refuse('hub/ledger-answer', message, { cause });
}

/** A receipt shows that witnesses have cosigned, not when. */
const ANY_AGE_SECONDS = 86_400;

function unwitnessed(): Refusal {
  const message =
    'A witness that the contract names has not cosigned the ledger’s newest checkpoint; the receipt needs its line. Try again in a minute.';
  return refuse('hub/ledger-unwitnessed', message);
}

async function keyOf(subject: Admitted['subject']): Promise<Uint8Array> {
  return subject === 'public' ? PUBLIC_SUBJECT_KEY : subjectKey(subject);
}

export function ledgerLink(options: LedgerOptions): LedgerLink {
  const { origin, key, url } = options;
  const service = { baseUrl: url.replace(/\/$/, ''), fetch: options.fetch };
  const headers = { 'content-type': 'application/cose' };

  const checkPlace: LedgerLink['checkPlace'] = async (bytes, subject, place) => {
    const entry = await ledgerEntry(await keyOf(subject), bytes);
    try {
      const { index } = await verifyTlogProof(place.proof, { entry, origin, key });
      if (index === place.index) return;
    } catch (cause) {
      throw badAnswer(cause);
    }
    throw refuse('hub/ledger-answer', 'The ledger’s receipt is for another leaf than it says.');
  };

  return {
    origin,
    key,
    url,
    checkPlace,
    async paths(indexes, witnesses) {
      const asked = witnesses.length === 0 ? {} : { maxAge: ANY_AGE_SECONDS };
      try {
        const body = { indexes: [...indexes], ...asked };
        const answer = await call(service, ledgerRoutes.proofs, { body });
        const checkpoint = await checkpointFor(answer.checkpoint, { origin, key, witnesses });
        const { cosignatures } = await openCheckpoint(checkpoint, { origin, key, witnesses });
        if (cosignatures.length < witnesses.length) throw unwitnessed();
        const paths = answer.proofs.map((text) => parseTlogProof(text).proof.map(base64urlEncode));
        return { checkpoint, paths };
      } catch (error) {
        throw badAnswer(error);
      }
    },
    async checkpoint(seen) {
      try {
        const note = await call(service, ledgerRoutes.checkpoint, {});
        const { size, root } = await openCheckpoint(note, { origin, key });
        const from = seen?.size ?? 0;
        if (seen === undefined || from === 0) return { size, root };
        const query = { from, to: size };
        const { proof } =
          size > from ? await call(service, ledgerRoutes.consistency, { query }) : { proof: [] };
        const hashes = proof.map((hash) => base64urlDecode(hash));
        await verifyConsistency({ from, to: size, fromRoot: seen.root, toRoot: root, proof: hashes });
        return { size, root };
      } catch (error) {
        throw badAnswer(error);
      }
    },
    async entries(from, size) {
      const index = Math.floor(from / TILE_WIDTH);
      const width = Math.min(TILE_WIDTH, size - index * TILE_WIDTH);
      const path = tilePath({ level: 'entries', index, width });
      let response: Response;
      try {
        response = await options.fetch(`${service.baseUrl}/${path}`, {});
      } catch (cause) {
        throw refuse('hub/ledger-unreachable', 'The ledger cannot be reached.', { cause });
      }
      // The ledger has grown meanwhile and no longer keeps the narrow bundle: the next look finds the wider one.
      if (!response.ok) return [];
      try {
        const bundle = decodeBundle(new Uint8Array(await response.arrayBuffer()), width);
        const all = bundle.map((entry, at) => ({ index: index * TILE_WIDTH + at, ...splitEntry(entry) }));
        return all.slice(from - index * TILE_WIDTH);
      } catch (error) {
        throw badAnswer(error);
      }
    },
    async statement(coseDigest, subject) {
      const headers = { 'sealroom-subject-key': base64urlEncode(subject) };
      try {
        const params = { digest: coseDigest };
        const bytes = await call(service, ledgerRoutes.statement, { params, headers });
        return (await sha256Digest(bytes)) === coseDigest ? bytes : undefined;
      } catch (error) {
        if (error instanceof ClientError && error.status === 404) return undefined;
        throw ledgerRefusal(error);
      }
    },
    async append(bytes, subject) {
      let answer: { index: number; entry: string; proof: string };
      try {
        const signal = AbortSignal.timeout(15_000);
        answer = await call(service, ledgerRoutes.append, { body: new Uint8Array(bytes), headers, signal });
      } catch (error) {
        throw ledgerRefusal(error);
      }
      const entry = await ledgerEntry(await keyOf(subject), bytes);
      if (answer.entry !== base64urlEncode(entry))
        throw refuse('hub/ledger-answer', 'The ledger answered for another entry.');
      const place = { index: answer.index, proof: answer.proof };
      await checkPlace(bytes, subject, place);
      return place;
    },
  };
}
