// An NVIDIA GPU's attestation report, as its drivers give it: the SPDM 1.1 request GET_MEASUREMENTS and the response to it
// (DMTF DSP0274 version 1.1.2, sections 10.11.1 and 10.11.2), signed together by the last 96 bytes. Around it, the JSON of
// NVIDIA's attestation SDK, or the report alone, whose certificates then are collateral. Nothing is authenticated. Not read: reports of NVSwitch.
import {
  type Bytes,
  bytesEqual,
  BytesError,
  hexDecode,
  hexEncode,
  type Json,
  parseStrictJson,
  Reader,
  utf8Decode,
} from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { base64Decode, readPem } from '../x509/pem.ts';

/** The opaque fields that are used, by NVIDIA's numbers (attestation-sdk, gpu_opaque_data_parser.hpp). */
const FIELD = {
  driver: 3,
  vbios: 6,
  nvdec0: 11,
  chipSku: 15,
  project: 17,
  projectSku: 18,
  firmware: 20,
  protectedPcie: 21,
  version: 34,
  chip: 35,
  mode: 36,
} as const;

export const MODES = ['unstated', 'multi-gpu', 'single-gpu', 'protected-pcie'] as const;
export type Mode = (typeof MODES)[number];

/** What a report says; nothing is authenticated. */
export type GpuReport = {
  /** All that the signature covers: request and response up to it. */
  readonly signed: Bytes;
  readonly signature: Bytes;
  /** The requester's, 32 bytes. */
  readonly nonce: Bytes;
  /** 48 bytes each, in hexadecimal; index 0 is SPDM's block 1, as NVIDIA's reference manifests count. */
  readonly measurements: ReadonlyMap<number, string>;
  readonly driver: string;
  /** As NVIDIA writes it: `96.00.5E.00.01`. */
  readonly vbios: string;
  readonly project: string;
  readonly projectSku: string;
  readonly chipSku: string;
  /** As the GPU names its chip, since Blackwell: `GB100`. */
  readonly chip: string | undefined;
  /** Digest of the firmware that made the signing key, in hexadecimal; older drivers do not repeat it here. */
  readonly firmware: string | undefined;
  readonly nvdec0: 'enabled' | 'disabled';
  readonly mode: Mode;
  readonly protectedPcie: boolean | undefined;
};

export type GpuEvidence = {
  readonly report: GpuReport;
  /** Leaf first, as they came; none when the report came alone. */
  readonly certificates: readonly Certificate[];
  /** What stands beside the report, unsigned. */
  readonly stated:
    | {
        readonly architecture: string;
        readonly nonce: string;
        /** As the newer form of the JSON has them. */
        readonly driver: string | undefined;
        readonly vbios: string | undefined;
      }
    | undefined;
};

export const MEASUREMENT_BYTES = 48;
const LARGEST = 256 * 1024;
const LARGEST_REPORT = 16 * 1024;
const SIGNATURE = 96;
const REQUEST = hexDecode('11e001ff');
const RESPONSE = hexDecode('116000');

function malformed(what: string, options?: ErrorOptions): AttestError {
  return new AttestError('attest/malformed', `The GPU’s evidence is malformed: ${what}.`, options);
}

function readMeasurements(bytes: Bytes, count: number): Map<number, string> {
  const reader = new Reader(bytes);
  const measurements = new Map<number, string>();
  let last = 0;
  for (let i = 0; i < count; i++) {
    const index = reader.uint8();
    const dmtf = reader.uint8();
    const size = reader.uintLE(2);
    const raw = reader.uint8() >= 0x80;
    const length = reader.uintLE(2);
    if (index <= last || dmtf !== 1 || raw || length !== MEASUREMENT_BYTES || size !== length + 3)
      throw malformed('a measurement is not a digest of 48 bytes, or out of order');
    last = index;
    measurements.set(index - 1, hexEncode(reader.take(length)));
  }
  reader.end();
  return measurements;
}

function readFields(bytes: Bytes): Map<number, Bytes> {
  const reader = new Reader(bytes);
  const fields = new Map<number, Bytes>();
  while (reader.remaining > 0) {
    const type = reader.uintLE(2);
    if (fields.has(type)) throw malformed('an opaque field stands twice');
    fields.set(type, reader.take(reader.uintLE(2)));
  }
  return fields;
}

function needed(fields: ReadonlyMap<number, Bytes>, type: number): Bytes {
  const found = fields.get(type);
  if (!found || found.length === 0)
    throw malformed('a field that names a GPU is missing, as in reports of NVSwitches, which are not judged');
  return found;
}

/** ASCII with zeros behind it. */
function text(field: Bytes): string {
  const end = field.indexOf(0);
  const kept = end < 0 ? field : field.subarray(0, end);
  const padding = end < 0 ? new Uint8Array() : field.subarray(end);
  if (
    kept.some((byte) => byte < 0x21 || byte > 0x7e) ||
    padding.some((byte) => byte !== 0) ||
    kept.length > 64
  )
    throw malformed('an opaque field is not text');
  return String.fromCharCode(...kept);
}

/** Four bytes of version, little-endian, with the byte behind them last; three zeros follow. */
function vbiosText(field: Bytes): string {
  const [d = 0, c = 0, b = 0, a = 0, e = 0, ...rest] = field;
  if (field.length !== 8 || rest.some((byte) => byte !== 0))
    throw malformed('the VBIOS version has another form');
  return hexEncode(new Uint8Array([a, b, c, d, e]))
    .toUpperCase()
    .replaceAll(/(..)(?=.)/g, '$1.');
}

function flag(field: Bytes | undefined, what: string): boolean | undefined {
  if (!field) return undefined;
  if (field.length !== 1 || (field[0] !== 0x55 && field[0] !== 0xaa))
    throw malformed(`${what} has no known value`);
  return field[0] === 0xaa;
}

function small(field: Bytes): number {
  if (field.length === 0 || field.length > 6) throw malformed('a number is too long');
  return field.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** Since version 1 of the opaque data, the GPU says in which of its confidential modes it is. */
function modeOf(fields: ReadonlyMap<number, Bytes>): Mode {
  const version = fields.get(FIELD.version);
  const mode = fields.get(FIELD.mode);
  if (!version || small(version) < 1) return 'unstated';
  const known = mode && MODES.slice(1)[small(mode)];
  if (!known) throw malformed('the GPU’s mode is not known here');
  return known;
}

/** Takes the report apart. @throws attest/malformed · attest/too-large */
export function parseGpuReport(bytes: Uint8Array): GpuReport {
  if (bytes.length > LARGEST_REPORT)
    throw new AttestError('attest/too-large', 'The GPU’s report is larger than GPUs make them.');
  try {
    const reader = new Reader(bytes);
    if (!bytesEqual(reader.take(4), REQUEST))
      throw malformed('no request for all signed measurements of SPDM 1.1');
    const nonce = reader.take(32);
    const slot = reader.uint8();
    if (!bytesEqual(reader.take(3), RESPONSE) || slot > 7 || reader.uint8() !== slot)
      throw malformed('no response of SPDM 1.1 to that request');
    const count = reader.uint8();
    const measurements = readMeasurements(reader.take(reader.uintLE(3)), count);
    reader.take(32);
    const fields = readFields(reader.take(reader.uintLE(2)));
    const signed = new Uint8Array(bytes.slice(0, reader.offset));
    const signature = reader.take(SIGNATURE);
    // Some drivers (580.95.05) make the length even by a zero behind the signature.
    if (reader.remaining === 1 && bytes.length % 2 === 0 && bytes.at(-1) === 0) reader.take(1);
    reader.end();
    const firmware = fields.get(FIELD.firmware);
    const chip = fields.get(FIELD.chip);
    if (firmware && firmware.length !== MEASUREMENT_BYTES)
      throw malformed('the firmware’s digest has another length');
    return {
      signed,
      signature,
      nonce,
      measurements,
      driver: text(needed(fields, FIELD.driver)),
      vbios: vbiosText(needed(fields, FIELD.vbios)),
      project: text(needed(fields, FIELD.project)),
      projectSku: text(needed(fields, FIELD.projectSku)),
      chipSku: text(needed(fields, FIELD.chipSku)),
      chip: chip && text(chip),
      firmware: firmware && hexEncode(firmware),
      nvdec0: flag(needed(fields, FIELD.nvdec0), 'NVDEC0’s status') ? 'enabled' : 'disabled',
      mode: modeOf(fields),
      protectedPcie: flag(fields.get(FIELD.protectedPcie), 'the status of protected PCIe'),
    };
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed('it ends too early, or too late', { cause });
    throw cause;
  }
}

function objectOf(value: Json | undefined): { readonly [key: string]: Json } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw malformed('not an object of JSON');
  return value as { readonly [key: string]: Json };
}

function fromJson(bytes: Uint8Array): GpuEvidence {
  let value: Json;
  try {
    value = parseStrictJson(bytes);
  } catch (cause) {
    throw malformed('no well-formed JSON', { cause });
  }
  const list = Array.isArray(value) ? (value as readonly Json[]) : [value];
  if (list.length !== 1) throw malformed('give the evidence of each GPU by itself');
  const { arch, certificate, evidence, nonce, ...others } = objectOf(list[0]);
  const { driver_version: driver, vbios_version: vbios, version = '1.0', ...unknown } = others;
  const texts = [arch, certificate, evidence, nonce].every((one) => typeof one === 'string');
  const versions = [driver, vbios].every((one) => one === undefined || typeof one === 'string');
  if (!texts || !versions || version !== '1.0' || Object.keys(unknown).length > 0)
    throw malformed('its members are not arch, certificate, evidence and nonce, with versions or without');
  return {
    report: parseGpuReport(base64Decode(evidence as string)),
    certificates: readChain(base64Decode(certificate as string)),
    stated: {
      architecture: (arch as string).toLowerCase(),
      nonce: (nonce as string).toLowerCase(),
      driver: driver as string | undefined,
      vbios: (vbios as string | undefined)?.toUpperCase(),
    },
  };
}

function readChain(pem: Bytes): Certificate[] {
  let blocks;
  try {
    blocks = readPem(utf8Decode(pem));
  } catch (cause) {
    if (cause instanceof AttestError || cause instanceof BytesError)
      throw malformed('the certificates are no PEM', { cause });
    throw cause;
  }
  if (blocks.length === 0 || blocks.length > 8 || blocks.some(({ label }) => label !== 'CERTIFICATE'))
    throw malformed('one to eight certificates come with it');
  return blocks.map((block) => parseCertificate(block.bytes));
}

/** Cheap: whether the bytes begin as either form does. */
export function looksLikeGpu(bytes: Uint8Array): boolean {
  if (bytesEqual(bytes.subarray(0, REQUEST.length), REQUEST)) return true;
  const start = String.fromCharCode(...bytes.subarray(0, 4096));
  return /^\s*(?:\[\s*)?\{\s*"(?:arch|certificate|evidence|nonce|driver_version|vbios_version|version"\s*:\s*"1\.0)"/.test(
    start,
  );
}

/** Either form. @throws attest/malformed · attest/too-large · attest/bad-certificate */
export function parseGpuEvidence(bytes: Uint8Array): GpuEvidence {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The GPU’s evidence is larger than GPUs make it.');
  if (bytes[0] !== REQUEST[0]) return fromJson(bytes);
  return { report: parseGpuReport(bytes), certificates: [], stated: undefined };
}
