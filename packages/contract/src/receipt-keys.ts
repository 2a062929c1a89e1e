// On whose word the keys rest that signed a receipt's evidence, where no certificates lead from them to a pinned root: the reader's,
// who gives the issuer's key set; the contract's, which pins keys by thumbprint; or that of the vaults, each of which says in its
// answer which set it had of the issuer (docs/decisions/129). The evidence is judged once under each vault's set and at its
// time, and under no mixture, so that all vaults must have lied where one would do harm. Not provable from a receipt: that a
// set is the issuer's.
import {
  type Appraisal,
  type Collateral,
  type CollateralUse,
  type KeySet,
  readKeySet,
} from '@sealroom/attest';
import type { Digest } from '@sealroom/bytes';
import { ContractError } from './error.ts';
import { type KeySetWord, spokenSets } from './key-set-words.ts';
import type { PayloadOf } from './statement-table.ts';

/** A key set that the reader vouches for, as its issuer publishes it. */
export type ReaderKeys = { readonly issuer: string; readonly text: string };

/** What a vault's answer is judged by: its own time, and the key sets that it names. */
export type View = {
  readonly vault: Digest | undefined;
  readonly at: number;
  /** Those that the vault names. */
  readonly spoken: readonly KeySet[];
  /** These, and the reader's own. */
  readonly keySets: readonly KeySet[];
};

/** One key set, and who says that it is its issuer's; `contract` where nobody does and the key itself is pinned. */
export type KeySource = {
  readonly issuer: string;
  readonly sha256: string;
  readonly vouchedBy: 'reader' | 'contract' | 'vaults';
  readonly vaults: readonly (Omit<KeySetWord, 'issuer' | 'digest'> & { readonly vault: Digest })[];
};

/**
 * The weakest of what the evidence rests on: `roots` = the vendors' roots in the program; `reader` = keys that the reader vouches for
 * or pins; `contract` = keys that the contract pins; `vaults` = key sets by the word of the vaults; `simulator` = no hardware.
 */
export type Basis = 'roots' | 'reader' | 'contract' | 'vaults' | 'simulator';

/** An answer and the vault that signed it. */
export type Answered = { readonly vault: Digest; readonly answer: PayloadOf<'key.released'> };

const A_MOMENT = 1;

async function readersSets(brought: readonly ReaderKeys[], at: number): Promise<KeySet[]> {
  const times = { fetchedAt: at, notAfter: at + A_MOMENT, origin: 'imported' } as const;
  return Promise.all(brought.map(({ issuer, text }) => readKeySet({ issuer, text, ...times })));
}

/** Only the reader's own key sets, which are given for the time of judging. */
export async function viewOfReader(brought: readonly ReaderKeys[], at: number): Promise<View> {
  return { vault: undefined, at, spoken: [], keySets: await readersSets(brought, at) };
}

/** How the evidence is to be judged: once for each vault where any names a key set that the reader does not give, else once. */
export async function viewsOf(
  answered: readonly Answered[],
  { carried, brought, last }: { carried: Collateral; brought: readonly ReaderKeys[]; last: number },
): Promise<readonly View[]> {
  const given = new Set(brought.map(({ issuer }) => issuer));
  const words = answered.map(({ answer }) =>
    (answer.keySets ?? []).filter(({ issuer }) => !given.has(issuer)),
  );
  if (words.every((list) => list.length === 0)) return [await viewOfReader(brought, last)];
  return Promise.all(
    answered.map(async ({ vault, answer }, index) => {
      const at = Date.parse(answer.at);
      const spoken = await spokenSets(words[index] ?? [], carried);
      return { vault, at, spoken, keySets: [...spoken, ...(await readersSets(brought, at))] };
    }),
  );
}

/** No vault may name a set that its answer does not rest on. @throws receipt/collateral */
export function checkWordsNeeded({ spoken }: View, appraisals: readonly Appraisal[]): void {
  const used = appraisals.flatMap((one) => one.used);
  const idle = spoken.find(
    ({ issuer, sha256 }) =>
      !used.some((use) => use.kind === 'key-set' && use.subject === issuer && use.sha256 === sha256),
  );
  if (idle)
    throw new ContractError(
      'receipt/collateral',
      'A vault names a key set that the evidence was not held against.',
    );
}

/** Of what was used, the key sets and pinned keys, with who vouches for each. */
export function keySources(
  used: readonly CollateralUse[],
  {
    answered,
    brought,
    pinnedBy,
  }: { answered: readonly Answered[]; brought: readonly ReaderKeys[]; pinnedBy: 'reader' | 'contract' },
): KeySource[] {
  const given = new Set(brought.map(({ issuer }) => issuer));
  const found = new Map<string, KeySource>();
  for (const { kind, subject: issuer, sha256 } of used) {
    if (kind !== 'key-set' && kind !== 'pinned-key') continue;
    const vouchedBy = kind === 'pinned-key' ? pinnedBy : given.has(issuer) ? 'reader' : 'vaults';
    const said = answered.flatMap(({ vault, answer }) =>
      (answer.keySets ?? []).flatMap(({ issuer: of, digest, ...how }) =>
        of === issuer && digest === `sha256:${sha256}` ? [{ vault, ...how }] : [],
      ),
    );
    const vaults = vouchedBy === 'vaults' ? said : [];
    found.set(`${kind} ${issuer} ${sha256}`, { issuer, sha256, vouchedBy, vaults });
  }
  return [...found.values()];
}

export function basisOf(sources: readonly KeySource[], hardware: boolean): Basis {
  if (!hardware) return 'simulator';
  const by = sources.map(({ vouchedBy }) => vouchedBy);
  if (by.includes('vaults')) return 'vaults';
  if (by.includes('contract')) return 'contract';
  return by.length > 0 ? 'reader' : 'roots';
}
