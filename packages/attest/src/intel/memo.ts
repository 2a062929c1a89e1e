// What was found out about a platform under the same collateral and roots is kept, since it depends on the time only by
// comparing it with dates: between two dates that occur anywhere in it the answer stays the same. The kept answer is used only
// strictly between the dates around the time at which it was made; the inputs are compared byte by byte or are the same object.
import { bytesEqual } from '@sealroom/bytes';
import type { Collateral } from '../collateral.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import type { IntelCollateral } from './collateral.ts';

export type Span = { readonly after: number; readonly before: number };

/** The time around `at` in which no certificate, list or statement begins or ends; undefined at such a moment itself. */
export function spanAround(
  at: number,
  {
    certificates,
    crls,
    statements,
  }: {
    certificates: readonly Certificate[];
    crls: readonly Crl[];
    statements: readonly { issueDate: number; nextUpdate: number }[];
  },
): Span | undefined {
  let [after, before] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  let exact = !Number.isFinite(at);
  const edge = (date: number | undefined) => {
    if (date === undefined) return;
    if (date < at) after = Math.max(after, date);
    else if (date > at) before = Math.min(before, date);
    else exact = true;
  };
  for (const { notBefore, notAfter } of certificates) for (const date of [notBefore, notAfter]) edge(date);
  for (const { thisUpdate, nextUpdate } of crls) for (const date of [thisUpdate, nextUpdate]) edge(date);
  for (const { issueDate, nextUpdate } of statements) for (const date of [issueDate, nextUpdate]) edge(date);
  return exact ? undefined : { after, before };
}

type Kept<T> = { readonly key: Uint8Array; readonly policy: string; readonly span: Span; readonly value: T };

const MOST = 64;

export type Memo<T> = {
  get(key: Uint8Array, where: Where): T | undefined;
  put(key: Uint8Array, where: Where & { readonly span: Span | undefined }, value: T): void;
};

export type Where = {
  readonly at: number;
  readonly policy: string;
  readonly collateral: Collateral;
  readonly anchors: readonly Certificate[];
};

/** Answers by collateral and anchors (the objects), and among these by key and policy; the oldest goes when there are too many. */
export function makeMemo<T>(): Memo<T> {
  const all = new WeakMap<Collateral, WeakMap<readonly Certificate[], Kept<T>[]>>();
  const listOf = ({ collateral, anchors }: Where) => {
    const byAnchors = all.get(collateral) ?? new WeakMap<readonly Certificate[], Kept<T>[]>();
    all.set(collateral, byAnchors);
    const list = byAnchors.get(anchors) ?? [];
    byAnchors.set(anchors, list);
    return list;
  };
  return {
    get(key, where) {
      return listOf(where).find(
        (kept) =>
          kept.policy === where.policy &&
          kept.span.after < where.at &&
          where.at < kept.span.before &&
          bytesEqual(kept.key, key),
      )?.value;
    },
    put(key, where, value) {
      if (!where.span) return;
      const list = listOf(where);
      if (list.length >= MOST) list.shift();
      list.push({ key, policy: where.policy, span: where.span, value });
    },
  };
}

const read = new WeakMap<Collateral, IntelCollateral>();

/** What `make` finds in a collateral, found once. */
export function onceFor(
  collateral: Collateral,
  make: (collateral: Collateral) => IntelCollateral,
): IntelCollateral {
  const known = read.get(collateral) ?? make(collateral);
  read.set(collateral, known);
  return known;
}
