// Evidence of a TPM 2.0: extends the run register once with SHA-256 of the manifest, reads registers, and quotes them over B with
// the attestation key. Three kinds of key: a persistent one (Azure's 0x81000003, whose HCL report then makes it evidence of an Azure
// confidential VM), one made from a template in the TPM's memory (Google's), and one made from this project's template.
import type { Evidence, RoomTechnology } from '@sealroom/attest';
import { base64urlEncode, type Bytes, bytesEqual, canonicalBytes, hexEncode, sha256 } from '@sealroom/bytes';
import { ProviderError } from '../error.ts';
import type { EvidenceProvider } from '../provider.ts';
import {
  AK_TEMPLATE,
  createPrimary,
  flushContext,
  HANDLE,
  nvRead,
  pcrExtend,
  pcrRead,
  quote,
  readPublic,
} from './commands.ts';
import type { TpmTransport } from './transport.ts';

/** Where clouds keep what a guest needs. */
export const PLACES = {
  azure: { report: 0x0140_0001, key: 0x8100_0003, certificate: 0x01c1_01d0 },
  google: { certificate: 0x01c1_0000, template: 0x01c1_0001 },
} as const;

/** Registers that are quoted: all that firmware and boot loader fill and that nothing resets. */
const QUOTED = Array.from({ length: 16 }, (_, index) => index);
const RUN_REGISTER = 13;

export type Tpm2Options = {
  /** Opens the TPM; it is closed after each use. */
  readonly open: () => Promise<TpmTransport>;
  /** A persistent attestation key instead of what is found. */
  readonly keyHandle?: number;
  /** The register that is extended with the manifest, 8 to 15; null where the evidence names no run. */
  readonly runRegister?: number | null;
  /** Azure, SNP: certificates for the hardware's report, DER, as the instance's metadata service gives them, where it does. */
  readonly vcek?: () => Promise<readonly Uint8Array[]>;
  /** Azure, TDX: the quote over a TDREPORT, as the instance's metadata service gives it. */
  readonly tdQuote?: (tdReport: Uint8Array) => Promise<Uint8Array>;
};

async function withTpm<T>(open: Tpm2Options['open'], body: (tpm: TpmTransport) => Promise<T>): Promise<T> {
  const tpm = await open();
  try {
    return await body(tpm);
  } finally {
    await tpm.close();
  }
}

/** Extends the register unless it holds the run already; one that holds anything else cannot name a run any more. */
async function extendOnce(tpm: TpmTransport, register: number, run: Uint8Array): Promise<void> {
  const wanted = await sha256(new Uint8Array(32), run);
  const value = (await pcrRead(tpm, [register])).get(register);
  if (value && bytesEqual(value, wanted)) return;
  if (!value || value.some((byte) => byte !== 0))
    throw new ProviderError(
      'provider/refused',
      `Register ${register} holds something else than this run; start the machine anew, or name another register.`,
    );
  await pcrExtend(tpm, register, run);
}

type Key = {
  readonly handle: number;
  readonly publicArea: Bytes;
  readonly certificate: Bytes | undefined;
  readonly done: () => Promise<void>;
};

async function made(
  tpm: TpmTransport,
  hierarchy: number,
  template: Uint8Array,
): Promise<Omit<Key, 'certificate'>> {
  const { handle, publicArea } = await createPrimary(tpm, hierarchy, template);
  return { handle, publicArea, done: () => flushContext(tpm, handle) };
}

async function keyOf(tpm: TpmTransport, { keyHandle }: Tpm2Options): Promise<Key> {
  const google = await nvRead(tpm, PLACES.google.template);
  if (keyHandle === undefined && google) {
    const certificate = await nvRead(tpm, PLACES.google.certificate);
    return { ...(await made(tpm, HANDLE.endorsement, google)), certificate };
  }
  const handle = keyHandle ?? PLACES.azure.key;
  const publicArea = await readPublic(tpm, handle);
  if (publicArea) {
    const certificate = await nvRead(tpm, PLACES.azure.certificate);
    return { handle, publicArea, certificate, done: async () => undefined };
  }
  if (keyHandle !== undefined)
    throw new ProviderError('provider/unavailable', `The TPM has no key at 0x${keyHandle.toString(16)}.`);
  return { ...(await made(tpm, HANDLE.endorsement, AK_TEMPLATE)), certificate: undefined };
}

const ATTEMPTS = 5;

/** Registers and a quote over them; read again when something was extended in between. */
async function quoted(tpm: TpmTransport, key: number, nonce: Uint8Array) {
  for (let left = ATTEMPTS; left > 0; left -= 1) {
    const before = await pcrRead(tpm, QUOTED);
    const signed = await quote(tpm, key, { nonce, indices: QUOTED });
    const after = await pcrRead(tpm, QUOTED);
    const same = QUOTED.every(
      (index) => hexEncode(before.get(index) ?? nonce) === hexEncode(after.get(index) ?? nonce),
    );
    if (!same) continue;
    const values = Object.fromEntries([...after].map(([index, value]) => [String(index), hexEncode(value)]));
    return {
      quote: { message: base64urlEncode(signed.message), signature: base64urlEncode(signed.signature) },
      pcrs: { bank: 'sha256', values },
    };
  }
  throw new ProviderError('provider/busy', 'The TPM’s registers change all the time; no quote came of it.');
}

/** Whether the hardware's report in an HCL report is of TDX: its kind stands behind the report. */
function isTdx(hcl: Uint8Array): boolean {
  return hcl[32 + 1184 + 8] === 4;
}

async function azureMembers(hcl: Uint8Array, { vcek, tdQuote }: Tpm2Options): Promise<object> {
  const hclReport = base64urlEncode(hcl);
  if (!isTdx(hcl)) {
    // Whoever judges the evidence can have them from AMD too.
    const certificates = (await vcek?.().catch(() => undefined)) ?? [];
    return { hclReport, ...(certificates.length > 0 && { vcek: certificates.map(base64urlEncode) }) };
  }
  if (!tdQuote)
    throw new ProviderError(
      'provider/unavailable',
      'This machine is a TDX guest of Azure, and nothing was given that asks for its quote.',
    );
  return { hclReport, tdQuote: base64urlEncode(await tdQuote(hcl.subarray(32, 32 + 1024))) };
}

/** Which technology the TPM gives evidence of: an Azure confidential VM has an HCL report. @throws ProviderError */
export async function tpmTechnology(options: Pick<Tpm2Options, 'open'>): Promise<RoomTechnology> {
  const report = await withTpm(options.open, (tpm) => nvRead(tpm, PLACES.azure.report));
  return report ? 'azure-cvm' : 'tpm';
}

async function evidenceOf(
  tpm: TpmTransport,
  options: Tpm2Options,
  { reportData, hostData }: { reportData: Uint8Array; hostData: Uint8Array },
): Promise<Evidence> {
  const { runRegister = RUN_REGISTER } = options;
  if (runRegister !== null) await extendOnce(tpm, runRegister, hostData);
  const hcl = await nvRead(tpm, PLACES.azure.report);
  const key = await keyOf(tpm, options);
  try {
    const signed = await quoted(tpm, key.handle, reportData);
    const own = key.certificate
      ? { akCertificates: [base64urlEncode(key.certificate)] }
      : { ak: base64urlEncode(key.publicArea) };
    const members = hcl ? await azureMembers(hcl, options) : own;
    const body = base64urlEncode(canonicalBytes({ v: 1, ...signed, ...members }));
    return { technology: hcl ? 'azure-cvm' : 'tpm', body };
  } finally {
    await key.done();
  }
}

/** @throws ProviderError */
export async function tpm2(options: Tpm2Options): Promise<EvidenceProvider> {
  const { runRegister = RUN_REGISTER } = options;
  if (runRegister !== null && (runRegister < 8 || runRegister > 15))
    throw new ProviderError(
      'provider/refused',
      'The run register must be one of 8 to 15, which nothing resets.',
    );
  const technology = await tpmTechnology(options);
  return {
    name: 'tpm2',
    technology,
    provide: (reportData, hostData) =>
      withTpm(options.open, (tpm) => evidenceOf(tpm, options, { reportData, hostData })),
  };
}
