// Path validation (RFC 5280 section 6) from a leaf to an anchor that the caller pins: names, signatures, dates, CA flag, key
// usage, path length, critical extensions. An anchor is trusted for its subject and key; its own signature and dates do
// not matter. Certificates that come with evidence are only ever candidates between, and one that has the name and key of an
// anchor is none: nobody signed what else it says. Not checked here: revocation (crl.ts),
// name constraints and policies, which make a certificate unusable when they are critical.
import { type Bytes, bytesEqual } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, HANDLED } from './certificate.ts';
import { curveOf, isSignedBy, rawSignature } from './signature.ts';

export type ChainProblemCode =
  | 'no-path'
  | 'expired'
  | 'not-yet-valid'
  | 'not-a-ca'
  | 'key-usage'
  | 'path-length'
  | 'critical-extension'
  | 'signature';

export type ChainProblem = { readonly code: ChainProblemCode; readonly detail: string };

/** From the leaf to the anchor, both included. Authentic only when there are no problems. */
export type Chain = { readonly path: readonly Certificate[]; readonly problems: readonly ChainProblem[] };

const LONGEST = 8;

export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return a === b || bytesEqual(a.der, b.der);
}

function isAnchor(certificate: Certificate, anchors: readonly Certificate[]): boolean {
  return anchors.some(
    (anchor) => bytesEqual(anchor.subject, certificate.subject) && bytesEqual(anchor.spki, certificate.spki),
  );
}

function couldIssue(issuer: Certificate, subject: Certificate): boolean {
  const { subjectKeyId } = issuer;
  const { authorityKeyId } = subject;
  const keys = !subjectKeyId || !authorityKeyId || bytesEqual(subjectKeyId, authorityKeyId);
  return keys && bytesEqual(issuer.subject, subject.issuer);
}

type Issued = { readonly tbs: Bytes; readonly scheme: Certificate['scheme']; readonly signature: Bytes };

/** What was found of a pair of parsed things, which never change, for as long as both are kept. Dates are no part of it. */
const found = new WeakMap<Certificate, WeakMap<Issued, Promise<boolean>>>();

/** Whether `issuer`'s key signed these bytes. @throws attest/bad-certificate · attest/malformed */
export async function isIssuedBy(issuer: Certificate, subject: Issued): Promise<boolean> {
  const ofIssuer = found.get(issuer) ?? new WeakMap<Issued, Promise<boolean>>();
  found.set(issuer, ofIssuer);
  const answer = ofIssuer.get(subject) ?? judge(issuer, subject);
  ofIssuer.set(subject, answer);
  return answer;
}

async function judge(issuer: Certificate, { tbs, scheme, signature }: Issued): Promise<boolean> {
  const size = scheme.kind === 'ECDSA' ? curveOf(issuer.spki)?.size : undefined;
  if (scheme.kind === 'ECDSA' && size === undefined) return false;
  const raw = size === undefined ? signature : rawSignature(signature, size);
  return isSignedBy(issuer.spki, scheme, { message: tbs, signature: raw });
}

async function issued(issuer: Certificate, subject: Certificate): Promise<boolean> {
  try {
    return await isIssuedBy(issuer, subject);
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

function described(certificate: Certificate): string {
  const name = certificate.subjectNames.get('2.5.4.3') ?? 'a certificate without a common name';
  return JSON.stringify(name.slice(0, 80));
}

/** What must hold of a certificate at its place; `below` counts the CA certificates between it and the leaf. */
function problemsOf(certificate: Certificate, at: number, below: number | undefined): ChainProblem[] {
  const { notBefore, notAfter, extensions } = certificate;
  const problems: ChainProblem[] = [];
  const add = (bad: boolean, code: ChainProblemCode, detail: string, time?: number) => {
    if (!bad) return;
    const when = time === undefined ? '' : ` ${timeText(time)}`;
    problems.push({ code, detail: `${described(certificate)} ${detail}${when}` });
  };
  add(at < notBefore, 'not-yet-valid', 'is not valid before', notBefore);
  add(at > notAfter, 'expired', 'expired at', notAfter);
  const unknown = [...extensions].some(([oid, { critical }]) => critical && !HANDLED.has(oid));
  add(unknown, 'critical-extension', 'has a critical extension that is not understood');
  if (below === undefined) return problems;
  add(!certificate.ca, 'not-a-ca', 'is no certification authority');
  add(certificate.keyUsage?.certSign === false, 'key-usage', 'may not sign certificates');
  const { pathLength } = certificate;
  add(pathLength !== undefined && below > pathLength, 'path-length', 'allows no path this long');
  return problems;
}

export function timeText(at: number): string {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : 'an unknown time';
}

export type ChainOptions = {
  readonly intermediates: readonly Certificate[];
  readonly anchors: readonly Certificate[];
  /** Milliseconds since 1970. */
  readonly at: number;
};

/** Who may have issued a certificate, anchors first; what the path holds already is left out. */
function* candidatesFor(
  current: Certificate,
  path: readonly Certificate[],
  { intermediates, anchors }: ChainOptions,
): Generator<Certificate> {
  const isNew = (one: Certificate) => !path.some((seen) => sameCertificate(seen, one));
  for (const one of anchors) if (bytesEqual(one.subject, current.issuer) && isNew(one)) yield one;
  for (const one of intermediates)
    if (couldIssue(one, current) && !isAnchor(one, anchors) && isNew(one)) yield one;
}

async function pathFrom(
  leaf: Certificate,
  options: ChainOptions,
): Promise<{ path: Certificate[]; problem: ChainProblem | undefined }> {
  const path = [leaf];
  let broken: Certificate | undefined;
  for (let current = leaf; path.length <= LONGEST; ) {
    if (options.anchors.some((one) => sameCertificate(one, current))) return { path, problem: undefined };
    let next: Certificate | undefined;
    for (const candidate of candidatesFor(current, path, options)) {
      if (await issued(candidate, current)) {
        next = candidate;
        break;
      }
      broken = current;
    }
    if (!next) break;
    path.push(next);
    current = next;
  }
  const code = broken ? 'signature' : 'no-path';
  const last = path.at(-1) ?? leaf;
  const detail = broken
    ? `${described(broken)} is not signed by the issuer that it names`
    : `${described(last)} does not lead to a root that is trusted here`;
  return { path, problem: { code, detail } };
}

/** Builds the path and tells all that is wrong with it. Never throws for bad certificates. */
export async function verifyChain(leaf: Certificate, options: ChainOptions): Promise<Chain> {
  const { path, problem } = await pathFrom(leaf, options);
  const problems = problem ? [problem] : [];
  const checked = problem ? path : path.slice(0, -1);
  checked.forEach((certificate, index) => {
    problems.push(...problemsOf(certificate, options.at, index === 0 ? undefined : index - 1));
  });
  return { path, problems };
}
