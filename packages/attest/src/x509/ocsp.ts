// OCSP responses (RFC 6960) kept as collateral: signed by the issuer of the certificate asked about, or by a responder whose
// certificate that issuer signed for this purpose; inside their window. There is no nonce, as nobody was asked: how old an
// answer may be is its window. Not checked: whether the responder's own certificate is revoked, which RFC 6960 section
// 4.2.2.2.1 leaves to local policy.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import type { Window } from '../types.ts';
import { bytesOf, type Certificate, HANDLED, parseCertificate } from './certificate.ts';
import { isIssuedBy } from './chain.ts';
import { checkDer, childrenOf, type Element, oidText, readElement, TAG, timeOf } from './der.ts';
import { type Scheme, schemeOf } from './signature.ts';

/** One answer; times are milliseconds since 1970. */
export type OcspAnswer = {
  readonly hash: 'SHA-1' | 'SHA-256' | 'SHA-384';
  readonly issuerName: Bytes;
  readonly issuerKey: Bytes;
  /** The INTEGER's content in hexadecimal. */
  readonly serial: string;
  readonly status: 'good' | 'revoked' | 'unknown';
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
};

export type OcspResponse = {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly scheme: Scheme;
  readonly signature: Bytes;
  readonly answers: readonly OcspAnswer[];
  readonly certificates: readonly Certificate[];
};

const BASIC = '1.3.6.1.5.5.7.48.1.1';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const EXTENDED_KEY_USAGE = '2.5.29.37';
/** How long an answer without an end counts; it says that newer ones can be had at any time. */
export const WITHOUT_END_MS = 3_600_000;
const ALWAYS: Window = { notBefore: Number.NEGATIVE_INFINITY, notAfter: Number.POSITIVE_INFINITY };
const LARGEST = 256 * 1024;
const HASHES: Readonly<Record<string, OcspAnswer['hash']>> = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
};

function broken(): Error {
  return new Error('not the structure of an OCSP response');
}

/** The elements in a SEQUENCE. */
function sequence(element: Element | undefined): Element[] {
  if (element?.tag !== TAG.sequence) throw broken();
  return childrenOf(element);
}

function only(elements: readonly Element[]): Element {
  const [first, ...rest] = elements;
  if (!first || rest.length > 0) throw broken();
  return first;
}

function generalizedTimeOf(element: Element): number {
  if (element.tag !== TAG.generalizedTime) throw broken();
  return timeOf(element);
}

/** Refuses extensions that must be understood; the rest (nonce, archive cutoff) do not matter here. */
function refuseCritical(extensions: Element): void {
  for (const one of childrenOf(only(childrenOf(extensions)))) {
    const flag = childrenOf(one)[1];
    if (flag?.tag === TAG.boolean && flag.content[0] !== 0) throw broken();
  }
}

const STATUS: Readonly<Record<number, OcspAnswer['status']>> = {
  0x80: 'good',
  0xa1: 'revoked',
  0x82: 'unknown',
};

function answerOf(single: Element): OcspAnswer {
  const [id, said, thisUpdate, ...rest] = sequence(single);
  const [algorithm, name, key, serial, ...more] = sequence(id);
  const [oid] = sequence(algorithm);
  const hash = oid && HASHES[oidText(oid)];
  const status = said && STATUS[said.tag];
  const shaped = name?.tag === TAG.octetString && key?.tag === TAG.octetString && serial?.tag === TAG.integer;
  if (!hash || !status || !thisUpdate || !shaped || more.length > 0) throw broken();
  const next = rest[0]?.tag === 0xa0 ? rest.shift() : undefined;
  const extensions = rest[0]?.tag === 0xa1 ? rest.shift() : undefined;
  if (rest.length > 0) throw broken();
  if (extensions) refuseCritical(extensions);
  return {
    hash,
    issuerName: bytesOf(name.content),
    issuerKey: bytesOf(key.content),
    serial: hexEncode(serial.content),
    status,
    thisUpdate: generalizedTimeOf(thisUpdate),
    nextUpdate: next && generalizedTimeOf(only(childrenOf(next))),
  };
}

function answersOf(data: Element): OcspAnswer[] {
  const parts = sequence(data);
  // [0] is a version, whose default 0 strict DER leaves out.
  if (parts[0]?.tag === 0xa0) throw broken();
  const [responder, producedAt, responses, extensions, ...rest] = parts;
  const named = responder?.tag === 0xa1 || responder?.tag === 0xa2;
  if (!named || !producedAt || responses?.tag !== TAG.sequence || rest.length > 0) throw broken();
  generalizedTimeOf(producedAt);
  if (extensions) {
    if (extensions.tag !== 0xa1) throw broken();
    refuseCritical(extensions);
  }
  return childrenOf(responses).map(answerOf);
}

function parse(der: Bytes): OcspResponse {
  const whole = readElement(der);
  checkDer(whole);
  const [status, wrapped, ...rest] = sequence(whole);
  if (
    status?.tag !== TAG.enumerated ||
    hexEncode(status.content) !== '00' ||
    wrapped?.tag !== 0xa0 ||
    rest.length > 0
  )
    throw broken();
  const [type, octets, ...others] = sequence(only(childrenOf(wrapped)));
  if (!type || oidText(type) !== BASIC || octets?.tag !== TAG.octetString || others.length > 0)
    throw broken();
  const basic = readElement(bytesOf(octets.content));
  checkDer(basic);
  const [data, algorithm, signature, certificates, ...more] = sequence(basic);
  if (
    !data ||
    !algorithm ||
    signature?.tag !== TAG.bitString ||
    signature.content[0] !== 0 ||
    more.length > 0
  )
    throw broken();
  if (algorithm.tag !== TAG.sequence || (certificates && certificates.tag !== 0xa0)) throw broken();
  return {
    der,
    tbs: bytesOf(data.bytes),
    scheme: schemeOf(algorithm),
    signature: bytesOf(signature.content.subarray(1)),
    answers: answersOf(data),
    certificates: certificates
      ? sequence(only(childrenOf(certificates))).map(({ bytes }) => parseCertificate(bytes))
      : [],
  };
}

/** Takes a successful OCSP response apart. Nothing is authenticated. @throws attest/too-large · attest/bad-ocsp */
export function parseOcspResponse(der: Uint8Array): OcspResponse {
  if (der.length > LARGEST)
    throw new AttestError('attest/too-large', 'An OCSP response is larger than responders make them.');
  try {
    return parse(bytesOf(der));
  } catch (cause) {
    throw new AttestError('attest/bad-ocsp', 'An OCSP response is malformed, or tells of no success.', {
      cause,
    });
  }
}

function mayAnswer(responder: Certificate, issuer: Certificate, at: number): boolean {
  const usage = responder.extensions.get(EXTENDED_KEY_USAGE);
  const uses = usage ? childrenOf(readElement(usage.value)).map(oidText) : [];
  const inTime = at >= responder.notBefore && at <= responder.notAfter;
  const understood = [...responder.extensions].every(([oid, { critical }]) => !critical || HANDLED.has(oid));
  const signs = responder.keyUsage?.digitalSignature !== false && uses.includes(OCSP_SIGNING);
  return bytesEqual(responder.issuer, issuer.subject) && signs && !responder.ca && inTime && understood;
}

async function signs(signer: Certificate, signed: Parameters<typeof isIssuedBy>[1]): Promise<boolean> {
  try {
    return await isIssuedBy(signer, signed);
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

/** From when to when whoever signed a response may, for this issuer; undefined when nobody who may did. */
async function signerWindow(
  response: OcspResponse,
  issuer: Certificate,
  at: number,
): Promise<Window | undefined> {
  if (await signs(issuer, response)) return ALWAYS;
  for (const responder of response.certificates) {
    let allowed: boolean;
    try {
      allowed = mayAnswer(responder, issuer, at);
    } catch (error) {
      if (!(error instanceof AttestError)) throw error;
      allowed = false;
    }
    if (allowed && (await signs(issuer, responder)) && (await signs(responder, response))) return responder;
  }
  return undefined;
}

/** The bits of a SubjectPublicKeyInfo's key, which a CertID hashes. */
export function keyBits(spki: Bytes): Bytes {
  const [, bits] = childrenOf(readElement(spki));
  return bytesOf(bits?.content.subarray(1) ?? new Uint8Array());
}

type IssuerId = { readonly name: Bytes; readonly key: Bytes };
/** By the certificate's own identity, since many answers are held against the same few. */
const issuerIds = new WeakMap<Certificate, Map<OcspAnswer['hash'], Promise<IssuerId>>>();

function issuerId(issuer: Certificate, hash: OcspAnswer['hash']): Promise<IssuerId> {
  const known = issuerIds.get(issuer) ?? new Map<OcspAnswer['hash'], Promise<IssuerId>>();
  const digest = async (bytes: Bytes) => new Uint8Array(await crypto.subtle.digest(hash, bytes));
  const make = async () => ({
    name: await digest(issuer.subject),
    key: await digest(keyBits(issuer.spki)),
  });
  const id = known.get(hash) ?? make();
  issuerIds.set(issuer, known.set(hash, id));
  return id;
}

async function isOf({ hash, issuerName, issuerKey }: OcspAnswer, issuer: Certificate): Promise<boolean> {
  const { name, key } = await issuerId(issuer, hash);
  return bytesEqual(name, issuerName) && bytesEqual(key, issuerKey);
}

function windowOf({ thisUpdate: notBefore, nextUpdate: notAfter = notBefore + WITHOUT_END_MS }: OcspAnswer) {
  return { notBefore, notAfter };
}

/** What a response says of certificates of one issuer; `signer` is undefined when nobody who may speak for it signed. */
export type OcspWord = {
  readonly answer: OcspAnswer;
  /** Of the answer itself. */
  readonly span: Window;
  readonly signer: Window | undefined;
};

export async function ocspWords(
  response: OcspResponse,
  issuer: Certificate,
  at: number,
): Promise<OcspWord[]> {
  const about: OcspAnswer[] = [];
  for (const answer of response.answers) if (await isOf(answer, issuer)) about.push(answer);
  if (about.length === 0) return [];
  const signer = await signerWindow(response, issuer, at);
  return about.map((answer) => ({ answer, span: windowOf(answer), signer }));
}

export type OcspStatus = {
  readonly status: 'good' | 'revoked' | 'unknown' | 'signature' | 'stale' | 'future';
  readonly response: OcspResponse;
  readonly notBefore: number;
  readonly notAfter: number;
};

const ORDER = ['revoked', 'unknown', 'good', 'signature', 'stale', 'future'] as const;

/**
 * What responses say of one certificate, the worst first: of the authentic answers that are in their window, then why the
 * others do not count; empty when there is none.
 */
export async function ocspStatuses(
  certificate: Certificate,
  issuer: Certificate,
  { responses, at }: { responses: readonly OcspResponse[]; at: number },
): Promise<OcspStatus[]> {
  const found: OcspStatus[] = [];
  for (const response of responses) {
    for (const answer of response.answers) {
      if (answer.serial !== certificate.serial || !(await isOf(answer, issuer))) continue;
      const { notBefore, notAfter } = windowOf(answer);
      let status: OcspStatus['status'] = answer.status;
      if (at < notBefore) status = 'future';
      else if (at >= notAfter) status = 'stale';
      else if (!(await signerWindow(response, issuer, at))) status = 'signature';
      found.push({ status, response, notBefore, notAfter });
    }
  }
  return found.toSorted((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
}
