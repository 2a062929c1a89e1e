// Who signed a token and whether it is of its time. The algorithm is the technology's (RS256 or ES384), whatever the header
// says; the key is the issuer's by a trusted key set, one that the policy pins, or the leaf of a chain to a pinned root.
import { utf8Encode } from '@sealroom/bytes';
import { z } from 'zod';
import {
  type Checks,
  noteChain,
  noteRevocation,
  pinnedKeyUse,
  type Revocation,
  usedCertificates,
} from '../checks.ts';
import type { CollateralUse, Context, Window } from '../types.ts';
import type { Certificate } from '../x509/certificate.ts';
import { timeText, verifyChain } from '../x509/chain.ts';
import { curveOf, hasSigned } from '../x509/signature.ts';
import { numberAt, textAt } from './claims.ts';
import { type JwtKey, offeredSets } from './key-set.ts';
import type { Jws, Jwt } from './parse.ts';

export type JwtAlgorithm = 'RS256' | 'ES384';

/** Thumbprints (RFC 7638, SHA-256, base64url) of keys that may sign; an empty list accepts none. */
const thumbprints = z.array(z.string().regex(/^[A-Za-z0-9_-]{43}$/)).max(64);

/** Whose keys may sign: the issuer's current ones (`published`), or those with these thumbprints. */
export const tokenKeys = z.union([z.literal('published'), thumbprints]);
/** Or the leaf of a certificate chain under the vendor's pinned root. */
export const tokenKeysOrChain = z.union([z.literal('chain'), z.literal('published'), thumbprints]);

/** How far the issuer's clock may be ahead of the verifier's. It is never added to the end of anything. */
const AHEAD_MS = 60_000;

const SCHEMES = {
  RS256: { kind: 'PKCS1', hash: 'SHA-256' },
  ES384: { kind: 'ECDSA', hash: 'SHA-384' },
} as const;

type Key = Pick<JwtKey, 'spki'>;

/** Whether one of the keys signed the token under the technology's algorithm. */
export async function noteSignature(
  checks: Checks,
  jwt: Jws,
  { keys, algorithm, what = '' }: { keys: readonly Key[]; algorithm: JwtAlgorithm; what?: string },
): Promise<boolean> {
  const named = checks.check(
    `${what}algorithm`,
    'authentic',
    jwt.alg === algorithm,
    `the token is signed with ${algorithm}`,
  );
  let good = false;
  const curve = algorithm === 'RS256' ? undefined : 'P-384';
  for (const { spki } of keys) {
    if (curveOf(spki)?.curve !== curve) continue;
    good ||= await hasSigned(spki, SCHEMES[algorithm], { message: jwt.signed, signature: jwt.signature });
  }
  checks.check(`${what}signature`, 'authentic', good, 'the key that the token names signed it');
  return named && good;
}

type KeysFound = { readonly keys: readonly JwtKey[]; readonly used: readonly CollateralUse[] };

function publishedKeys(checks: Checks, kid: string | undefined, context: Context, issuer: string): KeysFound {
  const sets = (context.keySets ?? []).filter((set) => set.issuer === issuer);
  const current = sets.filter((set) => set.fetchedAt <= context.at + AHEAD_MS && context.at < set.notAfter);
  const there = checks.check(
    'key-set',
    'authentic',
    sets.length > 0,
    'a key set of the issuer was given that is trusted here',
  );
  const fresh =
    there &&
    checks.check('key-set/stale', 'authentic', current.length > 0, 'the issuer’s key set is current');
  const holding = current.filter((set) => set.keys.some((key) => key.kid === kid));
  if (fresh)
    checks.check(
      'key-set/unknown-key',
      'authentic',
      holding.length > 0,
      'the issuer’s key set holds the key that the token names',
    );
  checks.check(
    'revocation',
    'revocation',
    holding.length > 0,
    'the issuer has not withdrawn the key from its current key set',
  );
  const used = holding.map((set) => ({
    kind: 'key-set' as const,
    subject: set.issuer,
    sha256: set.sha256,
    notBefore: set.fetchedAt,
    notAfter: set.notAfter,
  }));
  return { keys: holding.flatMap((set) => set.keys.filter((key) => key.kid === kid)), used };
}

async function pinnedKeys(
  checks: Checks,
  kid: string | undefined,
  { pins, issuer, context, revocation }: Wanted & { pins: readonly string[] },
): Promise<KeysFound> {
  const trusted = (context.keySets ?? []).filter((set) => set.issuer === issuer);
  const offered = await offeredSets(context.collateral.documents);
  const fits = (key: JwtKey) => key.kid === kid && pins.includes(key.thumbprint);
  const sources = [
    ...trusted.map(({ text, keys }) => ({ text, keys: keys.filter(fits) })),
    ...offered.map(({ document, keys }) => ({ text: document.text, keys: keys.filter(fits) })),
  ].filter((source) => source.keys.length > 0);
  const keys = sources.flatMap((source) => source.keys);
  checks.check('pinned-key', 'authentic', keys.length > 0, 'the key that the token names is pinned here');
  const detail = 'whether the issuer has withdrawn the pinned key is not known';
  if (revocation === 'required') checks.check('revocation/unchecked', 'revocation', false, detail);
  else checks.skip('revocation/unchecked', 'revocation', detail, revocation.waived);
  const used = sources.map(({ text }) => pinnedKeyUse(issuer, utf8Encode(text), context.at));
  return { keys, used: await Promise.all(used) };
}

type Wanted = { readonly issuer: string; readonly context: Context; readonly revocation: Revocation };

/** The keys of the issuer that may have signed, by the entry's rule; a check says why there are none. */
export async function findKeys(
  checks: Checks,
  kid: string | undefined,
  wanted: Wanted & { readonly rule: 'published' | readonly string[] },
): Promise<KeysFound> {
  const { rule } = wanted;
  if (rule === 'published') return publishedKeys(checks, kid, wanted.context, wanted.issuer);
  return pinnedKeys(checks, kid, { ...wanted, pins: rule });
}

type ChainFound = {
  readonly key: Certificate | undefined;
  readonly path: readonly Certificate[];
  readonly used: readonly CollateralUse[];
  readonly trusted: boolean;
};

/** The leaf of a chain to the vendor's pinned roots, the path to the root, and what it was checked with. */
export async function chainKey(
  checks: Checks,
  [leaf, ...others]: readonly Certificate[],
  {
    anchors,
    context,
    revocation,
  }: { anchors: readonly Certificate[]; context: Context; revocation: Revocation },
): Promise<ChainFound> {
  checks.check('chain/present', 'authentic', leaf !== undefined, 'a certificate chain came with the token');
  if (!leaf) return { key: undefined, path: [], used: [], trusted: false };
  const chain = await verifyChain(leaf, { intermediates: others, anchors, at: context.at });
  const leads = noteChain(checks, chain);
  const used = await usedCertificates(chain.path);
  const signs = !leaf.ca && leaf.keyUsage?.digitalSignature !== false && chain.path.length > 1;
  checks.check('chain/leaf', 'authentic', signs, 'the first certificate may sign tokens and is no authority');
  const { crls } = context.collateral;
  if (leads)
    used.push(...(await noteRevocation(checks, chain.path, { crls, at: context.at, policy: revocation })));
  return { key: leaf, path: chain.path, used, trusted: leads && signs };
}

/**
 * Issuer, and the times that RFC 7519 sections 4.1.4 to 4.1.6 name, each of which must be there.
 * @param longest seconds for which the service issues tokens
 * @param maxAgeSeconds how old a token may be, by the policy
 */
export function noteTimes(
  checks: Checks,
  { payload }: Jwt,
  {
    at,
    longest,
    maxAgeSeconds,
    what = '',
  }: { at: number; longest: number; maxAgeSeconds: number; what?: string },
): boolean {
  const [issued = Number.NaN, begins = Number.NaN, ends = Number.NaN] = ['iat', 'nbf', 'exp'].map(
    (name) => (numberAt(payload, name) ?? Number.NaN) * 1000,
  );
  const results = [
    checks.check(
      `${what}times`,
      'authentic',
      ends > issued && ends > begins && ends - Math.min(issued, begins) <= longest * 1000,
      'the token says its validity, which is no longer than its service gives',
    ),
    checks.check(
      `${what}not-yet-valid`,
      'authentic',
      issued <= at + AHEAD_MS && begins <= at + AHEAD_MS,
      `the token is not from the future (${timeText(issued)})`,
    ),
    checks.check(`${what}expired`, 'authentic', at < ends, `the token has not expired (${timeText(ends)})`),
  ];
  checks.check(
    `${what}age`,
    'freshness',
    at - issued <= maxAgeSeconds * 1000,
    `the token is at most ${maxAgeSeconds} s old`,
  );
  return results.every(Boolean);
}

/** The time in which all of these tokens say that they hold; only for tokens whose times noteTimes let pass. */
export function tokenWindow(...tokens: readonly Jwt[]): Window {
  const times = (name: string) => tokens.map(({ payload }) => (numberAt(payload, name) ?? Number.NaN) * 1000);
  return { notBefore: Math.max(...times('nbf')), notAfter: Math.min(...times('exp')) };
}

/** Whether the token's issuer is exactly this one. */
export function noteIssuer(checks: Checks, { payload }: Jwt, issuer: string, what = ''): boolean {
  const good = textAt(payload, 'iss') === issuer;
  return checks.check(`${what}issuer`, 'authentic', good, 'the token is of the issuer that is wanted');
}
