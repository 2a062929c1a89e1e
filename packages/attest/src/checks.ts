// Checks are collected, never thrown, so that all reasons are told at once.
import { bytesEqual, hexEncode, sha256 } from '@sealroom/bytes';
import type { Category, Check, CollateralUse } from './types.ts';
import type { Certificate } from './x509/certificate.ts';
import type { Chain } from './x509/chain.ts';
import { checkRevocation, type Crl } from './x509/crl.ts';
import type { OcspResponse } from './x509/ocsp.ts';

export type Checks = {
  readonly list: Check[];
  /** Notes a check as passed or failed, and says which. */
  check(id: string, category: Category, good: boolean, detail: string): boolean;
  /** Notes a check that could not be made. */
  skip(id: string, category: Category, detail: string, waived?: string): void;
};

/** Checks of one technology, whose name goes before each id. */
export function collectChecks(technology: string): Checks {
  const list: Check[] = [];
  return {
    list,
    check(id, category, good, detail) {
      list.push({ id: `${technology}/${id}`, category, outcome: good ? 'pass' : 'fail', detail });
      return good;
    },
    skip(id, category, detail, waived) {
      const check: Check = { id: `${technology}/${id}`, category, outcome: 'skipped', detail };
      list.push(waived === undefined ? check : { ...check, waived });
    },
  };
}

/** Notes the path from a leaf to a pinned anchor: one check a problem, or one that passed. */
export function noteChain(checks: Checks, { problems }: Chain, what = 'chain'): boolean {
  for (const { code, detail } of problems) checks.check(`${what}/${code}`, 'authentic', false, detail);
  if (problems.length === 0)
    checks.check(what, 'authentic', true, 'the certificates lead to a root that is pinned here');
  return problems.length === 0;
}

export async function useOf(
  kind: CollateralUse['kind'],
  {
    subject,
    bytes,
    within,
    notBefore,
    notAfter,
  }: {
    subject: string;
    bytes: Uint8Array;
    /** The document that the bytes are a part of, as it was given. */
    within?: Uint8Array;
    notBefore: number;
    notAfter: number;
  },
): Promise<CollateralUse> {
  const use = { kind, subject, sha256: await digestOf(bytes), notBefore, notAfter };
  return within ? { ...use, within: await digestOf(within) } : use;
}

const DAY_MS = 86_400_000;

/** A key that the policy names has no dates of its own, and a result holds for a day at most. */
export async function pinnedKeyUse(subject: string, bytes: Uint8Array, at: number): Promise<CollateralUse> {
  return useOf('pinned-key', { subject, bytes, notBefore: 0, notAfter: at + DAY_MS });
}

/** Digests of collateral that is kept, by the bytes' own identity: they do not change. */
const digests = new WeakMap<Uint8Array, Promise<string>>();

async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = digests.get(bytes) ?? sha256(bytes).then(hexEncode);
  digests.set(bytes, digest);
  return digest;
}

export async function usedCertificates(path: readonly Certificate[]): Promise<CollateralUse[]> {
  return Promise.all(
    path.map((certificate) =>
      useOf('certificate', {
        subject: certificate.subjectNames.get('2.5.4.3') ?? '',
        bytes: certificate.der,
        notBefore: certificate.notBefore,
        notAfter: certificate.notAfter,
      }),
    ),
  );
}

export type Revocation = 'required' | { readonly waived: string };

/**
 * Notes whether the certificates of a path are revoked. What is known to be revoked fails whatever the policy says; what
 * could not be checked fails unless the policy waives it, and is told either way.
 */
export async function noteRevocation(
  checks: Checks,
  path: readonly Certificate[],
  {
    crls,
    ocsp,
    at,
    policy,
  }: { crls: readonly Crl[]; ocsp?: readonly OcspResponse[]; at: number; policy: Revocation },
): Promise<CollateralUse[]> {
  const { problems, used, answers } = await checkRevocation(path, { crls, ocsp, at });
  for (const { code, detail } of problems) {
    if (code === 'unchecked' && policy !== 'required')
      checks.skip('revocation/unchecked', 'revocation', detail, policy.waived);
    else checks.check(`revocation/${code}`, 'revocation', false, detail);
  }
  if (problems.length === 0)
    checks.check('revocation', 'revocation', true, 'no certificate has been revoked by its issuer');
  const answered = answers.map(({ response, notBefore, notAfter }) =>
    useOf('ocsp', { subject: 'OCSP response', bytes: response.der, notBefore, notAfter }),
  );
  const listed = used.map(({ crl, issuer }) =>
    useOf('crl', {
      subject: issuer.subjectNames.get('2.5.4.3') ?? '',
      bytes: crl.der,
      notBefore: crl.thisUpdate,
      notAfter: crl.nextUpdate ?? crl.thisUpdate,
    }),
  );
  return Promise.all([...listed, ...answered]);
}

/** Whether a field of fixed length holds these bytes and zeros behind them. Nothing is held by no field. */
export function holdsPadded(field: Uint8Array, bytes: Uint8Array): boolean {
  const wanted = new Uint8Array(field.length);
  if (bytes.length === 0 || bytes.length > field.length) return false;
  wanted.set(bytes);
  return bytesEqual(field, wanted);
}
