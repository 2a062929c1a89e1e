// What Azure's metadata service gives a confidential VM about its own hardware: on SEV-SNP the certificates of its chip, on TDX a
// quote over a TDREPORT (as Azure's confidential VM guest attestation and kinvolk/azure-cvm-tooling ask for them). Nothing of it is
// believed here: who judges the evidence verifies all of it.
import { AttestError, readCollateral } from '@sealroom/attest';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  BytesError,
  parseStrictJson,
  utf8Encode,
} from '@sealroom/bytes';
import { askHttp, type HttpAnswer } from './ask-http.ts';
import { ProviderError } from './error.ts';

/** Link-local and the same on every virtual machine; plain HTTP, for it does not leave the machine. */
export const AZURE_METADATA = 'http://169.254.169.254';

export type AzureMetadataOptions = {
  /** Origin of the service; for tests. */
  readonly origin?: string;
  readonly timeoutMs?: number;
};

export type AzureMetadata = {
  /** Of the chip and, where given, of its authorities; DER, the chip's first. @throws ProviderError */
  vcek(): Promise<readonly Bytes[]>;
  /** @param tdReport TDREPORT_STRUCT, 1024 bytes @throws ProviderError */
  tdQuote(tdReport: Uint8Array): Promise<Bytes>;
};

const WHO = 'Azure’s metadata service';
const LARGEST = 256 * 1024;

function malformed(cause?: unknown): ProviderError {
  return new ProviderError('provider/malformed', `${WHO} answered in another form than it should.`, {
    cause,
  });
}

function textAt({ text }: HttpAnswer, name: string): string {
  try {
    const value = parseStrictJson(text, { fractions: true });
    const found =
      value instanceof Object && !Array.isArray(value) ? (value as Record<string, unknown>)[name] : '';
    if (typeof found === 'string' && found !== '') return found;
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause);
    throw cause;
  }
  throw malformed();
}

function bytesOf(base64url: string): Bytes {
  try {
    const found = base64urlDecode(base64url.replace(/={1,2}$/, ''));
    if (found.length > 0) return found;
  } catch (cause) {
    if (cause instanceof BytesError) throw malformed(cause);
    throw cause;
  }
  throw malformed();
}

function certificatesIn(pem: string): Bytes[] {
  try {
    const { certificates } = readCollateral([{ name: 'certificates', bytes: utf8Encode(pem) }]);
    return certificates.map(({ der }) => der);
  } catch (cause) {
    if (cause instanceof AttestError) throw malformed(cause);
    throw cause;
  }
}

/** The service of the machine that this runs on. */
export function azureMetadata({
  origin = AZURE_METADATA,
  timeoutMs = 30_000,
}: AzureMetadataOptions = {}): AzureMetadata {
  const { hostname: host, port } = new URL(origin);
  const ask = async (method: string, path: string, body?: string) => {
    const answer = await askHttp({
      who: WHO,
      where: { host, port, path, method },
      headers: { Metadata: 'true', accept: 'application/json' },
      ...(body !== undefined && { body }),
      largest: LARGEST,
      timeoutMs,
    });
    if (answer.status === 200) return answer;
    throw new ProviderError('provider/refused', `${WHO} refused (status ${answer.status}).`);
  };
  return {
    async vcek() {
      const answer = await ask('GET', '/metadata/THIM/amd/certification');
      const found = certificatesIn(`${textAt(answer, 'vcekCert')}\n${textAt(answer, 'certificateChain')}`);
      if (found.length === 0) throw malformed();
      return found;
    },
    async tdQuote(tdReport) {
      const body = JSON.stringify({ report: base64urlEncode(new Uint8Array(tdReport)) });
      return bytesOf(textAt(await ask('POST', '/acc/tdquote', body), 'quote'));
    },
  };
}
