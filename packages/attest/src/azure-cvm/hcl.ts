// Azure's HCL report, as the guest reads it from the TPM's memory at 0x01400001: a header, the hardware's report that the
// paravisor asked for, and the paravisor's claims in JSON, whose SHA-256 the hardware's report data holds. The claims name the
// TPM's attestation key and the configuration of the machine. Nothing is authenticated here.
import { base64urlDecode, type Bytes, BytesError, parseStrictJson, Reader } from '@sealroom/bytes';
import { z } from 'zod';
import { AttestError } from '../error.ts';
import { spkiOfRsa } from '../x509/signature.ts';

export type HardwareName = 'sev-snp' | 'tdx';

export type HclReport = {
  readonly hardware: HardwareName;
  /** SNP: the report, 1184 bytes. TDX: a TDREPORT that only the same processor can check; the quote comes apart from it. */
  readonly report: Bytes;
  /** The paravisor's claims exactly as they are hashed. */
  readonly runtime: Bytes;
  readonly claims: RuntimeClaims;
};

export type RuntimeClaims = {
  /** SubjectPublicKeyInfo of the attestation key. */
  readonly ak: Bytes;
  readonly secureBoot: boolean;
  readonly tpmEnabled: boolean;
  readonly consoleEnabled: boolean;
  readonly vmUniqueId: string;
};

export const SNP_REPORT = 1184;
const MAGIC = 0x48434c41; // HCLA
const RUNTIME_HEADER = 20;
const LARGEST = 64 * 1024;
const TYPES: ReadonlyMap<number, HardwareName> = new Map([
  [2, 'sev-snp'],
  [4, 'tdx'],
]);
const SHA256 = 1;
const REPORT_REQUEST = 2;
/** Of REPORTDATA in a TDREPORT (Intel TDX Module ABI, REPORTMACSTRUCT). */
const TD_REPORT_DATA = 128;
const SNP_HOST_DATA = 0xc0;

function malformed(why: string, cause?: unknown): AttestError {
  return new AttestError('attest/malformed', `The HCL report is malformed: ${why}.`, { cause });
}

const key = z.looseObject({ kid: z.string(), kty: z.string(), e: z.string(), n: z.string() });
const runtimeSchema = z.looseObject({
  keys: z.array(key).min(1).max(16),
  'vm-configuration': z.looseObject({
    'secure-boot': z.boolean(),
    'tpm-enabled': z.boolean(),
    'console-enabled': z.boolean(),
    vmUniqueId: z.string().max(100),
  }),
});

function claimsOf(runtime: Bytes): RuntimeClaims {
  let value: unknown;
  try {
    value = parseStrictJson(runtime);
  } catch (cause) {
    throw malformed('its claims are not well-formed JSON', cause);
  }
  const read = runtimeSchema.safeParse(value);
  if (!read.success) throw malformed('its claims lack a key or the configuration of the machine');
  const { keys, 'vm-configuration': machine } = read.data;
  const [ak, ...more] = keys.filter(({ kid }) => kid === 'HCLAkPub');
  if (ak?.kty !== 'RSA' || ak.e !== 'AQAB' || more.length > 0)
    throw malformed('its claims do not name exactly one RSA attestation key with exponent 65537');
  return {
    ak: spkiOfRsa(base64urlDecode(ak.n)),
    secureBoot: machine['secure-boot'],
    tpmEnabled: machine['tpm-enabled'],
    consoleEnabled: machine['console-enabled'],
    vmUniqueId: machine.vmUniqueId,
  };
}

/** Header (32 bytes), hardware report (1184), header of the claims (20), claims; zeros may follow. Little-endian. */
function parse(bytes: Uint8Array): HclReport {
  const reader = new Reader(bytes);
  if (reader.uintBE(4) !== MAGIC) throw malformed('it does not begin with HCLA');
  const version = reader.uintLE(4);
  const size = reader.uintLE(4);
  const request = reader.uintLE(4);
  const status = reader.uintLE(4);
  const reserved = reader.take(12);
  if (version < 1 || version > 2 || request !== REPORT_REQUEST || status !== 0 || reserved.some(Boolean))
    throw malformed('its header is of a version or kind that is not known here');
  const report = reader.take(SNP_REPORT);
  const start = reader.offset;
  const dataSize = reader.uintLE(4);
  const claimsVersion = reader.uintLE(4);
  const hardware = TYPES.get(reader.uintLE(4));
  const hash = reader.uintLE(4);
  const length = reader.uintLE(4);
  if (claimsVersion !== 1 || !hardware || hash !== SHA256)
    throw malformed('its claims are of a version, hardware or hash that is not known here');
  if (dataSize !== RUNTIME_HEADER + length || size !== start + dataSize)
    throw malformed('its lengths do not agree');
  const runtime = reader.take(length);
  if (reader.take(reader.remaining).some(Boolean)) throw malformed('bytes follow its end');
  return { hardware, report, runtime, claims: claimsOf(runtime) };
}

/** @throws attest/malformed · attest/too-large */
export function parseHclReport(bytes: Uint8Array): HclReport {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'The HCL report is larger than the memory it is read from.');
  try {
    return parse(bytes);
  } catch (cause) {
    if (cause instanceof BytesError)
      throw malformed('it is cut short, or a key in it is no Base64url', cause);
    throw cause;
  }
}

/** What the TDREPORT beside the claims was made over, which must be what the quote says. */
export function tdReportData({ report }: HclReport): Bytes {
  return new Uint8Array(report.slice(TD_REPORT_DATA, TD_REPORT_DATA + 64));
}

/** HOST_DATA of an SNP report. */
export function snpHostData({ report }: HclReport): Uint8Array {
  return report.subarray(SNP_HOST_DATA, SNP_HOST_DATA + 32);
}

/** Whether bytes begin as an HCL report does. */
export function looksLikeHcl(bytes: Uint8Array): boolean {
  return bytes.length > SNP_REPORT && new Reader(bytes.slice(0, 4)).uintBE(4) === MAGIC;
}
