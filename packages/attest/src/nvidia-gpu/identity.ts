// Which GPU a certificate path is of, by the places that NVIDIA's certificates have in it: a signing key that firmware was
// given (`GSP FMC`), the key of the chip (`GSP BROM`), the provisioner, the model, NVIDIA's root. The signing key's certificate
// holds the firmware's digest (TCG DICE): OID 2.23.133.5.4.1 on Hopper, which also repeats the chip's key, and
// 2.23.133.5.4.1.1 on Blackwell. Only what a verified path says is asked for here.
import { type Bytes, bytesEqual, hexEncode, sha256 } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { childrenOf, type Element, oidText, readElement, smallInteger, TAG } from '../x509/der.ts';

export type Architecture = 'hopper' | 'blackwell';

export type GpuIdentity = {
  readonly architecture: Architecture;
  /** Such as `GH100`. */
  readonly chip: string;
  /** Digest of the firmware that holds the signing key, SHA-384 in hexadecimal. */
  readonly firmware: string;
  /** `nvidia-gpu:key:` and SHA-256 of the chip's public key. */
  readonly platform: string;
};

const PLACES = [
  / GSP FMC LF$/,
  / GSP BROM$/,
  /^NVIDIA [A-Z0-9]+ Provisioner ICA \d+$/,
  /^NVIDIA [A-Z0-9]+ Identity$/,
] as const;
const ARCHITECTURES: Readonly<Record<string, Architecture>> = { GH: 'hopper', GB: 'blackwell' };
const COMPOSITE_DEVICE = '2.23.133.5.4.1';
const TCB_INFO = '2.23.133.5.4.1.1';
const SHA384 = '2.16.840.1.101.3.4.2.2';

function nameOf(certificate: Certificate | undefined): string {
  return certificate?.subjectNames.get(NAME.commonName) ?? '';
}

/** The chip that a GPU's certificate begins with. */
export function chipNamed(certificate: Certificate | undefined): string | undefined {
  return /^G[HB]\d{3}(?= )/.exec(nameOf(certificate))?.[0];
}

/** The chip that every certificate of the path names, when each is in its place. */
function chipOf(path: readonly Certificate[]): string | undefined {
  const chip = chipNamed(path[0]);
  const placed = PLACES.every(
    (place, i) =>
      place.test(nameOf(path[i])) &&
      nameOf(path[i])
        .split(' ')
        .includes(chip ?? ''),
  );
  return path.length === PLACES.length + 1 && placed ? chip : undefined;
}

/** SEQUENCE { hash OBJECT IDENTIFIER (or AlgorithmIdentifier), OCTET STRING } */
function digestOf(fwid: Element | undefined): string | undefined {
  const [algorithm, digest, ...rest] = fwid ? childrenOf(fwid) : [];
  const oid = algorithm?.tag === TAG.sequence ? childrenOf(algorithm)[0] : algorithm;
  const known =
    oid !== undefined && oidText(oid) === SHA384 && digest?.tag === TAG.octetString && rest.length === 0;
  return known && digest.content.length === 48 ? hexEncode(digest.content) : undefined;
}

function fromComposite(value: Bytes, chipKey: Bytes): string | undefined {
  const [version, key, fwid, ...rest] = childrenOf(readElement(value));
  const shaped = version && smallInteger(version) === 1 && key && rest.length === 0;
  return shaped && bytesEqual(key.bytes, chipKey) ? digestOf(fwid) : undefined;
}

function fromTcbInfo(value: Bytes): string | undefined {
  const lists = childrenOf(readElement(value)).filter(({ tag }) => tag === 0xa6);
  return lists.length === 1 && lists[0] ? digestOf(childrenOf(lists[0])[0]) : undefined;
}

function firmwareOf(leaf: Certificate, chip: Certificate, architecture: Architecture): string | undefined {
  const oid = architecture === 'hopper' ? COMPOSITE_DEVICE : TCB_INFO;
  const extension = leaf.extensions.get(oid);
  if (!extension) return undefined;
  try {
    return architecture === 'hopper'
      ? fromComposite(extension.value, chip.spki)
      : fromTcbInfo(extension.value);
  } catch (error) {
    if (error instanceof AttestError) return undefined;
    throw error;
  }
}

/** What a path to NVIDIA's root says; undefined for what is wrong with it, by the check that fails. */
export async function identityOf(
  path: readonly Certificate[],
): Promise<{ identity: GpuIdentity | undefined; places: boolean; firmware: boolean }> {
  const [leaf, device] = path;
  const chip = chipOf(path);
  const architecture = ARCHITECTURES[chip?.slice(0, 2) ?? ''];
  if (!leaf || !device || !chip || !architecture || leaf.ca || leaf.keyUsage?.digitalSignature !== true)
    return { identity: undefined, places: false, firmware: false };
  const firmware = firmwareOf(leaf, device, architecture);
  if (firmware === undefined) return { identity: undefined, places: true, firmware: false };
  const platform = `nvidia-gpu:key:${hexEncode(await sha256(device.spki))}`;
  return { identity: { architecture, chip, firmware, platform }, places: true, firmware: true };
}
