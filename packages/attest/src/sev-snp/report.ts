// The attestation report of AMD SEV-SNP, versions 2 to 5: 1184 bytes, little-endian (AMD SEV-SNP Firmware ABI, document 56860,
// ATTESTATION_REPORT). What is reserved must be zero, also behind the signature, which is not signed itself. Unknown bits of
// PLATFORM_INFO are kept: real processors set some before they are documented. Nothing here is authenticated.
import { type Bytes, bytesEqual, concat, isZero } from '@sealroom/bytes';
import { AttestError } from '../error.ts';

export const REPORT_SIZE = 1184;
const SIGNED_SIZE = 0x2a0;
/** The cell of an ECDSA integer, of which a P-384 one fills the low 48. */
const CELL = 72;
const P384 = 48;

/** The guest policy's bits, by the names that policies use. */
export const GUEST_BITS = {
  smt: 16,
  'migration-agent': 18,
  debug: 19,
  'single-socket': 20,
  cxl: 21,
  'aes-256-xts': 22,
  'rapl-disabled': 23,
  'ciphertext-hiding': 24,
  'page-swap-disabled': 25,
} as const;
export type GuestBit = keyof typeof GUEST_BITS;

/** PLATFORM_INFO's documented bits. */
export const PLATFORM_BITS = {
  smt: 0,
  tsme: 1,
  ecc: 2,
  'rapl-disabled': 3,
  'ciphertext-hiding': 4,
  'alias-check-complete': 5,
  tio: 7,
} as const;
export type PlatformBit = keyof typeof PLATFORM_BITS;

export type FirmwareVersion = { readonly major: number; readonly minor: number; readonly build: number };

export type SnpReport = {
  /** The bytes under the signature, as they stand. */
  readonly signed: Bytes;
  /** r and s, 48 bytes each, big-endian. */
  readonly signature: Bytes;
  readonly version: number;
  readonly guestSvn: number;
  readonly minimumAbi: { readonly major: number; readonly minor: number };
  readonly guestBits: ReadonlySet<GuestBit>;
  readonly familyId: Bytes;
  readonly imageId: Bytes;
  readonly vmpl: number;
  readonly platformInfo: bigint;
  readonly platformBits: ReadonlySet<PlatformBit>;
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  /** 0 = VCEK, 1 = VLEK, 7 = none. */
  readonly signingKey: number;
  readonly reportData: Bytes;
  readonly measurement: Bytes;
  readonly hostData: Bytes;
  readonly idKeyDigest: Bytes;
  readonly authorKeyDigest: Bytes;
  readonly reportId: Bytes;
  readonly reportIdMigrationAgent: Bytes;
  /** CPUID family, model and stepping; undefined in version 2, which does not have them. */
  readonly processor:
    | { readonly family: number; readonly model: number; readonly stepping: number }
    | undefined;
  readonly chipId: Bytes;
  /** Eight bytes each, whose layout depends on the product: products.ts. */
  readonly tcb: {
    readonly current: Bytes;
    readonly reported: Bytes;
    readonly committed: Bytes;
    readonly launch: Bytes;
  };
  readonly current: FirmwareVersion;
  readonly committed: FirmwareVersion;
  /** Bits of mitigations that were in force; 0 before version 5. */
  readonly mitigations: { readonly launch: bigint; readonly current: bigint };
};

function refuse(what: string): AttestError {
  return new AttestError('attest/malformed', `This is no SEV-SNP report of versions 2 to 5: ${what}.`);
}

/** r and s as WebCrypto wants them. @throws attest/malformed */
function signatureOf(area: Uint8Array): Bytes {
  const [r, s] = [area.subarray(0, CELL), area.subarray(CELL, 2 * CELL)];
  const beyond = [r.subarray(P384), s.subarray(P384), area.subarray(2 * CELL)];
  if (!beyond.every(isZero)) throw refuse('there are bytes beside the signature');
  if (isZero(r) && isZero(s)) throw refuse('it is not signed');
  return concat(r.slice(0, P384).reverse(), s.slice(0, P384).reverse());
}

/** Of names whose bits are all among the lower 32. */
function bitsOf<B extends string>(value: bigint, names: Readonly<Record<B, number>>): ReadonlySet<B> {
  const low = Number(value & 0xffff_ffffn);
  return new Set((Object.keys(names) as B[]).filter((name) => ((low >>> names[name]) & 1) === 1));
}

/** What must be zero in every version, and by version. */
function checkReserved(report: Uint8Array, version: number): void {
  const zero = (from: number, to: number) => {
    if (!isZero(report.subarray(from, to))) throw refuse(`reserved bytes at ${from} are not zero`);
  };
  zero(0x4c, 0x50);
  zero(version < 3 ? 0x188 : 0x18b, 0x1a0);
  zero(0x1eb, 0x1ec);
  zero(0x1ef, 0x1f0);
  zero(version < 5 ? 0x1f8 : 0x208, SIGNED_SIZE);
}

function firmwareAt(report: Uint8Array, at: number): FirmwareVersion {
  return { build: report[at] ?? 0, minor: report[at + 1] ?? 0, major: report[at + 2] ?? 0 };
}

function policyOf(policy: bigint): Pick<SnpReport, 'minimumAbi' | 'guestBits'> {
  if (((policy >> 17n) & 1n) !== 1n) throw refuse('bit 17 of the guest policy is not set');
  if (policy >> 26n !== 0n) throw refuse('reserved bits of the guest policy are set');
  return {
    minimumAbi: { minor: Number(policy & 0xffn), major: Number((policy >> 8n) & 0xffn) },
    guestBits: bitsOf(policy, GUEST_BITS),
  };
}

/** Takes exactly one report apart; its fields are views of one copy. Nothing is authenticated. @throws attest/malformed */
export function parseSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== REPORT_SIZE) throw refuse(`it has ${bytes.length} bytes and not ${REPORT_SIZE}`);
  const report = new Uint8Array(bytes);
  const view = new DataView(report.buffer);
  const field = (at: number, length: number) => report.subarray(at, at + length);
  const version = view.getUint32(0, true);
  if (version < 2 || version > 5) throw refuse(`its version is ${version}`);
  if (view.getUint32(0x34, true) !== 1) throw refuse('its signature is not ECDSA with P-384 and SHA-384');
  const flags = view.getUint32(0x48, true);
  if (flags >>> 5 !== 0) throw refuse('reserved flags are set');
  checkReserved(report, version);
  const platformInfo = view.getBigUint64(0x40, true);
  return {
    signed: field(0, SIGNED_SIZE),
    signature: signatureOf(report.subarray(SIGNED_SIZE)),
    version,
    guestSvn: view.getUint32(0x04, true),
    ...policyOf(view.getBigUint64(0x08, true)),
    familyId: field(0x10, 16),
    imageId: field(0x20, 16),
    vmpl: view.getUint32(0x30, true),
    platformInfo,
    platformBits: bitsOf(platformInfo, PLATFORM_BITS),
    authorKeyEnabled: (flags & 1) === 1,
    chipKeyMasked: (flags & 2) === 2,
    signingKey: (flags >>> 2) & 7,
    reportData: field(0x50, 64),
    measurement: field(0x90, 48),
    hostData: field(0xc0, 32),
    idKeyDigest: field(0xe0, 48),
    authorKeyDigest: field(0x110, 48),
    reportId: field(0x140, 32),
    reportIdMigrationAgent: field(0x160, 32),
    processor:
      version < 3
        ? undefined
        : { family: report[0x188] ?? 0, model: report[0x189] ?? 0, stepping: report[0x18a] ?? 0 },
    chipId: field(0x1a0, 64),
    tcb: {
      current: field(0x38, 8),
      reported: field(0x180, 8),
      committed: field(0x1e0, 8),
      launch: field(0x1f0, 8),
    },
    current: firmwareAt(report, 0x1e8),
    committed: firmwareAt(report, 0x1ec),
    mitigations: { launch: view.getBigUint64(0x1f8, true), current: view.getBigUint64(0x200, true) },
  };
}

/** Whether bytes begin as a report does. */
export function looksLikeReport(bytes: Uint8Array): boolean {
  if (bytes.length < REPORT_SIZE) return false;
  const head = bytes.slice(0, 0x50);
  const view = new DataView(head.buffer);
  const version = view.getUint32(0, true);
  const rest = bytesEqual(head.subarray(0x4c, 0x50), new Uint8Array(4));
  return version >= 2 && version <= 5 && view.getUint32(0x34, true) === 1 && rest;
}
