// What a verifier must have beside evidence, named so that it can be fetched from a vendor's service or found in a folder. A
// need is made of names from fixed lists and of numbers and hexadecimal taken from evidence that nobody has authenticated yet:
// each part is checked here, so that no other characters reach a path. Not here: where services are, how they are asked.
import { base64urlDecode, type Bytes, BytesError, hexEncode } from '@sealroom/bytes';
import { type Collateral, NO_COLLATERAL } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { PRODUCTS, type Product, type Tcb } from '../sev-snp/products.ts';
import type { Roots, Vendor } from '../roots/roots.ts';
import { technologyOf } from '../technology.ts';
import type { AnyEvidence, DeviceEvidence, Evidence } from '../types.ts';
import type { Certificate } from '../x509/certificate.ts';

/** A key of a chip, or of a cloud provider. */
export type AmdKey = 'vcek' | 'vlek';

/** Bytes are lower-case hexadecimal. */
export type Need =
  | { readonly kind: 'amd-chain'; readonly product: Product; readonly key: AmdKey }
  | { readonly kind: 'amd-crl'; readonly product: Product; readonly key: AmdKey }
  | { readonly kind: 'amd-vcek'; readonly product: Product; readonly chip: string; readonly tcb: Tcb }
  | { readonly kind: 'intel-tcb-info'; readonly tee: 'sgx' | 'tdx'; readonly fmspc: string }
  | { readonly kind: 'intel-identity'; readonly tee: 'sgx' | 'tdx' }
  | { readonly kind: 'intel-signer' }
  | { readonly kind: 'intel-pck-crl'; readonly ca: 'platform' | 'processor' }
  | { readonly kind: 'intel-root-crl' }
  | { readonly kind: 'key-set'; readonly issuer: string }
  /** `id` is how NVIDIA's service names it; what counts is the product and version that stand in it. */
  | {
      readonly kind: 'nvidia-manifest';
      readonly product: string;
      readonly version: string;
      readonly id: string;
    }
  /** `between` leads from the issuer to below a root; empty where the issuer is one. */
  | {
      readonly kind: 'nvidia-ocsp';
      readonly certificate: Certificate;
      readonly issuer: Certificate;
      readonly between: readonly Certificate[];
    };
export type NeedKind = Need['kind'];

/** What needs may come of beside the evidence: what is had already, and whose word counts. */
export type There = { readonly collateral: Collateral; readonly roots: Roots };
const NOTHING_THERE: There = { collateral: NO_COLLATERAL, roots: {} };

function malformed(): AttestError {
  return new AttestError('attest/malformed', 'The evidence names collateral in a form that no vendor has.');
}

function part(text: string, form: RegExp): string {
  if (form.test(text)) return text;
  throw malformed();
}

function octet(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 255) throw malformed();
  return value.toString(16).padStart(2, '0');
}

function fixed<T extends string>(text: T, list: readonly T[]): T {
  if (list.includes(text)) return text;
  throw malformed();
}

/** The parts of a TCB version; FMC on Turin only. */
function tcbText(product: Product, { fmc, bootloader, tee, snp, microcode }: Tcb): string {
  if (fmc !== 0 && product !== 'Turin') throw malformed();
  return [fmc, bootloader, tee, snp, microcode].map(octet).join('');
}

const ISSUER = /^https:\/\/[a-z0-9](?:[a-z0-9.-]{0,80}[a-z0-9])$/;
const CHIP_START = 32;
const KEY_END = 16;
const HEX_SIZES = { Milan: 128, Genoa: 128, Turin: 16 } as const;

export function manifestNeedName(product: string, version: string): string {
  return `nvidia-manifest_${part(product, /^[A-Za-z0-9]{1,16}$/)}_${part(version, /^[A-Za-z0-9.-]{1,64}$/)}`;
}

/** Of the issuer it has the end of the key only. */
export function ocspNeedName({ spki }: Certificate, serial: string): string {
  const number = part(serial, /^(?:[0-9a-f]{2}){1,21}$/);
  return `nvidia-ocsp_${hexEncode(spki.slice(-KEY_END))}_${number}`;
}

/** An issuer as a whole, by name and key. */
export function issuerWhole({ subject, spki }: Certificate): string {
  return `${hexEncode(subject)} ${hexEncode(spki)}`;
}

/** What the name of a need has a part of only, as a whole; undefined where the name says all. */
export function wholeOf(need: Need): string | undefined {
  if (need.kind === 'amd-vcek') return need.chip;
  return need.kind === 'nvidia-ocsp' ? issuerWhole(need.issuer) : undefined;
}

/**
 * The name of a need, fit for a file name: letters, digits, hyphens, dots and underscores, at most 120. Of a chip it has the
 * beginning only, and of an issuer the end of its key; what is found under a name is held against the need itself.
 * @throws attest/malformed
 */
export function needName(need: Need): string {
  switch (need.kind) {
    case 'amd-chain':
    case 'amd-crl':
      return `${need.kind}_${fixed(need.key, ['vcek', 'vlek'])}_${fixed(need.product, PRODUCTS)}`;
    case 'amd-vcek': {
      const product = fixed(need.product, PRODUCTS);
      const chip = part(need.chip, new RegExp(`^[0-9a-f]{${HEX_SIZES[product]}}$`));
      return `amd-vcek_${product}_${chip.slice(0, CHIP_START)}_${tcbText(product, need.tcb)}`;
    }
    case 'intel-tcb-info':
      return `intel-tcb-info_${fixed(need.tee, ['sgx', 'tdx'])}_${part(need.fmspc, /^[0-9a-f]{12}$/)}`;
    case 'intel-identity':
      return `intel-identity_${fixed(need.tee, ['sgx', 'tdx'])}`;
    case 'intel-pck-crl':
      return `intel-pck-crl_${fixed(need.ca, ['platform', 'processor'])}`;
    case 'intel-signer':
    case 'intel-root-crl':
      return need.kind;
    case 'key-set':
      return `key-set_${part(need.issuer, ISSUER).slice('https://'.length)}`;
    case 'nvidia-manifest':
      part(need.id, /^NV_GPU_[A-Z0-9._-]{1,160}$/);
      return manifestNeedName(need.product, need.version);
    case 'nvidia-ocsp':
      return ocspNeedName(need.issuer, need.certificate.serial);
  }
}

function needsOfOne(
  { technology, body }: DeviceEvidence | Pick<Evidence, 'technology' | 'body'>,
  there: There,
): readonly Need[] {
  const known = technologyOf(technology);
  try {
    const bytes: Bytes = base64urlDecode(body);
    const needs = known.supplies?.(known.parse(bytes), there) ?? [];
    for (const need of needs) needName(need);
    return needs;
  } catch (error) {
    if (error instanceof AttestError || error instanceof BytesError) return [];
    throw error;
  }
}

/** Whose imported certificates and lists evidence may lean on, beside its needs: no service is known for them. */
export function vendorsBeside(evidence: AnyEvidence): readonly Vendor[] {
  const devices = ('devices' in evidence && evidence.devices) || [];
  return [evidence, ...devices].flatMap(({ technology }) => technologyOf(technology).vendors ?? []);
}

/**
 * What evidence needs beside it, and that of devices with it, each once, by what it says of itself; none for technologies that
 * need nothing, and for bytes that are no evidence. What is there already may need something in its turn.
 */
export function needsOf(evidence: AnyEvidence, there: There = NOTHING_THERE): readonly Need[] {
  const devices = ('devices' in evidence && evidence.devices) || [];
  const needs = [evidence, ...devices].flatMap((one) => needsOfOne(one, there));
  return [...new Map(needs.map((need) => [needName(need), need])).values()];
}
