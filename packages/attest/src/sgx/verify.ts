// Who signed an SGX quote, and what Intel says of its platform.
import { type Bytes, hexEncode } from '@sealroom/bytes';
import { type IntelClaims, platformClaims, platformName } from '../intel/entry.ts';
import type { SgxReport } from '../intel/report.ts';
import { converge, platformRating, qeRating } from '../intel/tcb.ts';
import { type VerifiedQuote, verifyQuote } from '../intel/verify.ts';
import type { Claims, Context, Verified } from '../types.ts';
import type { SgxEntry } from './entry.ts';
import type { SgxQuote } from './parse.ts';

export type SgxClaims = Claims & { readonly report: SgxReport; readonly intel: IntelClaims };

function tcbOf({ platform, qeReport, tcbInfo, qeIdentity }: VerifiedQuote): IntelClaims['tcb'] {
  if (!platform || !qeReport || !qeIdentity || tcbInfo?.id !== 'SGX') return undefined;
  const level = platformRating(tcbInfo, platform, undefined);
  const qe = qeRating(qeIdentity, qeReport);
  return {
    level,
    module: undefined,
    qe,
    rating: level && qe && converge([level, qe]),
    evaluationNumber: Math.min(tcbInfo.tcbEvaluationDataNumber, qeIdentity.tcbEvaluationDataNumber),
  };
}

function signedClaims(report: SgxReport, intel: IntelClaims): Claims['signed'] {
  const text = Object.entries(report).map(([name, value]: [string, Bytes | number]) => [
    name,
    typeof value === 'number' ? value : hexEncode(value),
  ]);
  // The report's CPUSVN is the enclave's own; the one of the PCK certificate has a name of its own.
  const { cpuSvn: pckCpuSvn, ...platform } = platformClaims(intel);
  return { ...platform, ...Object.fromEntries(text), pckCpuSvn: pckCpuSvn ?? '' };
}

export async function verifySgx(
  { quote, report }: SgxQuote,
  { revocation }: Pick<SgxEntry, 'revocation'>,
  context: Context,
): Promise<Verified<SgxClaims>> {
  const verified = await verifyQuote(quote, 'sgx', { revocation, context });
  const { checks, used, platform } = verified;
  if (!platform) return { checks, used, claims: undefined };
  const intel: IntelClaims = { platform, tcb: tcbOf(verified) };
  const claims: SgxClaims = {
    technology: 'sgx',
    hardware: true,
    debug: ((report.attributes[0] ?? 2) & 2) !== 0,
    launch: hexEncode(report.mrEnclave),
    hostData: report.configId,
    reportData: report.reportData,
    platform: platformName('sgx', platform),
    signed: signedClaims(report, intel),
    report,
    intel,
  };
  return { checks, used, claims };
}
