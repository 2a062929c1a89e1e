// Who signed a token of Azure Attestation: a key of exactly the issuer that the entry names, RS256, by the issuer's key set as the
// verifier fetched it or by a pinned thumbprint. `jku` is never followed. Whether the token tells of an isolated VM or
// container at all is said here, also of a token that is not authentic.
import type { Bytes, JsonObject } from '@sealroom/bytes';
import { collectChecks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { boundBytes, displayed, flagAt, hexAt, objectAt, textAt } from '../jwt/claims.ts';
import { findKeys, noteIssuer, noteSignature, noteTimes, tokenWindow } from '../jwt/verify.ts';
import type { Claims, Context, Verified } from '../types.ts';
import { base64Decode } from '../x509/pem.ts';
import type { MaaEntry } from './entry.ts';
import { hostDataIn, type MaaToken, teeOf } from './parse.ts';

export type MaaClaims = Claims & {
  readonly payload: JsonObject;
  readonly form: 'guest' | 'direct';
  readonly tee: JsonObject;
};

/** Providers issue tokens for eight hours. */
const LONGEST_SECONDS = 28_800;

/**
 * What the client chose: of a VM the nonce of its payload, which the service gives back in Base64; else the member `nonce` of
 * the runtime data whose SHA-256 is the hardware's report data.
 */
function reportDataOf(payload: JsonObject, form: 'guest' | 'direct'): Bytes {
  const runtime = objectAt(payload, 'x-ms-runtime');
  const text = textAt(form === 'guest' ? objectAt(runtime, 'client-payload') : runtime, 'nonce');
  if (text === undefined) return new Uint8Array(32);
  if (form === 'direct') return boundBytes(text);
  try {
    const raw = base64Decode(text);
    return boundBytes(String.fromCharCode(...raw.subarray(0, 1024)));
  } catch (error) {
    if (error instanceof AttestError) return new Uint8Array(32);
    throw error;
  }
}

function platformOf(payload: JsonObject, tee: JsonObject): string {
  const vm = textAt(payload, 'x-ms-azurevm-vmid');
  if (vm !== undefined) return `azure-maa:vm:${vm.toLowerCase()}`;
  const report = textAt(tee, 'x-ms-sevsnpvm-reportid');
  if (report !== undefined) return `azure-maa:report:${report.toLowerCase()}`;
  return `azure-maa:issuer:${textAt(payload, 'iss') ?? ''}`;
}

/** The whole byte of TD attributes counts, as in a quote: the claim beside it speaks of its first bit. */
function mayDebug(tee: JsonObject): boolean {
  return flagAt(tee, 'tdx_td_attributes_debug') !== false || hexAt(tee, 'tdx_td_attributes', 8)?.[0] !== 0;
}

function claimsOf(payload: JsonObject, form: 'guest' | 'direct', tee: JsonObject): MaaClaims {
  const snp = textAt(tee, 'x-ms-attestation-type') === 'sevsnpvm';
  return {
    technology: 'azure-maa',
    hardware: true,
    debug: snp ? flagAt(tee, 'x-ms-sevsnpvm-is-debuggable') !== false : mayDebug(tee),
    launch: textAt(tee, snp ? 'x-ms-sevsnpvm-launchmeasurement' : 'tdx_mrtd') ?? '',
    hostData: hostDataIn(tee),
    reportData: reportDataOf(payload, form),
    platform: platformOf(payload, tee),
    signed: displayed(payload),
    payload,
    form,
    tee,
  };
}

/** Never throws for bad evidence. */
export async function verifyMaa(
  { jwt }: MaaToken,
  entry: MaaEntry,
  context: Context,
): Promise<Verified<MaaClaims>> {
  const checks = collectChecks('azure-maa');
  const found = teeOf(jwt);
  checks.check(
    'isolation',
    'technology',
    found !== undefined && found.form === entry.form,
    `the token tells of a VM or container of SEV-SNP or TDX, in the form ${JSON.stringify(entry.form)}`,
  );
  const { issuer, keys: rule, revocation, maxAgeSeconds } = entry;
  const issued = noteIssuer(checks, jwt, issuer);
  const { keys, used } = await findKeys(checks, jwt.kid, { rule, issuer, context, revocation });
  const signed = await noteSignature(checks, jwt, { keys, algorithm: 'RS256' });
  const timely = noteTimes(checks, jwt, { at: context.at, longest: LONGEST_SECONDS, maxAgeSeconds });
  const authentic = issued && signed && timely && found !== undefined;
  return {
    checks: checks.list,
    claims: authentic ? claimsOf(jwt.payload, found.form, found.tee) : undefined,
    used,
    window: authentic ? tokenWindow(jwt) : undefined,
  };
}
