// A fake AMD: roots, signing keys, endorsement keys, revocation lists and reports of Milan, Genoa and Turin in the genuine
// formats, under keys that the test makes. Everything a test asks for is signed, also what AMD's processors would never sign.
import { type Bytes, concat } from '@sealroom/bytes';
import {
  authorityExtensions,
  type CertificateExtension,
  distinguishedName,
  issueCertificate,
  issueCrl,
  type IssuerKey,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { derIa5, derInteger } from './write-der.ts';

export type SnpProduct = 'Milan' | 'Genoa' | 'Turin';
export type SnpKind = 'VCEK' | 'VLEK';
export type SnpTcb = {
  readonly fmc: number;
  readonly bootloader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
};

const YEAR = 365 * 24 * 3600 * 1000;
const ROOT = '1.3.6.1.4.1.3704.1';

const PROCESSORS: Readonly<Record<SnpProduct, readonly [number, number, number]>> = {
  Milan: [0x19, 0x01, 1],
  Genoa: [0x19, 0x11, 1],
  Turin: [0x1a, 0x02, 1],
};

function amdName(commonName: string): Bytes {
  return distinguishedName([
    ['OU', 'Engineering'],
    ['C', 'US'],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['O', 'Advanced Micro Devices'],
    ['CN', commonName],
  ]);
}

/** The eight bytes of a TCB version in the product's layout. */
export function snpTcbBytes(product: SnpProduct, { fmc, bootloader, tee, snp, microcode }: SnpTcb): Bytes {
  return new Uint8Array(
    product === 'Turin'
      ? [fmc, bootloader, tee, snp, 0, 0, 0, microcode]
      : [bootloader, tee, 0, 0, 0, 0, snp, microcode],
  );
}

export type SnpReportFields = {
  readonly version: 2 | 3 | 4 | 5;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly platformInfo: bigint;
  readonly flags: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly processor: readonly [number, number, number];
  readonly chipId: Uint8Array;
  readonly current: SnpTcb;
  readonly reported: SnpTcb;
  readonly committed: SnpTcb;
  readonly launch: SnpTcb;
  /** Major, minor and build. */
  readonly currentFirmware: readonly [number, number, number];
  readonly committedFirmware: readonly [number, number, number];
  readonly launchMitigations: bigint;
  readonly currentMitigations: bigint;
  /** Changes the bytes before they are signed. */
  readonly patch: (bytes: Uint8Array) => void;
};

/** The bytes under the signature of a report. */
export function snpReportBytes(product: SnpProduct, fields: SnpReportFields): Bytes {
  const bytes = new Uint8Array(0x2a0);
  const view = new DataView(bytes.buffer);
  const tcb = (at: number, value: SnpTcb) => bytes.set(snpTcbBytes(product, value), at);
  view.setUint32(0x00, fields.version, true);
  view.setUint32(0x04, fields.guestSvn, true);
  view.setBigUint64(0x08, fields.policy, true);
  bytes.set(fields.familyId, 0x10);
  bytes.set(fields.imageId, 0x20);
  view.setUint32(0x30, fields.vmpl, true);
  view.setUint32(0x34, 1, true);
  tcb(0x38, fields.current);
  view.setBigUint64(0x40, fields.platformInfo, true);
  view.setUint32(0x48, fields.flags, true);
  bytes.set(fields.reportData, 0x50);
  bytes.set(fields.measurement, 0x90);
  bytes.set(fields.hostData, 0xc0);
  bytes.set(fields.idKeyDigest, 0xe0);
  bytes.set(fields.authorKeyDigest, 0x110);
  bytes.fill(0x77, 0x140, 0x160);
  bytes.fill(0xff, 0x160, 0x180);
  tcb(0x180, fields.reported);
  if (fields.version > 2) bytes.set(fields.processor, 0x188);
  bytes.set(fields.chipId, 0x1a0);
  tcb(0x1e0, fields.committed);
  const firmware = (at: number, [major, minor, build]: readonly [number, number, number]) =>
    bytes.set([build, minor, major], at);
  firmware(0x1e8, fields.currentFirmware);
  firmware(0x1ec, fields.committedFirmware);
  tcb(0x1f0, fields.launch);
  if (fields.version > 4) {
    view.setBigUint64(0x1f8, fields.launchMitigations, true);
    view.setBigUint64(0x200, fields.currentMitigations, true);
  }
  fields.patch(bytes);
  return bytes;
}

export const SNP_TCB: SnpTcb = { fmc: 1, bootloader: 7, tee: 0, snp: 24, microcode: 0x54 };

/** A report of a guest as production runs it. */
export function goodSnpReport(product: SnpProduct): SnpReportFields {
  return {
    version: 5,
    guestSvn: 2,
    policy: 0x3001fn,
    familyId: new Uint8Array(16).fill(1),
    imageId: new Uint8Array(16).fill(2),
    vmpl: 0,
    platformInfo: 0x25n,
    flags: 0,
    reportData: new Uint8Array(64),
    measurement: new Uint8Array(48).fill(3),
    hostData: new Uint8Array(32),
    idKeyDigest: new Uint8Array(48),
    authorKeyDigest: new Uint8Array(48),
    processor: PROCESSORS[product],
    chipId: snpChipId(product),
    current: withoutFmc(product, SNP_TCB),
    reported: withoutFmc(product, SNP_TCB),
    committed: withoutFmc(product, SNP_TCB),
    launch: withoutFmc(product, SNP_TCB),
    currentFirmware: [1, 55, 40],
    committedFirmware: [1, 55, 40],
    launchMitigations: 0x0bn,
    currentMitigations: 0x0bn,
    patch: () => undefined,
  };
}

function withoutFmc(product: SnpProduct, tcb: SnpTcb): SnpTcb {
  return product === 'Turin' ? tcb : { ...tcb, fmc: 0 };
}

/** CHIP_ID of the chip that this vendor makes: 64 bytes, on Turin 8 and zeros. */
export function snpChipId(product: SnpProduct, fill = 0xc5): Bytes {
  const id = new Uint8Array(64);
  return id.fill(fill, 0, product === 'Turin' ? 8 : 64);
}

export type SnpEndorsement = { readonly certificate: Bytes; readonly pair: CryptoKeyPair };

export type EndorsementOptions = {
  readonly tcb?: SnpTcb;
  /** HWID as it stands in the certificate. */
  readonly hwid?: Uint8Array;
  readonly provider?: string;
  readonly product?: string;
  readonly commonName?: string;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly pair?: CryptoKeyPair;
  /** Who issues it, if not the signing key of its kind. */
  readonly issuer?: IssuerKey;
  readonly change?: (extensions: CertificateExtension[]) => CertificateExtension[];
};

function endorsementExtensions(
  product: SnpProduct,
  kind: SnpKind,
  { tcb = SNP_TCB, hwid, provider = 'CN=cc.cloud.example', product: named }: EndorsementOptions,
): CertificateExtension[] {
  const chip = hwid ?? snpChipId(product).slice(0, product === 'Turin' ? 8 : 64);
  const number = (oid: string, value: number) => ({ oid: `${ROOT}.${oid}`, value: derInteger(value) });
  return [
    number('1', product === 'Turin' ? 1 : 0),
    {
      oid: `${ROOT}.2`,
      value: derIa5(named ?? (kind === 'VCEK' && product !== 'Turin' ? `${product}-B0` : product)),
    },
    ...(product === 'Turin' ? [number('3.9', tcb.fmc)] : []),
    number('3.1', tcb.bootloader),
    number('3.2', tcb.tee),
    ...(product === 'Turin' ? [] : [number('3.4', 0)]),
    ...['3.5', '3.6', '3.7'].map((oid) => number(oid, 0)),
    number('3.3', tcb.snp),
    number('3.8', tcb.microcode),
    kind === 'VCEK' ? { oid: `${ROOT}.4`, value: chip } : { oid: `${ROOT}.5`, value: derIa5(provider) },
  ];
}

/** r and s as reports have them: little-endian, in cells of 72 bytes, and zeros. */
async function reportSignature({ privateKey }: CryptoKeyPair, message: Bytes): Promise<Bytes> {
  const raw = new Uint8Array(
    await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, privateKey, message),
  );
  const cell = (bytes: Uint8Array) => concat(bytes.slice().reverse(), new Uint8Array(24));
  return concat(cell(raw.slice(0, 48)), cell(raw.slice(48)), new Uint8Array(368));
}

export type FakeAmd = {
  readonly product: SnpProduct;
  /** The ARK, to be pinned. */
  readonly root: Bytes;
  readonly ark: IssuerKey;
  readonly ask: IssuerKey;
  readonly asvk: IssuerKey;
  /** Certificates of the signing keys for VCEKs and VLEKs; their serial numbers are 0x10001 and 0x10101, the root's 0x10000. */
  readonly askCertificate: Bytes;
  readonly asvkCertificate: Bytes;
  endorse(kind: SnpKind, options?: EndorsementOptions): Promise<SnpEndorsement>;
  report(key: SnpEndorsement, fields?: Partial<SnpReportFields>): Promise<Bytes>;
  revocationList(options?: {
    readonly serials?: readonly number[];
    readonly thisUpdate?: number;
    readonly nextUpdate?: number | undefined;
    readonly issuer?: IssuerKey;
  }): Promise<Bytes>;
};

/** @param now milliseconds since 1970; certificates are from the year before and last for years, lists last a year */
export async function fakeAmd(product: SnpProduct, now: number): Promise<FakeAmd> {
  const scheme = 'RSA-PSS-SHA384';
  const issuerOf = async (commonName: string): Promise<IssuerKey> => ({
    name: amdName(commonName),
    pair: await vendorKeys(scheme),
    scheme,
  });
  const ark = await issuerOf(`ARK-${product}`);
  const ask = await issuerOf(`SEV-${product}`);
  const asvk = await issuerOf(`SEV-VLEK-${product}`);
  const authority = async (key: IssuerKey, serial: number) => {
    const spki = await spkiOf(key.pair);
    const extensions = await authorityExtensions(spki, key === ark ? { crlSign: true } : { pathLength: 0 });
    const times = { notBefore: now - YEAR, notAfter: now + 20 * YEAR };
    return issueCertificate(ark, { subject: key.name, spki, serial, ...times, extensions });
  };
  return {
    product,
    ark,
    ask,
    asvk,
    root: await authority(ark, 0x10000),
    askCertificate: await authority(ask, 0x10001),
    asvkCertificate: await authority(asvk, 0x10101),
    endorse: async (kind, options = {}) => {
      const pair = options.pair ?? (await vendorKeys('P-384'));
      const { change = (extensions) => extensions, issuer = kind === 'VCEK' ? ask : asvk } = options;
      const certificate = await issueCertificate(issuer, {
        subject: amdName(options.commonName ?? `SEV-${kind}`),
        spki: await spkiOf(pair),
        serial: 0,
        notBefore: options.notBefore ?? now - YEAR / 2,
        notAfter: options.notAfter ?? now + 6 * YEAR,
        extensions: change(endorsementExtensions(product, kind, options)),
      });
      return { certificate, pair };
    },
    report: async ({ pair }, fields = {}) => {
      const bytes = snpReportBytes(product, { ...goodSnpReport(product), ...fields });
      return concat(bytes, await reportSignature(pair, bytes));
    },
    revocationList: async (options = {}) =>
      issueCrl(options.issuer ?? ark, {
        serials: options.serials ?? [],
        thisUpdate: options.thisUpdate ?? now - YEAR / 12,
        nextUpdate: 'nextUpdate' in options ? options.nextUpdate : now + YEAR / 2,
      }),
  };
}

/** A certificate table as a host gives it behind an extended report. */
export function snpCertificateTable(entries: readonly (readonly [guid: string, bytes: Uint8Array])[]): Bytes {
  const header = new Uint8Array((entries.length + 1) * 24);
  const view = new DataView(header.buffer);
  let offset = header.length;
  for (const [index, [guid, bytes]] of entries.entries()) {
    header.set(Buffer.from(guid.replaceAll('-', ''), 'hex'), index * 24);
    view.setUint32(index * 24 + 16, offset, true);
    view.setUint32(index * 24 + 20, bytes.length, true);
    offset += bytes.length;
  }
  const whole = concat(header, ...entries.map(([, bytes]) => bytes));
  return concat(whole, new Uint8Array((4096 - (whole.length % 4096)) % 4096));
}

export const SNP_GUIDS = {
  VCEK: '63da758d-e664-4564-adc5-f4b93be8accd',
  VLEK: 'a8074bc2-a25a-483e-aae6-39c045a0b8a1',
  ASK: '4ab7b379-bbac-4fe4-a02f-05aef327c782',
  ARK: 'c0b406a4-a803-4952-9743-3fb6014cd0ae',
} as const;
