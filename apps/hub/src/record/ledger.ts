// The hub's side of the ledger: append a statement and check the receipt before anything is stored. Not checked: whether
// the ledger shows others the same tree (witnesses and vaults do that).
import { ledgerRoutes } from '@sealroom/api';
import { base64urlEncode, BytesError } from '@sealroom/bytes';
import { call, ClientError, type Fetch } from '@sealroom/client';
import type { Admitted } from '@sealroom/contract';
import { type KeyText, CoseError } from '@sealroom/cose';
import { Refusal } from '@sealroom/host';
import {
  ledgerEntry,
  parseTlogProof,
  PUBLIC_SUBJECT_KEY,
  subjectKey,
  TlogError,
  verifyTlogProof,
} from '@sealroom/tlog';
import { refuse, statusOf } from '../error.ts';
import type { Place } from './store.ts';

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
  /** The paths of leaves to one checkpoint, hashes as base64url; whoever reads a receipt verifies them. */
  paths(indexes: readonly number[]): Promise<{ checkpoint: string; paths: string[][] }>;
};

function ledgerRefusal(error: unknown): unknown {
  if (!(error instanceof ClientError)) return error;
  const { problem, status = 0 } = error;
  if (error.code === 'client/unreachable' || status >= 500) {
    return refuse('hub/ledger-unreachable', 'The ledger cannot be reached; nothing was stored. Try again.', {
      cause: error,
    });
  }
  const known = problem === undefined ? undefined : statusOf(problem);
  if (problem !== undefined && known !== undefined)
    return new Refusal(problem, error.message, { status: known, cause: error });
  return refuse('hub/ledger-answer', 'The ledger gave an answer that is not what it should be.', {
    cause: error,
  });
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
      if (!(cause instanceof TlogError || cause instanceof CoseError || cause instanceof BytesError))
        throw cause;
      throw refuse(
        'hub/ledger-answer',
        'The ledger’s receipt does not verify; tell its operator. Nothing was stored.',
        { cause },
      );
    }
    throw refuse('hub/ledger-answer', 'The ledger’s receipt is for another leaf than it says.');
  };

  return {
    origin,
    key,
    url,
    checkPlace,
    async paths(indexes) {
      try {
        const body = { indexes: [...indexes] };
        const { checkpoint, proofs } = await call(service, ledgerRoutes.proofs, { body });
        const paths = proofs.map((text) => parseTlogProof(text).proof.map(base64urlEncode));
        return { checkpoint, paths };
      } catch (error) {
        if (!(error instanceof TlogError)) throw ledgerRefusal(error);
        throw refuse('hub/ledger-answer', 'The ledger’s proofs cannot be read.', { cause: error });
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
