// Certificate revocation lists (RFC 5280 section 5): full lists of one issuer, signed by it, within their window. Lists that
// are indirect, partial or deltas carry critical extensions and are refused, as they are when those are not marked critical.
// A certificate whose revocation could not be checked is told as such; whether that may be is the policy's business.
import { type Bytes, bytesEqual, hexEncode } from '@sealroom/bytes';
import { AsnParser } from '@peculiar/asn1-schema';
import {
  CertificateList,
  id_ce_authorityKeyIdentifier,
  id_ce_deltaCRLIndicator,
  id_ce_issuingDistributionPoint,
} from '@peculiar/asn1-x509';
import { AttestError } from '../error.ts';
import { bytesOf, type Certificate, extensionsOf, hasShape, signedParts } from './certificate.ts';
import { isIssuedBy } from './chain.ts';
import { childrenOf, TAG, timeOf } from './der.ts';
import { type OcspResponse, type OcspStatus, ocspStatuses } from './ocsp.ts';
import type { Scheme } from './signature.ts';

/** Times are milliseconds since 1970; `revoked` holds serial numbers in hexadecimal. */
export type Crl = {
  readonly der: Bytes;
  readonly tbs: Bytes;
  readonly scheme: Scheme;
  readonly signature: Bytes;
  readonly issuer: Bytes;
  readonly authorityKeyId: Bytes | undefined;
  readonly thisUpdate: number;
  readonly nextUpdate: number | undefined;
  readonly revoked: ReadonlySet<string>;
  /** Also one that says that the list is not whole, which must be critical. */
  readonly criticalExtension: boolean;
};

const LARGEST = 8 * 1024 * 1024;
/** Version, algorithm, issuer, one time or two, entries, extensions. */
const FIELDS = /^(?:02 )?30 30 1[78](?: 1[78])?(?: 30)?(?: a0)?$/;
const PARTIAL = [id_ce_issuingDistributionPoint, id_ce_deltaCRLIndicator];

function parse(der: Bytes): Crl {
  const { tbs, scheme, signature } = signedParts(der);
  const { tbsCertList } = AsnParser.parse(der, CertificateList);
  const fields = childrenOf(tbs);
  const issuer = fields.filter((child) => child.tag === TAG.sequence)[1];
  const times: readonly number[] = [TAG.utcTime, TAG.generalizedTime];
  const [thisUpdate, nextUpdate] = fields.filter((child) => times.includes(child.tag));
  if (!hasShape(tbs, FIELDS) || !issuer || !thisUpdate)
    throw new Error('fields are missing, or there are others');
  const entries = tbsCertList.revokedCertificates ?? [];
  const extensions = extensionsOf(tbsCertList.crlExtensions);
  const authority = extensions.get(id_ce_authorityKeyIdentifier);
  const authorityId =
    authority && childrenOf({ tag: 0x30, bytes: authority.value, content: authority.value })[0];
  const keyId = authorityId && childrenOf(authorityId).find((child) => child.tag === 0x80);
  const critical = (list: Iterable<{ critical: boolean }>) => [...list].some((one) => one.critical);
  return {
    der,
    tbs: bytesOf(tbs.bytes),
    scheme,
    signature,
    issuer: bytesOf(issuer.bytes),
    authorityKeyId: keyId && bytesOf(keyId.content),
    thisUpdate: timeOf(thisUpdate),
    nextUpdate: nextUpdate && timeOf(nextUpdate),
    revoked: new Set(entries.map((entry) => hexEncode(new Uint8Array(entry.userCertificate)))),
    criticalExtension:
      critical(extensions.values()) ||
      PARTIAL.some((oid) => extensions.has(oid)) ||
      entries.some((entry) => critical(entry.crlEntryExtensions ?? [])),
  };
}

/** Takes one DER list apart. Nothing is authenticated. @throws attest/too-large · attest/bad-crl */
export function parseCrl(der: Uint8Array): Crl {
  if (der.length > LARGEST)
    throw new AttestError('attest/too-large', 'A revocation list is larger than vendors make them.');
  try {
    return parse(bytesOf(der));
  } catch (cause) {
    throw new AttestError(
      'attest/bad-crl',
      'A revocation list is malformed, or of another profile than vendors use.',
      {
        cause,
      },
    );
  }
}

export type CrlProblemCode =
  | 'signature'
  | 'stale'
  | 'future'
  | 'no-next-update'
  | 'critical-extension'
  | 'key-usage';
export type RevocationProblem = {
  readonly code: 'revoked' | 'unchecked';
  readonly detail: string;
};

function speaksFor(crl: Crl, issuer: Certificate): boolean {
  const { subjectKeyId } = issuer;
  const keys = !subjectKeyId || !crl.authorityKeyId || bytesEqual(subjectKeyId, crl.authorityKeyId);
  return keys && bytesEqual(crl.issuer, issuer.subject);
}

/** What keeps a list from being used, given that it names this issuer; nothing when it is good. */
export async function crlProblem(
  crl: Crl,
  issuer: Certificate,
  at: number,
): Promise<CrlProblemCode | undefined> {
  if (crl.criticalExtension) return 'critical-extension';
  if (issuer.keyUsage?.crlSign === false) return 'key-usage';
  if (crl.nextUpdate === undefined) return 'no-next-update';
  if (at < crl.thisUpdate) return 'future';
  if (at >= crl.nextUpdate) return 'stale';
  try {
    return (await isIssuedBy(issuer, crl)) ? undefined : 'signature';
  } catch (error) {
    if (error instanceof AttestError) return 'signature';
    throw error;
  }
}

const WORDS: Readonly<Record<CrlProblemCode, string>> = {
  signature: 'is not signed by the issuer that it names',
  stale: 'is stale',
  future: 'is from the future',
  'no-next-update': 'says no end of its validity',
  'critical-extension': 'has a critical extension that is not understood',
  'key-usage': 'is of an issuer that may not sign such lists',
};

const OCSP_WORDS: Readonly<Record<OcspStatus['status'], string>> = {
  good: 'says that it is good',
  revoked: 'says that it is revoked',
  unknown: 'does not know it',
  signature: 'is not signed by its issuer or by a responder of that issuer',
  stale: 'is stale',
  future: 'is from the future',
};

/** A list that was good for this check. */
export type UsedCrl = { readonly crl: Crl; readonly issuer: Certificate };

/**
 * Holds each certificate of a verified path, but for its anchor, against a list of its issuer, and against OCSP responses
 * where there are any. All problems are told, and what was used. A list or response that is bad in any way counts as none,
 * but a good one beside it is used; `revoked` in any good one counts.
 * @param path from the leaf to the anchor
 */
export async function checkRevocation(
  path: readonly Certificate[],
  { crls, ocsp = [], at }: { crls: readonly Crl[]; ocsp?: readonly OcspResponse[] | undefined; at: number },
): Promise<{ problems: RevocationProblem[]; used: UsedCrl[]; answers: OcspStatus[] }> {
  const problems: RevocationProblem[] = [];
  const used: UsedCrl[] = [];
  const answers: OcspStatus[] = [];
  for (const [index, certificate] of path.slice(0, -1).entries()) {
    const issuer = path[index + 1];
    if (!issuer) break;
    const name = JSON.stringify(certificate.subjectNames.get('2.5.4.3')?.slice(0, 80) ?? 'a certificate');
    const listed = crls.filter((crl) => speaksFor(crl, issuer));
    const faults: CrlProblemCode[] = [];
    const good: Crl[] = [];
    for (const crl of listed) {
      const fault = await crlProblem(crl, issuer, at);
      if (fault) faults.push(fault);
      else good.push(crl);
    }
    for (const crl of good) if (!used.some((one) => one.crl === crl)) used.push({ crl, issuer });
    const statuses = await ocspStatuses(certificate, issuer, { responses: ocsp, at });
    const [answer] = statuses;
    const answered = answer?.status === 'good' || answer?.status === 'revoked';
    // Each that is in force counts, as each list does: vaults that asked at different times have different ones.
    if (answered) answers.push(...statuses.filter(({ status }) => status === 'good' || status === 'revoked'));
    if (answer?.status === 'revoked' || good.some((crl) => crl.revoked.has(certificate.serial)))
      problems.push({ code: 'revoked', detail: `${name} has been revoked by its issuer` });
    else if (good.length === 0 && !answered) {
      const list = faults[0]
        ? `the list of its issuer ${WORDS[faults[0]]}`
        : 'there is no list of its issuer';
      const why = answer ? `${list}, and the OCSP response ${OCSP_WORDS[answer.status]}` : list;
      problems.push({ code: 'unchecked', detail: `whether ${name} is revoked is not known: ${why}` });
    }
  }
  return { problems, used, answers };
}
