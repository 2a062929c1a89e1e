// NVIDIA's reference manifests (RIMs): software identity tags (ISO/IEC 19770-2, TCG RIM information model) in XML with an
// enveloped signature (XML-DSig, ECDSA P-384 with SHA-384) whose certificates come with it. The document is read once: the
// tree that is written canonically and hashed is the tree that measurements are taken from. The document must have exactly
// the shape that NVIDIA signs, with one signature, at its end, over all the rest. Nothing is authenticated by parsing.
import { type Bytes, bytesEqual, parseStrictJson, utf8Decode, utf8Encode } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { base64Decode } from '../x509/pem.ts';
import { isSignedBy } from '../x509/signature.ts';
import { canonicalXml, elementsIn, parseXml, wordsIn, type XmlElement } from './xml.ts';

export type Manifest = {
  /** The document as it was given, which may be JSON around the signed XML. */
  readonly document: Bytes;
  /** The signed XML by itself. */
  readonly tag: Bytes;
  /** The chip, such as `GH100`. */
  readonly product: string;
  /** Of the driver or of the VBIOS that it is about. */
  readonly version: string;
  /** Values of the active measurements by index, 48 bytes in hexadecimal; any of them is right. */
  readonly golden: ReadonlyMap<number, readonly string[]>;
  /** Signer first. */
  readonly certificates: readonly Certificate[];
  /** What the signature is over, in canonical form, and the digest that it must have. */
  readonly content: Bytes;
  readonly digest: Bytes;
  readonly signedInfo: Bytes;
  readonly signature: Bytes;
};

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const SHA384_ATTRIBUTES = 'http://www.w3.org/2001/04/xmlenc#sha384';
const CANONICAL = 'http://www.w3.org/2006/12/xml-c14n11';
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature';
const ECDSA_SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384';
const SHA384 = 'http://www.w3.org/2001/04/xmldsig-more#sha384';
const HASH_BYTES = 48;
const MOST_ALTERNATIVES = 64;

function broken(): AttestError {
  return new AttestError(
    'attest/bad-manifest',
    'The reference manifest does not have the shape that NVIDIA signs.',
  );
}

/** The elements in one, which must be these and no other, in this order. */
function exactly(parent: XmlElement, ...names: readonly string[]): XmlElement[] {
  const found = elementsIn(parent);
  const fits =
    found.length === names.length &&
    found.every((one, i) => one.namespace === DSIG && one.local === names[i]);
  const blank = parent.children.every((child) => typeof child !== 'string' || /^[ \n\t]*$/.test(child));
  if (!fits || !blank) throw broken();
  return found;
}

/** An element of a signature that has this one attribute (or none) and nothing in it. */
function says(element: XmlElement | undefined, name: string, value: string): boolean {
  const [first, ...rest] = element?.attributes ?? [];
  return first?.name === name && first.value === value && rest.length === 0;
}

function isMethod(element: XmlElement | undefined, algorithm: string): boolean {
  return says(element, 'Algorithm', algorithm) && element?.children.length === 0;
}

function base64In(element: XmlElement | undefined): Bytes {
  if (!element || element.attributes.length > 0) throw broken();
  try {
    return base64Decode(wordsIn(element).replaceAll(/[ \n]/g, ''));
  } catch {
    throw broken();
  }
}

function signedInfoOf(info: XmlElement): Bytes {
  const [method, algorithm, reference] = exactly(
    info,
    'CanonicalizationMethod',
    'SignatureMethod',
    'Reference',
  );
  if (!reference || !says(reference, 'URI', '') || info.attributes.length > 0) throw broken();
  const [transforms, hash, value] = exactly(reference, 'Transforms', 'DigestMethod', 'DigestValue');
  const [enveloped, canonical] = transforms ? exactly(transforms, 'Transform', 'Transform') : [];
  const known =
    isMethod(method, CANONICAL) &&
    isMethod(algorithm, ECDSA_SHA384) &&
    transforms?.attributes.length === 0 &&
    isMethod(enveloped, ENVELOPED) &&
    isMethod(canonical, CANONICAL) &&
    isMethod(hash, SHA384);
  if (!known) throw broken();
  return base64In(value);
}

function signatureOf(root: XmlElement): XmlElement {
  const elements: XmlElement[] = [];
  const walk = (element: XmlElement) => {
    elements.push(element);
    for (const child of elementsIn(element)) walk(child);
  };
  walk(root);
  const signatures = elements.filter(({ local }) => local === 'Signature');
  const last = elementsIn(root).at(-1);
  if (!last || signatures.length !== 1 || signatures[0] !== last || last.namespace !== DSIG) throw broken();
  return last;
}

function attribute({ attributes }: XmlElement, local: string, namespace = ''): string {
  const found = attributes.find((one) => one.local === local && one.namespace === namespace);
  if (!found) throw broken();
  return found.value;
}

function goldenOf(payload: XmlElement): Map<number, string[]> {
  const golden = new Map<number, string[]>();
  const seen = new Set<number>();
  for (const resource of elementsIn(payload)) {
    const [index, count] = [
      Number(attribute(resource, 'index')),
      Number(attribute(resource, 'alternatives')),
    ];
    const whole =
      /^\d{1,3}$/.test(attribute(resource, 'index')) && /^\d{1,2}$/.test(attribute(resource, 'alternatives'));
    const active = attribute(resource, 'active');
    const measured = resource.local === 'Resource' && attribute(resource, 'type') === 'Measurement';
    const sized = attribute(resource, 'size') === String(HASH_BYTES);
    if (!measured || !whole || !sized || seen.has(index) || !/^(?:True|False)$/.test(active)) throw broken();
    seen.add(index);
    if (active === 'False') continue;
    const values = Array.from({ length: count }, (_, i) =>
      attribute(resource, `Hash${i}`, SHA384_ATTRIBUTES),
    );
    const hashes = resource.attributes.filter((one) => /^Hash/i.test(one.local));
    const good = values.every((value) => /^[0-9a-fA-F]{96}$/.test(value)) && hashes.length === count;
    if (!good || count === 0 || count > MOST_ALTERNATIVES) throw broken();
    golden.set(
      index,
      values.map((value) => value.toLowerCase()),
    );
  }
  if (golden.size === 0) throw broken();
  return golden;
}

/** The one element of this name in the tag; it stands in the tag itself, and nowhere else. */
function one(root: XmlElement, local: string): XmlElement {
  const [found, ...others] = elementsIn(root).filter((element) => element.local === local);
  if (!found || others.length > 0 || found.namespace !== SWID) throw broken();
  return found;
}

function fromText(text: string): Omit<Manifest, 'document' | 'tag'> {
  const root = parseXml(text);
  if (root.local !== 'SoftwareIdentity' || root.namespace !== SWID) throw broken();
  const signature = signatureOf(root);
  const [info, value, keys] = exactly(signature, 'SignedInfo', 'SignatureValue', 'KeyInfo');
  const [data] = keys ? exactly(keys, 'X509Data') : [];
  const given = data ? elementsIn(data) : [];
  if (!info || !data || given.length === 0 || given.length > 8) throw broken();
  exactly(data, ...given.map(() => 'X509Certificate'));
  const meta = one(root, 'Meta');
  return {
    product: attribute(meta, 'product'),
    version: attribute(meta, 'colloquialVersion'),
    golden: goldenOf(one(root, 'Payload')),
    certificates: given.map((element) => parseCertificate(base64In(element))),
    content: utf8Encode(canonicalXml(root, signature)),
    digest: signedInfoOf(info),
    signedInfo: utf8Encode(canonicalXml(info)),
    signature: base64In(value),
  };
}

/** The manifest's text, which NVIDIA's service wraps in JSON as Base64; undefined when a document is something else. */
function textOf(document: string): string | undefined {
  const start = document.trimStart();
  if (start.startsWith('<'))
    return start.slice(0, 4096).includes('SoftwareIdentity') ? document.trim() : undefined;
  if (!start.startsWith('{') || !document.includes('"rim"')) return undefined;
  try {
    const value = parseStrictJson(document);
    const rim = (value as { rim?: unknown }).rim;
    return typeof rim === 'string' ? utf8Decode(base64Decode(rim)).trim() : undefined;
  } catch {
    throw broken();
  }
}

/**
 * A reference manifest, when a document is one. Nothing is authenticated.
 * @throws attest/bad-manifest · attest/too-large · attest/bad-certificate
 */
export function parseManifest(document: string): Manifest | undefined {
  const text = textOf(document);
  if (text === undefined) return undefined;
  return { document: utf8Encode(document), tag: utf8Encode(text), ...fromText(text) };
}

/** Whether the manifest's own signer signed it; who that is, is for the chain. */
export async function isManifestSigned({
  content,
  digest,
  signedInfo,
  signature,
  certificates,
}: Manifest): Promise<boolean> {
  const [signer] = certificates;
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-384', content));
  if (!signer || !bytesEqual(hash, digest) || signature.length !== 2 * HASH_BYTES) return false;
  try {
    return await isSignedBy(
      signer.spki,
      { kind: 'ECDSA', hash: 'SHA-384' },
      { message: signedInfo, signature },
    );
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

/** Names a manifest in results. */
export function manifestName({ product, version }: Manifest): string {
  return `${product} ${version}`;
}
