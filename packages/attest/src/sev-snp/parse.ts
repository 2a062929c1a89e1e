// SEV-SNP evidence: the report alone; the report and the certificate table of the GHCB extended report behind it (what Linux
// gives as outblob and auxblob); or Azure Container Instances' JSON with a report and its certificates as PEM in Base64. Such
// certificates come from the host: they are candidates and prove nothing. Not read: ACI's endorsement of its own firmware.
import { parseStrictJson, BytesError, utf8Decode } from '@sealroom/bytes';
import { AttestError } from '../error.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { base64Decode, readPem } from '../x509/pem.ts';
import { looksLikeReport, parseSnpReport, REPORT_SIZE, type SnpReport } from './report.ts';
import { readCertificateTable } from './table.ts';

export type SnpEvidence = {
  readonly report: SnpReport;
  /** Certificates that came beside the report. */
  readonly certificates: readonly Certificate[];
};

const LARGEST = 256 * 1024;
const OPEN_BRACE = 0x7b;

/** Certificates that were parsed lately, by their bytes: the same ones come with every report of a machine. */
const lately = new Map<string, Certificate>();
const MOST = 64;

function keptCertificate(der: Uint8Array): Certificate {
  let key = '';
  for (const byte of der) key += String.fromCharCode(byte);
  const known = lately.get(key);
  if (known) return known;
  const certificate = parseCertificate(der);
  const [oldest] = lately.keys();
  if (lately.size >= MOST && oldest !== undefined) lately.delete(oldest);
  lately.set(key, certificate);
  return certificate;
}

const ACI_MEMBERS: ReadonlySet<string> = new Set([
  'evidence',
  'endorsements',
  'endorsed_tcb',
  'uvm_endorsements',
]);

function parseAci(bytes: Uint8Array): SnpEvidence {
  let members: { readonly [name: string]: unknown };
  try {
    const value = parseStrictJson(utf8Decode(bytes));
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('no object');
    members = value as { readonly [name: string]: unknown };
  } catch (cause) {
    throw new AttestError('attest/malformed', 'The evidence is not well-formed JSON.', { cause });
  }
  const { evidence, endorsements } = members;
  const known = Object.entries(members).every(
    ([name, value]) => ACI_MEMBERS.has(name) && typeof value === 'string',
  );
  if (typeof evidence !== 'string' || typeof endorsements !== 'string' || !known)
    throw new AttestError(
      'attest/malformed',
      'The JSON is not SEV-SNP evidence of Azure Container Instances.',
    );
  const blocks = readPem(asciiOf(base64Decode(endorsements)));
  return {
    report: parseSnpReport(base64Decode(evidence)),
    certificates: blocks.map(({ bytes: der }) => keptCertificate(der)),
  };
}

function asciiOf(bytes: Uint8Array): string {
  try {
    return utf8Decode(bytes);
  } catch (cause) {
    throw new AttestError('attest/malformed', 'The certificates beside the report are not PEM.', { cause });
  }
}

/** Takes evidence apart; nothing is authenticated. @throws attest/malformed · attest/too-large */
export function parseSnpEvidence(bytes: Uint8Array): SnpEvidence {
  if (bytes.length > LARGEST)
    throw new AttestError('attest/too-large', 'SEV-SNP evidence is never larger than 256 KiB.');
  try {
    if (bytes[0] === OPEN_BRACE) return parseAci(bytes);
    const report = parseSnpReport(bytes.subarray(0, REPORT_SIZE));
    const certificates = readCertificateTable(bytes.subarray(REPORT_SIZE)).map(keptCertificate);
    return { report, certificates };
  } catch (error) {
    if (error instanceof AttestError && error.code !== 'attest/bad-certificate') throw error;
    if (!(error instanceof AttestError || error instanceof BytesError)) throw error;
    throw new AttestError('attest/malformed', 'A certificate beside the report is malformed.', {
      cause: error,
    });
  }
}

/** Whether bytes look like evidence of this technology. */
export function looksLikeSnp(bytes: Uint8Array): boolean {
  if (bytes[0] !== OPEN_BRACE) return looksLikeReport(bytes);
  if (bytes.length > LARGEST) return false;
  try {
    parseAci(bytes);
    return true;
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}
