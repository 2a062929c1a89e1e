// By which need's name a certificate or revocation list is found, from what a vendor writes into it. Only for those that are
// authentic already.
import { hexEncode } from '@sealroom/bytes';
import { pckAuthority } from '../intel/needs.ts';
import { TCB_SIGNER } from '../intel/pck.ts';
import type { Vendor } from '../roots/roots.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { isEndorsementKey, readEndorsementKey } from '../sev-snp/certificates.ts';
import { PRODUCTS } from '../sev-snp/products.ts';
import { needName } from './need.ts';

function commonName({ subjectNames }: Certificate): string | undefined {
  return subjectNames.get(NAME.commonName);
}

/** What a certificate is found by; `of` is the chip that a name has the beginning of. */
export type CertificateName = { readonly name: string; readonly of?: string };

function amdName(certificate: Certificate): CertificateName | undefined {
  const title = commonName(certificate);
  for (const product of PRODUCTS) {
    if (title === `SEV-${product}`) return { name: needName({ kind: 'amd-chain', product, key: 'vcek' }) };
    if (title === `SEV-VLEK-${product}`)
      return { name: needName({ kind: 'amd-chain', product, key: 'vlek' }) };
  }
  if (!isEndorsementKey(certificate)) return undefined;
  const { product, tcb, chip } = readEndorsementKey(certificate);
  if (!chip) return undefined;
  const of = hexEncode(chip);
  return { name: needName({ kind: 'amd-vcek', product, chip: of, tcb }), of };
}

/** undefined for certificates that no need names. @throws attest/bad-certificate for a malformed endorsement key */
export function certificateName(vendor: Vendor, certificate: Certificate): CertificateName | undefined {
  if (vendor === 'amd') return amdName(certificate);
  if (vendor === 'intel' && commonName(certificate) === TCB_SIGNER)
    return { name: needName({ kind: 'intel-signer' }) };
  return undefined;
}

/** The needs that a list of this issuer answers; AMD's say not for which kind of keys they are, and count for both. */
export function crlNames(vendor: Vendor, issuer: Certificate): readonly string[] {
  const name = commonName(issuer);
  if (vendor === 'amd') {
    const product = PRODUCTS.find((one) => name === `ARK-${one}`);
    if (!product) return [];
    return (['vcek', 'vlek'] as const).map((key) => needName({ kind: 'amd-crl', product, key }));
  }
  if (vendor !== 'intel') return [];
  if (name === 'Intel SGX Root CA') return [needName({ kind: 'intel-root-crl' })];
  const ca = pckAuthority(name);
  return ca ? [needName({ kind: 'intel-pck-crl', ca })] : [];
}
