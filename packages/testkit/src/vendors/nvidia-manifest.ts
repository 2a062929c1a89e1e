// Reference manifests as NVIDIA signs them, written in canonical form by hand, so that nothing of the verifier is needed.
import { type Bytes, utf8Encode } from '@sealroom/bytes';

export type ManifestOptions = {
  readonly product?: string;
  readonly version: string;
  /** Values of active measurements by index. */
  readonly golden: ReadonlyMap<number, readonly string[]>;
  readonly inactive?: ReadonlyMap<number, string>;
  /** Signer first; the fake's own unless told. */
  readonly certificates?: readonly Uint8Array[];
  readonly pair?: CryptoKeyPair;
  /** Changes the tag before it is signed. */
  readonly edit?: (tag: string) => string;
};

const SWID = 'http://standards.iso.org/iso/19770/-2/2015/schema.xsd';
const HASH = 'http://www.w3.org/2001/04/xmlenc#sha384';
const DSIG = 'http://www.w3.org/2000/09/xmldsig#';
const RIM =
  'https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/';
const CANONICAL = 'http://www.w3.org/2006/12/xml-c14n11';

function resource(index: number, active: boolean, values: readonly string[]): string {
  const hashes = values.map((value, i) => ` ns2:Hash${i}="${value}"`).join('');
  const said = active ? 'True' : 'False';
  return `<Resource active="${said}" alternatives="${values.length}" index="${index}" name="Measurement_${index}" size="48" type="Measurement"${hashes}></Resource>`;
}

function tagOf({ product = 'GH100', version, golden, inactive = new Map() }: ManifestOptions): string {
  const resources = [
    ...[...golden].map(([index, values]) => resource(index, true, values)),
    ...[...inactive].map(([index, value]) => resource(index, false, [value])),
  ];
  return [
    `<SoftwareIdentity xmlns="${SWID}" xmlns:ns2="${HASH}" name="${product}" tagId="fake" version="1.0">`,
    '<Entity name="Fake NVIDIA" role="softwareCreator tagCreator"></Entity>',
    `<Meta xmlns:ns1="${RIM}" colloquialVersion="${version}" edition="GPU" product="${product}"></Meta>`,
    `<Payload>${resources.join('\n')}</Payload>\n`,
    '</SoftwareIdentity>',
  ].join('\n');
}

function signedInfo(digest: string, spaces: string): string {
  const method = (name: string, algorithm: string) => `<ds:${name} Algorithm="${algorithm}"></ds:${name}>`;
  return [
    `<ds:SignedInfo${spaces}>`,
    method('CanonicalizationMethod', CANONICAL),
    method('SignatureMethod', 'http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384'),
    '<ds:Reference URI=""><ds:Transforms>',
    method('Transform', `${DSIG}enveloped-signature`),
    method('Transform', CANONICAL),
    '</ds:Transforms>',
    method('DigestMethod', 'http://www.w3.org/2001/04/xmldsig-more#sha384'),
    `<ds:DigestValue>${digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>`,
  ].join('');
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

/** The whole document, with its signature at the end. */
export async function signManifest(options: ManifestOptions): Promise<string> {
  const { pair, certificates = [], edit = (tag: string) => tag } = options;
  const tag = edit(tagOf(options));
  const digest = base64(new Uint8Array(await crypto.subtle.digest('SHA-384', utf8Encode(tag))));
  const inherited = ` xmlns="${SWID}" xmlns:ds="${DSIG}" xmlns:ns2="${HASH}"`;
  const message: Bytes = utf8Encode(signedInfo(digest, inherited));
  if (!pair) throw new Error('A manifest needs a signer.');
  const raw = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, pair.privateKey, message);
  const keys = certificates.map((one) => `<ds:X509Certificate>${base64(one)}</ds:X509Certificate>`).join('');
  const signature = [
    `<ds:Signature xmlns:ds="${DSIG}">`,
    signedInfo(digest, ''),
    `<ds:SignatureValue>${base64(new Uint8Array(raw))}</ds:SignatureValue>`,
    `<ds:KeyInfo><ds:X509Data>${keys}</ds:X509Data></ds:KeyInfo></ds:Signature>`,
  ].join('');
  return tag.replace(/<\/SoftwareIdentity>$/, `${signature}</SoftwareIdentity>`);
}
