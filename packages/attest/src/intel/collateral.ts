// Intel's collateral in the forms it travels in, told apart by content: responses of the provisioning service (TCB info,
// enclave identity), issuer chains as its headers have them (PEM, percent-encoded or not), revocation lists in hexadecimal,
// and the bundle of one JSON object that dcap-qvl and its services use. Nothing is authenticated. What is none of these is
// passed over, for it may be another vendor's.
import { type Json, parseStrictJson } from '@sealroom/bytes';
import type { Collateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { readPem } from '../x509/pem.ts';
import { parseQeIdentity, parseTcbInfo, type QeIdentity, type Signed, type TcbInfo } from './statements.ts';
import { hexBytes, memberTexts } from './text.ts';

/** `source` is the text of the document that the statement stood in. */
export type Statement<T> = Signed & { readonly value: T; readonly source: string };

export type IntelCollateral = {
  readonly certificates: readonly Certificate[];
  readonly crls: readonly Crl[];
  readonly tcbInfos: readonly Statement<TcbInfo>[];
  readonly qeIdentities: readonly Statement<QeIdentity>[];
  /** Documents that say that they are TCB info or identities, and cannot be read. */
  readonly unreadable: number;
};

type Found = {
  certificates: Certificate[];
  crls: Crl[];
  tcbInfos: Statement<TcbInfo>[];
  qeIdentities: Statement<QeIdentity>[];
  unreadable: number;
};

function statement<T>(
  text: string | undefined,
  signature: unknown,
  { source, parse, into }: { source: string; parse: (text: string) => T | undefined; into: Statement<T>[] },
): boolean {
  const bytes = hexBytes(signature);
  const value = text === undefined ? undefined : parse(text);
  if (text === undefined || value === undefined || bytes?.length !== 64) return false;
  into.push({ text, signature: bytes, value, source });
  return true;
}

/** Reads what may be malformed, and takes nothing of it when it is. */
function attempt(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
  }
}

function addChain(text: Json | undefined, found: Found): void {
  if (typeof text !== 'string') return;
  attempt(() => {
    for (const { label, bytes } of readPem(text))
      if (label === 'CERTIFICATE') found.certificates.push(parseCertificate(bytes));
  });
}

function addCrl(text: Json | undefined, found: Found): void {
  const der = hexBytes(text);
  if (der) attempt(() => found.crls.push(parseCrl(der)));
}

function addBundle(bundle: { readonly [name: string]: Json }, source: string, found: Found): void {
  for (const name of [
    'pck_crl_issuer_chain',
    'tcb_info_issuer_chain',
    'qe_identity_issuer_chain',
    'pck_certificate_chain',
  ])
    addChain(bundle[name], found);
  addCrl(bundle['root_ca_crl'], found);
  addCrl(bundle['pck_crl'], found);
  const { tcb_info: tcbInfo, qe_identity: qeIdentity } = bundle;
  const good = [
    statement(typeof tcbInfo === 'string' ? tcbInfo : undefined, bundle['tcb_info_signature'], {
      source,
      parse: parseTcbInfo,
      into: found.tcbInfos,
    }),
    statement(typeof qeIdentity === 'string' ? qeIdentity : undefined, bundle['qe_identity_signature'], {
      source,
      parse: parseQeIdentity,
      into: found.qeIdentities,
    }),
  ];
  found.unreadable += good.filter((one) => !one).length;
}

function addJson(text: string, source: string, found: Found): void {
  let value: Json;
  try {
    value = parseStrictJson(text, { fractions: true });
  } catch {
    return;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
  const object = value as { readonly [name: string]: Json };
  if (Object.hasOwn(object, 'tcb_info') && Object.hasOwn(object, 'qe_identity'))
    return addBundle(object, source, found);
  const isInfo = Object.hasOwn(object, 'tcbInfo');
  if (!isInfo && !Object.hasOwn(object, 'enclaveIdentity')) return;
  const texts = memberTexts(text);
  const { signature } = object;
  const good = isInfo
    ? statement(texts.get('tcbInfo'), signature, { source, parse: parseTcbInfo, into: found.tcbInfos })
    : statement(texts.get('enclaveIdentity'), signature, {
        source,
        parse: parseQeIdentity,
        into: found.qeIdentities,
      });
  if (!good) found.unreadable += 1;
}

function addText(text: string, found: Found): void {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) addJson(trimmed, text, found);
  else if (/^30[0-9a-fA-F]+$/.test(trimmed)) addCrl(trimmed, found);
  else if (trimmed.startsWith('-----BEGIN%20CERTIFICATE-----'))
    try {
      addChain(decodeURIComponent(trimmed), found);
    } catch (error) {
      if (!(error instanceof URIError)) throw error;
    }
}

/** What of the collateral can be Intel's. */
export function intelCollateral({ certificates, crls, documents }: Collateral): IntelCollateral {
  const found: Found = {
    certificates: [...certificates],
    crls: [...crls],
    tcbInfos: [],
    qeIdentities: [],
    unreadable: 0,
  };
  for (const { text } of documents) addText(text, found);
  return found;
}
