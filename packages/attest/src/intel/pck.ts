// What Intel says of a platform in its PCK certificate: the SGX extension 1.2.840.113741.1.13.1 (Intel's PCK certificate
// specification, section 1.3.5). Every member stands once; PPID, TCB, PCE-ID, FMSPC and type must be there; a certificate of
// the Platform CA also has the platform instance and its configuration.
import { type Bytes, hexEncode } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { childrenOf, type Element, oidText, readElement, smallInteger, TAG } from '../x509/der.ts';

const ROOT = '1.2.840.113741.1.13.1';
const COMPONENTS = 16;
const ENUMERATED = 0x0a;

/** Bytes in hexadecimal. */
export type Platform = {
  readonly ppid: string;
  /** Security versions of the CPU's sixteen components at which Intel certified the platform. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly cpuSvn: string;
  readonly pceId: string;
  readonly fmspc: string;
  readonly sgxType: 'standard' | 'scalable' | 'scalable-with-integrity';
  readonly instance: string | undefined;
  readonly configuration:
    | { readonly dynamic: boolean; readonly cachedKeys: boolean; readonly smt: boolean }
    | undefined;
};

function malformed(): AttestError {
  return new AttestError('attest/bad-certificate', 'The SGX extension of the PCK certificate is malformed.');
}

function members(element: Element, base: string): ReadonlyMap<string, Element> {
  const found = new Map<string, Element>();
  if (element.tag !== TAG.sequence) throw malformed();
  for (const member of childrenOf(element)) {
    const [oid, value, ...rest] = childrenOf(member);
    if (member.tag !== TAG.sequence || !oid || !value || rest.length > 0) throw malformed();
    const name = oidText(oid);
    if (!name.startsWith(`${base}.`)) throw malformed();
    const short = name.slice(base.length + 1);
    if (found.has(short)) throw malformed();
    found.set(short, value);
  }
  return found;
}

function octets(element: Element | undefined, length: number): string {
  if (element?.tag !== TAG.octetString || element.content.length !== length) throw malformed();
  return hexEncode(element.content);
}

function svn(element: Element | undefined, most: number): number {
  const value = element ? smallInteger(element) : Number.NaN;
  if (!(value <= most)) throw malformed();
  return value;
}

function flag(element: Element | undefined): boolean {
  const [value] = element?.content ?? [];
  if (element?.tag !== TAG.boolean || element.content.length !== 1 || (value !== 0 && value !== 0xff))
    throw malformed();
  return value === 0xff;
}

const TYPES = ['standard', 'scalable', 'scalable-with-integrity'] as const;

function typeOf(element: Element | undefined): Platform['sgxType'] {
  const type = element?.tag === ENUMERATED && element.content.length === 1 ? element.content[0] : undefined;
  const name = type === undefined ? undefined : TYPES[type];
  if (!name) throw malformed();
  return name;
}

function configurationOf(element: Element | undefined): Platform['configuration'] {
  if (!element) return undefined;
  const found = members(element, `${ROOT}.7`);
  return { dynamic: flag(found.get('1')), cachedKeys: flag(found.get('2')), smt: flag(found.get('3')) };
}

function read(value: Bytes): Platform {
  const found = members(readElement(value), ROOT);
  const tcbElement = found.get('2');
  if (!tcbElement) throw malformed();
  const tcb = members(tcbElement, `${ROOT}.2`);
  const instance = found.get('6');
  return {
    ppid: octets(found.get('1'), 16),
    components: Array.from({ length: COMPONENTS }, (_, i) => svn(tcb.get(String(i + 1)), 255)),
    pceSvn: svn(tcb.get('17'), 65_535),
    cpuSvn: octets(tcb.get('18'), 16),
    pceId: octets(found.get('3'), 2),
    fmspc: octets(found.get('4'), 6),
    sgxType: typeOf(found.get('5')),
    instance: instance && octets(instance, 16),
    configuration: configurationOf(found.get('7')),
  };
}

/** What the first of these certificates says; undefined when it is no well-formed PCK certificate. */
export function platformIn([leaf]: readonly Certificate[]): Platform | undefined {
  const extension = leaf?.extensions.get(ROOT);
  try {
    return extension && read(extension.value);
  } catch (error) {
    if (error instanceof AttestError) return undefined;
    throw error;
  }
}

const PCK = 'Intel SGX PCK Certificate';
const ISSUERS = ['Intel SGX PCK Platform CA', 'Intel SGX PCK Processor CA'];

/** Whether each certificate of a path stands in the role that its issuer gave it: leaf, PCK CA, root. */
export function isPckPath(path: readonly Certificate[]): boolean {
  const [leaf, issuer, , ...rest] = path;
  const nameOf = (certificate: Certificate | undefined) =>
    certificate?.subjectNames.get(NAME.commonName) ?? '';
  return (
    path.length === 3 &&
    rest.length === 0 &&
    nameOf(leaf) === PCK &&
    leaf?.ca === false &&
    ISSUERS.includes(nameOf(issuer))
  );
}

export const TCB_SIGNER = 'Intel SGX TCB Signing';

/** Whether a path is that of the key by which Intel signs TCB info and enclave identities. */
export function isTcbSigningPath(path: readonly Certificate[]): boolean {
  const [leaf] = path;
  const usage = leaf?.keyUsage?.digitalSignature === true;
  const name = leaf?.subjectNames.get(NAME.commonName);
  return path.length === 2 && leaf?.ca === false && usage && name === TCB_SIGNER;
}
