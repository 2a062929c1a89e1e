// The store of collateral: a folder of authenticated pieces, filled from vendors' services by need, or from files. What is given
// out is of its time at that moment, or it is not given out; what could not be had is absent, and the policy then refuses.
// What a service or a file brings takes the place of nothing newer. Not here: the appraisal, which checks everything again.
import {
  type AnyEvidence,
  type Collateral,
  type CollateralFile,
  type KeySet,
  NO_COLLATERAL,
  readCollateral,
  readKeySet,
  type Roots,
} from '@sealroom/attest';
import {
  type Certificate,
  isImportedOf,
  keySetPiece,
  type Need,
  needName,
  needsOf,
  type Piece,
  vendorsBeside,
  wholeOf,
} from '@sealroom/attest/supply';
import { utf8Decode } from '@sealroom/bytes';
import { codeOf, refusal } from '../problem.ts';
import { createFetcher, type Fetcher, type FetchLimits } from './fetch.ts';
import type { FolderLimits } from './folder.ts';
import { type Held, type HeldPiece, issuerOf } from './pieces.ts';
import type { Services } from './services.ts';
import { KEY_SET_MS, openShelf, type Shelf } from './shelf.ts';

const HOUR = 3_600_000;
/** After this time a service is asked whether there is something newer; what is here counts on until it ends. */
const REFRESH_MS = 24 * HOUR;
const REFRESHED: ReadonlySet<Piece['kind']> = new Set([
  'crl',
  'ocsp',
  'tcb-info',
  'qe-identity',
  'key-set',
  'reference-manifest',
]);
/** Their authenticity, or that they are needed at all, hangs on what other needs bring. */
const LATER: ReadonlySet<Need['kind']> = new Set(['amd-vcek', 'intel-signer', 'nvidia-ocsp']);
const MOST_KEPT = 64;

export type CollateralOptions = {
  readonly folder: string;
  readonly roots: Roots;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** undefined: offline. */
  readonly services?: Services | undefined;
  readonly caPem?: string | undefined;
  readonly limits?: { readonly fetch?: FetchLimits; readonly folder?: FolderLimits };
};

/** A need that could not be met, and by which code. */
export type Unmet = { readonly need: string; readonly code: string; readonly detail: string };

/** What is there for evidence, and what could not be had. */
export type Gathered = {
  readonly collateral: Collateral;
  /** From the issuers' own configured addresses. */
  readonly keySets: readonly KeySet[];
  readonly unmet: readonly Unmet[];
};

/** Key sets that the folder's owner says are their issuers' current ones. */
export type Vouched = {
  readonly sets: readonly { readonly issuer: string; readonly text: string }[];
  /** Milliseconds since 1970, 30 days ahead at most; 24 hours when left out. */
  readonly until?: number | undefined;
};

export type CollateralStore = {
  /**
   * Takes files of any names, and key sets on the owner's own word; all of them or none. @returns what they hold
   * @throws attest/… naming the file · attest/malformed for what is no issuer · collateral/older · collateral/busy
   */
  import(files: readonly CollateralFile[], vouched?: Vouched): Promise<readonly Piece[]>;
  /**
   * What this evidence needs, as far as it can be had now, and what was imported of vendors whose lists no service gives; never
   * what has ended or not begun.
   */
  forEvidence(evidence: AnyEvidence): Promise<Collateral>;
  /** The same, with key sets, and what could not be had. */
  gather(evidence: AnyEvidence): Promise<Gathered>;
  /** All that is kept, and the files that cannot be used. */
  list(): Promise<Held>;
  /**
   * What ends within this many milliseconds, or has ended; but for what never lives longer and is fetched anew when it is needed,
   * as answers on revocation are: that it could not be had is then told.
   */
  expiring(withinMs: number): Promise<readonly HeldPiece[]>;
  close(): void;
};

/** Whether an answer may bring this piece beside what was asked for. */
function isCompanion({ name }: Piece): boolean {
  return name === 'intel-signer' || name.startsWith('certificate_');
}

function isAnswer(need: Need, piece: Piece): boolean {
  return piece.name === needName(need) && piece.of === wholeOf(need);
}

/** Collateral by the files that it was made of: the same object while they are the same, so that a verifier can keep its work. */
function createAssembly() {
  const made = new Map<string, Collateral>();
  return (held: readonly HeldPiece[]): Collateral => {
    const unique = [...new Map(held.map((one) => [one.sha256, one])).values()];
    const key = unique
      .map(({ sha256 }) => sha256)
      .toSorted()
      .join(' ');
    const known = made.get(key);
    if (known) return known;
    const files = unique.map(({ file, piece }) => ({ name: file, bytes: piece.bytes }));
    const collateral = files.length === 0 ? NO_COLLATERAL : readCollateral(files);
    const [oldest] = made.keys();
    if (made.size >= MOST_KEPT && oldest !== undefined) made.delete(oldest);
    made.set(key, collateral);
    return collateral;
  };
}

/** Key sets by the files that they were read from, so that their keys are imported once. */
function createKeySets() {
  const read = new WeakMap<HeldPiece, Promise<KeySet>>();
  return (held: readonly HeldPiece[]): Promise<KeySet[]> =>
    Promise.all(
      held.flatMap((one) => {
        const issuer = issuerOf(one);
        if (issuer === undefined) return [];
        const { fetchedAt, piece } = one;
        const origin = piece.vouchedUntil === undefined ? 'fetched' : 'imported';
        const text = utf8Decode(piece.bytes);
        const about = { issuer, text, fetchedAt, notAfter: piece.notAfter, origin } as const;
        const set = read.get(one) ?? readKeySet(about);
        read.set(one, set);
        return [set];
      }),
    );
}

async function vouchedPieces({ sets, until }: Vouched, fetchedAt: number): Promise<Piece[]> {
  const about = { fetchedAt, keptFor: KEY_SET_MS, vouchedUntil: until ?? fetchedAt + KEY_SET_MS };
  return Promise.all(
    sets.map(({ issuer, text }) =>
      keySetPiece(text, { ...about, issuer, name: needName({ kind: 'key-set', issuer }) }),
    ),
  );
}

function reasonOf(need: Need, error: unknown): Unmet {
  const code = codeOf(error);
  if (!(error instanceof Error) || code === undefined) throw error;
  return { need: needName(need), code, detail: error.message };
}

function filesOf(certificates: readonly Certificate[]): CollateralFile[] {
  return certificates.map(({ der }) => ({ name: 'a certificate in the evidence', bytes: der }));
}

/** Certificates that the answer leans on and that are in the evidence alone. */
function leanedOn(need: Need): readonly Certificate[] {
  return need.kind === 'nvidia-ocsp' ? need.between : [];
}

/** Whoever made evidence up has no service asked about certificates that no vendor issued. @throws attest/bad-collateral */
async function refuseForeign(need: Need, shelf: Shelf): Promise<void> {
  if (need.kind === 'nvidia-ocsp') await shelf.read(filesOf([need.certificate, ...need.between]));
}

/** Judges an answer and keeps what was asked for, with what it leans on. */
async function takeAnswer(
  shelf: Shelf,
  need: Need,
  files: readonly CollateralFile[],
  at: number,
): Promise<void> {
  if (need.kind === 'key-set') {
    const text = utf8Decode(files[0]?.bytes ?? new Uint8Array());
    const about = { name: needName(need), issuer: need.issuer, fetchedAt: at, keptFor: KEY_SET_MS };
    return shelf.keep([await keySetPiece(text, about)]);
  }
  const pieces = await shelf.read([...files, ...filesOf(leanedOn(need))]);
  const asked = pieces.filter((piece) => isAnswer(need, piece));
  if (asked.length === 0)
    throw refusal('collateral/wrong-answer', `The service gave something else than ${needName(need)}.`);
  const held = await shelf.current();
  const others = pieces.filter((piece) => isCompanion(piece) && !asked.includes(piece));
  const newer = others.filter(
    ({ name, made }) => (held.get(name)?.piece.made ?? Number.NEGATIVE_INFINITY) < made,
  );
  // What the asked-for leans on comes first, so that a crash between them leaves nothing that leans on nothing.
  return shelf.keep([...newer, ...asked]);
}

type Parts = {
  readonly shelf: Shelf;
  readonly fetcher: Fetcher | undefined;
  readonly clock: () => number;
};

/** Has a need met from the folder or a service; what is there counts until its end, whatever becomes of looking for newer. */
async function meet(need: Need, held: HeldPiece | undefined, { shelf, fetcher, clock }: Parts) {
  const fits = held !== undefined && isAnswer(need, held.piece);
  const age = clock() - (held?.fetchedAt ?? 0);
  // What came while the clock was ahead is no newer than now.
  const aged = fits && REFRESHED.has(held.piece.kind) && (age < 0 || age >= REFRESH_MS);
  if (fits && !aged) return undefined;
  try {
    if (!fetcher)
      throw refusal('collateral/no-service', `Nothing is fetched here, and ${needName(need)} is not kept.`);
    await refuseForeign(need, shelf);
    await fetcher.ask(need, (files) => takeAnswer(shelf, need, files, clock()));
    return undefined;
  } catch (error) {
    const reason = reasonOf(need, error);
    return fits ? undefined : reason;
  }
}

function answersTo(needs: readonly Need[], held: ReadonlyMap<string, HeldPiece>): HeldPiece[] {
  return needs.flatMap((need) => {
    const one = held.get(needName(need));
    return one && isAnswer(need, one.piece) ? [one] : [];
  });
}

async function meetAll(needs: readonly Need[], parts: Parts): Promise<Unmet[]> {
  const held = await parts.shelf.current();
  const found = await Promise.all(needs.map((need) => meet(need, held.get(needName(need)), parts)));
  return found.flatMap((unmet) => unmet ?? []);
}

/** @throws file/not-private, and what making and listing the folder throws */
export async function openCollateralStore(options: CollateralOptions): Promise<CollateralStore> {
  const { roots, clock, services, caPem, limits = {} } = options;
  const shelf = await openShelf(options.folder, { roots, clock, limits: limits.folder });
  const assemble = createAssembly();
  const readSets = createKeySets();
  const fetcher =
    services && createFetcher({ services, clock, caPem, ...(limits.fetch && { limits: limits.fetch }) });
  const parts = { shelf, fetcher, clock };

  const gather: CollateralStore['gather'] = async (evidence) => {
    const vendors = vendorsBeside(evidence);
    const first = needsOf(evidence, { collateral: NO_COLLATERAL, roots });
    if (first.length + vendors.length === 0) return { collateral: NO_COLLATERAL, keySets: [], unmet: [] };
    const early = first.filter(({ kind }) => !LATER.has(kind));
    const unmet = await meetAll(early, parts);
    const there = assemble(answersTo(early, await shelf.current()));
    const needs = needsOf(evidence, { collateral: there, roots });
    unmet.push(
      ...(await meetAll(
        needs.filter(({ kind }) => LATER.has(kind)),
        parts,
      )),
    );
    const held = await shelf.current();
    const imported = [...held.values()].filter(({ name }) => isImportedOf(name, vendors));
    const used = [...answersTo(needs, held), ...imported];
    return { collateral: assemble(used), keySets: await readSets(used), unmet };
  };

  return {
    gather,
    async forEvidence(evidence) {
      return (await gather(evidence)).collateral;
    },
    async import(files, vouched) {
      const sets = vouched ? await vouchedPieces(vouched, Math.trunc(clock())) : [];
      const pieces = [...(await shelf.read(files)), ...sets];
      await shelf.keep(pieces);
      return pieces;
    },
    list: () => shelf.list(),
    async expiring(withinMs) {
      const end = clock() + withinMs;
      const renewed = ({ notBefore, notAfter, vouchedUntil }: Piece) =>
        fetcher !== undefined && vouchedUntil === undefined && notAfter - notBefore <= withinMs;
      return [...(await shelf.newest()).values()].filter(
        ({ piece }) => piece.notAfter <= end && !renewed(piece),
      );
    },
    close: () => fetcher?.close(),
  };
}
