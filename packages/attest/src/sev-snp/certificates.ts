// Endorsement keys of AMD processors: what VCEK and VLEK certificates say beside X.509 (VCEK Certificate and KDS Interface,
// document 57230, section 3; VLEK: document 58369), and which of several belongs to a report. A VCEK names its chip and no cloud
// provider, a VLEK a provider and no chip; whatever lacks one or has both is neither. Nothing here is authenticated.
import { type Bytes, bytesEqual, isZero } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { asciiText, readElement, smallInteger, TAG } from '../x509/der.ts';
import { type Part, PARTS, PRODUCTS, type Product, readTcb, sameTcb, type Tcb } from './products.ts';
import type { SnpReport } from './report.ts';

const ROOT = '1.3.6.1.4.1.3704.1';
const PART_OIDS: Readonly<Record<Part, string>> = {
  bootloader: `${ROOT}.3.1`,
  tee: `${ROOT}.3.2`,
  snp: `${ROOT}.3.3`,
  microcode: `${ROOT}.3.8`,
  fmc: `${ROOT}.3.9`,
};
/** Parts that no product uses: 0 where they are written. */
const SPARE_OIDS = [4, 5, 6, 7].map((index) => `${ROOT}.3.${index}`);
const [STRUCTURE, PRODUCT, HWID, PROVIDER] = [`${ROOT}.1`, `${ROOT}.2`, `${ROOT}.4`, `${ROOT}.5`];

export type Kind = 'VCEK' | 'VLEK';

/** What a certificate says of its key. */
export type EndorsementKey = {
  readonly certificate: Certificate;
  readonly kind: Kind;
  readonly product: Product;
  readonly tcb: Tcb;
  /** The chip, of a VCEK: 64 bytes, 8 on Turin. */
  readonly chip: Bytes | undefined;
  /** The cloud provider, of a VLEK. */
  readonly provider: string | undefined;
};

function refuse(what: string): AttestError {
  return new AttestError('attest/bad-certificate', `The endorsement key's certificate ${what}.`);
}

/** HWID stands as it is; one issuer of certificates wraps it into an OCTET STRING. */
function chipOf(value: Bytes, product: Product): Bytes {
  const size = product === 'Turin' ? 8 : 64;
  if (value.length === size) return value;
  const wrapped = value.length === size + 2 ? readElement(value) : undefined;
  if (wrapped?.tag !== TAG.octetString || wrapped.content.length !== size) throw refuse('names no chip');
  return new Uint8Array(wrapped.content);
}

function partOf(certificate: Certificate, oid: string): number | undefined {
  const found = certificate.extensions.get(oid);
  const value = found && smallInteger(readElement(found.value));
  if (value !== undefined && value > 255) throw refuse('has a security version that is none');
  return value;
}

function tcbOf(certificate: Certificate, product: Product): Tcb {
  const tcb = { fmc: 0, bootloader: 0, tee: 0, snp: 0, microcode: 0 };
  for (const part of PARTS) {
    const value = partOf(certificate, PART_OIDS[part]);
    const has = part !== 'fmc' || product === 'Turin';
    if ((value !== undefined) !== has) throw refuse(`has not the security versions of ${product}`);
    tcb[part] = value ?? 0;
  }
  if (SPARE_OIDS.some((oid) => (partOf(certificate, oid) ?? 0) !== 0))
    throw refuse(`has security versions that ${product} does not know`);
  return tcb;
}

/** A product by its name in certificates, which for a VCEK may end in a stepping: `Milan-B0`. */
function productNamed(text: string): Product {
  const found = PRODUCTS.find((product) => text === product || text.startsWith(`${product}-`));
  if (!found) throw refuse('is of a product that is not known here');
  return found;
}

function kindOf(certificate: Certificate): Kind {
  const name = certificate.subjectNames.get(NAME.commonName);
  const [chip, provider] = [HWID, PROVIDER].map((oid) => certificate.extensions.has(oid));
  if (name === 'SEV-VCEK' && chip && !provider) return 'VCEK';
  if (name === 'SEV-VLEK' && provider && !chip) return 'VLEK';
  throw refuse('is that of neither a chip nor a cloud provider');
}

/** What was read of certificates that are kept. */
const known = new WeakMap<Certificate, EndorsementKey>();

/** @throws attest/bad-certificate · attest/malformed */
export function readEndorsementKey(certificate: Certificate): EndorsementKey {
  const key = known.get(certificate) ?? read(certificate);
  known.set(certificate, key);
  return key;
}

function read(certificate: Certificate): EndorsementKey {
  const text = (oid: string) => {
    const found = certificate.extensions.get(oid);
    if (!found) throw refuse('lacks what AMD writes into every one');
    return asciiText(readElement(found.value));
  };
  const kind = kindOf(certificate);
  const product = productNamed(text(PRODUCT));
  const structure = partOf(certificate, STRUCTURE);
  if (structure !== (product === 'Turin' ? 1 : 0)) throw refuse(`has another structure than ${product} has`);
  const hwid = certificate.extensions.get(HWID);
  return {
    certificate,
    kind,
    product,
    tcb: tcbOf(certificate, product),
    chip: hwid && chipOf(hwid.value, product),
    provider: kind === 'VLEK' ? text(PROVIDER) : undefined,
  };
}

/** Whether the certificate is one of a key that signs reports, by its name alone. */
export function isEndorsementKey(certificate: Certificate): boolean {
  const name = certificate.subjectNames.get(NAME.commonName);
  return name === 'SEV-VCEK' || name === 'SEV-VLEK';
}

/** Whether CHIP_ID is this chip: on Turin 8 bytes and zeros. */
export function isChip(chipId: Uint8Array, chip: Uint8Array): boolean {
  return bytesEqual(chipId.subarray(0, chip.length), chip) && isZero(chipId.subarray(chip.length));
}

/** How much of a report a key fits; its certificate must fit in everything, which verify.ts says one by one. */
function fit(key: EndorsementKey, report: SnpReport, at: number): number {
  const { tcb, plain } = readTcb(report.tcb.reported, key.product);
  const { notBefore, notAfter } = key.certificate;
  return (
    (key.kind === (report.signingKey === 1 ? 'VLEK' : 'VCEK') ? 8 : 0) +
    (!key.chip || isChip(report.chipId, key.chip) ? 4 : 0) +
    (plain && sameTcb(tcb, key.tcb) ? 2 : 0) +
    (notBefore <= at && at <= notAfter ? 1 : 0)
  );
}

/**
 * The keys that a report may say it is signed with: those that fit best by kind, chip and reported TCB, the one issued last first.
 * Only provider keys of one TCB can be several. When none fits in everything, the nearest, so that the result can say what does
 * not.
 */
export function nearestKeys(
  certificates: readonly Certificate[],
  report: SnpReport,
  at: number,
): { readonly keys: readonly EndorsementKey[]; readonly problem: string | undefined } {
  let problem: string | undefined;
  const found: { readonly key: EndorsementKey; readonly fits: number }[] = [];
  for (const certificate of certificates.filter(isEndorsementKey)) {
    try {
      const key = readEndorsementKey(certificate);
      found.push({ key, fits: fit(key, report, at) });
    } catch (error) {
      if (!(error instanceof AttestError)) throw error;
      problem ??= error.message;
    }
  }
  const best = Math.max(...found.map(({ fits }) => fits));
  const keys = found
    .filter(({ fits }) => fits === best)
    .map(({ key }) => key)
    .toSorted((a, b) => b.certificate.notBefore - a.certificate.notBefore);
  return { keys, problem };
}
