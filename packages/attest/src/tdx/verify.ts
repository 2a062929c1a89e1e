// Who signed a TDX quote, and what Intel says of its platform and TDX module.
import { type Bytes, bytesEqual, concat, hexEncode } from '@sealroom/bytes';
import { type IntelClaims, platformClaims, platformName } from '../intel/entry.ts';
import { converge, moduleRating, platformRating, qeRating, type Module } from '../intel/tcb.ts';
import { type VerifiedQuote, verifyQuote } from '../intel/verify.ts';
import type { Claims, Context, Verified } from '../types.ts';
import type { TdxEntry } from './entry.ts';
import type { TdReport, TdxQuote } from './parse.ts';

export type TdxClaims = Claims & { readonly report: TdReport; readonly intel: IntelClaims };

/** What identifies the code: MRTD, then the four registers. */
export function launchOf({ mrTd, rtmr }: TdReport): string {
  return [mrTd, ...rtmr].map(hexEncode).join(':');
}

function modulesOf({ teeTcbSvn, mrSignerSeam, seamAttributes, later }: TdReport): Module[] {
  const module = { mrSigner: mrSignerSeam, attributes: seamAttributes };
  const svns =
    later && !bytesEqual(later.teeTcbSvn2, teeTcbSvn) ? [teeTcbSvn, later.teeTcbSvn2] : [teeTcbSvn];
  return svns.map((svn) => ({ ...module, svn }));
}

/** The TDX module at launch is the one that is measured; a later one that runs now must be rated as well. */
function tcbOf(report: TdReport, verified: VerifiedQuote): IntelClaims['tcb'] {
  const { platform, qeReport, tcbInfo, qeIdentity } = verified;
  if (!platform || !qeReport || !qeIdentity || tcbInfo?.id !== 'TDX') return undefined;
  const level = platformRating(tcbInfo, platform, report.teeTcbSvn);
  const modules = modulesOf(report).map((module) => moduleRating(tcbInfo, module));
  const genuine = modules.every((one) => one.genuine);
  const ratings = modules.flatMap(({ rating }) => rating ?? []);
  const rating = ratings.length === modules.length ? converge(ratings) : undefined;
  const qe = qeRating(qeIdentity, qeReport);
  return {
    level,
    module: { genuine, rating },
    qe,
    rating: level && rating && qe && converge([level, rating, qe]),
    evaluationNumber: Math.min(tcbInfo.tcbEvaluationDataNumber, qeIdentity.tcbEvaluationDataNumber),
  };
}

function signedClaims(report: TdReport, intel: IntelClaims): Claims['signed'] {
  const { rtmr, later, extended } = report;
  const bytes: { readonly [name: string]: Bytes } = {
    mrTd: report.mrTd,
    rtmr0: rtmr[0],
    rtmr1: rtmr[1],
    rtmr2: rtmr[2],
    rtmr3: rtmr[3],
    mrConfigId: report.mrConfigId,
    mrOwner: report.mrOwner,
    mrOwnerConfig: report.mrOwnerConfig,
    ...(later === undefined ? {} : { mrServiceTd: later.mrServiceTd, teeTcbSvn2: later.teeTcbSvn2 }),
    ...(extended === undefined ? {} : { tdId: extended.tdId }),
    tdAttributes: report.tdAttributes,
    xfam: report.xfam,
    teeTcbSvn: report.teeTcbSvn,
    mrSeam: report.mrSeam,
    mrSignerSeam: report.mrSignerSeam,
    seamAttributes: report.seamAttributes,
    reportData: report.reportData,
  };
  const text = Object.entries(bytes).map(([name, value]) => [name, hexEncode(value)]);
  return { ...Object.fromEntries(text), ...platformClaims(intel) };
}

export async function verifyTdx(
  { quote, report }: TdxQuote,
  { revocation }: Pick<TdxEntry, 'revocation'>,
  context: Context,
): Promise<Verified<TdxClaims>> {
  const verified = await verifyQuote(quote, 'tdx', { revocation, context });
  const { checks, used, platform } = verified;
  if (!platform) return { checks, used, claims: undefined };
  const intel: IntelClaims = { platform, tcb: tcbOf(report, verified) };
  const claims: TdxClaims = {
    technology: 'tdx',
    hardware: true,
    debug: report.tdAttributes[0] !== 0,
    launch: launchOf(report),
    hostData: report.mrConfigId,
    reportData: report.reportData,
    platform: platformName('tdx', platform),
    signed: signedClaims(report, intel),
    report,
    intel,
  };
  return { checks, used, claims };
}

/** A register that was extended exactly once, from zero, with these 32 bytes and zeros behind them. */
export async function extendedOnce(run: Uint8Array): Promise<Bytes> {
  if (run.length > 48) throw new RangeError('A register is extended with 48 bytes.');
  const value = concat(new Uint8Array(48), run, new Uint8Array(48 - run.length));
  return new Uint8Array(await crypto.subtle.digest('SHA-384', value));
}
