// A fake NVIDIA: its two roots, GPUs whose reports have the genuine layout, and signed reference manifests. It says what it is
// told to, also what NVIDIA would never say.
import { base64urlEncode, type Bytes, concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { type DeviceEvidence, readCollateral, type Roots } from '@sealroom/attest';
import {
  authorityExtensions,
  type CertificateExtension,
  certificatesPem,
  distinguishedName,
  type IssuerKey,
  issueCertificate,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { issueOcspResponse, type OcspOptions } from './issue-ocsp.ts';
import { signManifest, type ManifestOptions } from './nvidia-manifest.ts';
import { der, derBits, derInteger, derOctets, derOid, derSequence } from './write-der.ts';

export type Authority = { readonly key: IssuerKey; readonly der: Bytes; readonly serial: number };

const START = Date.parse('2020-01-01T00:00:00Z');
const END = Date.parse('9999-12-31T23:59:59Z');
const SHA384 = '2.16.840.1.101.3.4.2.2';

let serials = 1000;

export type CertificateWish = {
  readonly extensions?: readonly CertificateExtension[];
  readonly pair?: CryptoKeyPair;
  readonly notAfter?: number;
};

/** A certificate with this common name under an issuer; an authority, unless extensions are given; its own root without one. */
export async function certify(
  issuer: Authority | undefined,
  name: string,
  { extensions, pair, notAfter = END }: CertificateWish = {},
): Promise<Authority> {
  const keys = pair ?? (await vendorKeys('P-384'));
  const spki = await spkiOf(keys);
  const subject = distinguishedName([
    ['CN', name],
    ['O', 'Fake NVIDIA'],
  ]);
  const key: IssuerKey = { name: subject, pair: keys, scheme: 'ECDSA-SHA384' };
  serials += 1;
  const serial = serials;
  const bytes = await issueCertificate(issuer?.key ?? key, {
    subject,
    spki,
    serial,
    notBefore: START,
    notAfter,
    extensions: extensions ?? (await authorityExtensions(spki, { crlSign: true })),
  });
  return { key, der: bytes, serial };
}

const DIGITAL_SIGNATURE: CertificateExtension = {
  oid: '2.5.29.15',
  critical: true,
  value: derBits(new Uint8Array([0x80]), 7),
};

/** For a certificate that answers for its issuer (OCSP). */
export const RESPONDER: readonly CertificateExtension[] = [
  DIGITAL_SIGNATURE,
  { oid: '2.5.29.37', value: derSequence(derOid('1.3.6.1.5.5.7.3.9')) },
];

function firmwareExtension(chip: string, firmware: string, deviceSpki: Bytes): CertificateExtension {
  const digest = derOctets(hexDecode(firmware));
  if (chip.startsWith('GH')) {
    const fwid = derSequence(derSequence(derOid(SHA384)), digest);
    return { oid: '2.23.133.5.4.1', value: derSequence(derInteger(1), deviceSpki, fwid) };
  }
  const fwids = der(0xa6, derSequence(derOid(SHA384), digest));
  return { oid: '2.23.133.5.4.1.1', value: derSequence(der(0x80, utf8Encode('NVIDIA')), fwids) };
}

export type ReportOptions = {
  readonly nonce: Uint8Array;
  /** By index, 48 bytes in hexadecimal; 64 of them otherwise. */
  readonly measurements?: ReadonlyMap<number, string>;
  readonly driver?: string;
  /** As bytes of the opaque field. */
  readonly vbios?: string;
  readonly nvdec0?: number;
  readonly mode?: number | undefined;
  readonly firmware?: string | undefined;
  /** More opaque fields, in hexadecimal. */
  readonly fields?: readonly (readonly [number, string])[];
};

function little(value: number, length: number): Bytes {
  return new Uint8Array(Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256));
}

export const FAKE_FIRMWARE = 'f0'.repeat(48);
export const fakeMeasurements = (): Map<number, string> =>
  new Map(Array.from({ length: 64 }, (_, index) => [index, hexEncode(new Uint8Array(48).fill(index))]));

/** The signed bytes of a report, without the signature. */
export function reportBytes(options: ReportOptions): Bytes {
  const {
    measurements = fakeMeasurements(),
    driver = '590.12',
    vbios = '00a5009601000000',
    nvdec0 = 0xaa,
  } = options;
  const mode = 'mode' in options ? options.mode : 1;
  const text = (words: string) => hexEncode(utf8Encode(`${words}\0`));
  const fields: (readonly [number, string])[] = [
    [6, vbios],
    [15, text('885')],
    [17, text('G520')],
    [18, text('0200')],
    [3, text(driver)],
    [11, nvdec0.toString(16)],
    ...(options.firmware === undefined ? [] : [[20, options.firmware] as const]),
    ...(mode === undefined
      ? []
      : ([
          [34, '0100'],
          [36, hexEncode(little(mode, 2))],
        ] as const)),
    ...(options.fields ?? []),
  ];
  const opaque = concat(
    ...fields.map(([type, value]) => concat(little(type, 2), little(value.length / 2, 2), hexDecode(value))),
  );
  const blocks = [...measurements].map(([index, value]) =>
    concat(
      new Uint8Array([index + 1, 1]),
      little(51, 2),
      new Uint8Array([1]),
      little(48, 2),
      hexDecode(value),
    ),
  );
  const record = concat(...blocks);
  return concat(
    hexDecode('11e001ff'),
    options.nonce,
    hexDecode('0011600000'),
    new Uint8Array([blocks.length]),
    little(record.length, 3),
    record,
    new Uint8Array(32).fill(9),
    little(opaque.length, 2),
    opaque,
  );
}

export type FakeGpu = {
  /** Leaf, chip, provisioner, model. */
  readonly path: readonly Authority[];
  readonly report: (options: ReportOptions) => Promise<Bytes>;
  /** In the form of NVIDIA's SDK; `change` replaces members of it. */
  readonly evidence: (
    options: ReportOptions,
    change?: { readonly [member: string]: string },
  ) => Promise<DeviceEvidence>;
};

export type GpuOptions = {
  readonly chip?: string;
  readonly firmware?: string;
  /** Names of leaf, chip, provisioner and model instead of NVIDIA's. */
  readonly names?: readonly [string, string, string, string];
  readonly leaf?: CertificateWish;
};

async function makeGpu(
  root: Authority,
  { chip = 'GH100', firmware = FAKE_FIRMWARE, names, leaf }: GpuOptions,
): Promise<FakeGpu> {
  const named = names ?? [
    `${chip} A01 GSP FMC LF`,
    `${chip} A01 GSP BROM`,
    `NVIDIA ${chip} Provisioner ICA 1`,
    `NVIDIA ${chip} Identity`,
  ];
  const model = await certify(root, named[3]);
  const provisioner = await certify(model, named[2]);
  const device = await certify(provisioner, named[1]);
  const extensions = [DIGITAL_SIGNATURE, firmwareExtension(chip, firmware, await spkiOf(device.key.pair))];
  const signer = await certify(device, named[0], { extensions, ...leaf });
  const path = [signer, device, provisioner, model];
  const report = async (options: ReportOptions) => {
    const signed = reportBytes({ firmware, ...options });
    const { privateKey } = signer.key.pair;
    const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-384' }, privateKey, signed);
    return concat(signed, new Uint8Array(signature));
  };
  return {
    path,
    report,
    evidence: async (options, change = {}) => {
      const value = {
        arch: chip.startsWith('GH') ? 'HOPPER' : 'BLACKWELL',
        certificate: Buffer.from(certificatesPem([...path, root].map((one) => one.der))).toString('base64'),
        evidence: Buffer.from(await report(options)).toString('base64'),
        nonce: hexEncode(options.nonce),
        ...change,
      };
      return { technology: 'nvidia-gpu', body: base64urlEncode(utf8Encode(JSON.stringify([value]))) };
    },
  };
}

export type FakeNvidia = {
  readonly roots: Roots;
  readonly root: Authority;
  readonly manifestRoot: Authority;
  /** Signer and its issuer. */
  readonly manifestPath: readonly [Authority, Authority];
  readonly gpu: (options?: GpuOptions) => Promise<FakeGpu>;
  readonly manifest: (options: ManifestOptions) => Promise<string>;
  /** Responses that say that each of a path, from the leaf to the last before the root, is good; `change` for the one at a place. */
  readonly ocsp: (
    path: readonly Authority[],
    change?: (index: number) => Partial<OcspOptions>,
  ) => Promise<{ readonly name: string; readonly bytes: Bytes }[]>;
};

function anchor({ der: bytes }: Authority): Roots['nvidia'] & object {
  return readCollateral([{ name: 'root', bytes }]).certificates;
}

/** @param at when OCSP responses are issued; they are good for a day */
export async function fakeNvidia(at: number): Promise<FakeNvidia> {
  const root = await certify(undefined, 'NVIDIA Device Identity CA');
  const manifestRoot = await certify(undefined, 'NVIDIA CoRIM signing Root CA');
  const values = await certify(manifestRoot, 'NVIDIA Reference Value GH100 CA');
  const signer = await certify(values, 'HCC RIM L4 Signer', { extensions: [DIGITAL_SIGNATURE] });
  return {
    roots: { nvidia: anchor(root), 'nvidia-manifest': anchor(manifestRoot) },
    root,
    manifestRoot,
    manifestPath: [signer, values],
    gpu: async (options = {}) => makeGpu(root, options),
    manifest: async (options) =>
      signManifest({
        certificates: [signer, values, manifestRoot].map((one) => one.der),
        pair: signer.key.pair,
        ...options,
      }),
    ocsp: async (path, change = () => ({})) =>
      Promise.all(
        path.slice(0, -1).map(async (one, index) => ({
          name: `${index}.ocsp`,
          bytes: await issueOcspResponse({
            issuer: (path[index + 1] ?? one).key,
            serial: one.serial,
            thisUpdate: at - 3_600_000,
            nextUpdate: at + 86_400_000,
            ...change(index),
          }),
        })),
      ),
  };
}

/** The manifests by which a made-up GPU of the versions that it has by itself measures as released. */
export async function gpuManifests(nvidia: FakeNvidia): Promise<{ driver: string; vbios: string }> {
  const golden = (...indices: number[]) =>
    new Map(indices.map((index) => [index, [fakeMeasurements().get(index) ?? '']] as const));
  return {
    driver: await nvidia.manifest({ version: '590.12', golden: golden(7, 21, 40) }),
    vbios: await nvidia.manifest({ version: '96.00.A5.00.01', golden: golden(0, 1, 2) }),
  };
}
