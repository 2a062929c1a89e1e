// Intel TDX: trust domains, whole virtual machines.
import { hexEncode } from '@sealroom/bytes';
import { flagsIn } from '../intel/entry.ts';
import { intelNeeds } from '../intel/needs.ts';
import { platformIn } from '../intel/pck.ts';
import { looksLikeQuote } from '../intel/quote.ts';
import type { TechnologyOf } from '../technology.ts';
import { appraiseTdx, tdHoldsRun } from './appraise.ts';
import { TD_FLAGS, type TdxEntry } from './entry.ts';
import { parseTdxQuote, type TdxQuote } from './parse.ts';
import { type TdxClaims, verifyTdx } from './verify.ts';

/** Accepts this TD under its own registers, on this platform's family, when Intel says that it is up to date. */
function pin({ quote, report }: TdxQuote): TdxEntry {
  const platform = platformIn(quote.certification.certificates);
  const one = (value: Uint8Array) => [hexEncode(value)];
  const { set } = flagsIn(report.tdAttributes, TD_FLAGS);
  const [rtmr0, rtmr1, rtmr2, rtmr3] = report.rtmr.map(one);
  const flags = Object.keys(TD_FLAGS) as (keyof typeof TD_FLAGS)[];
  return {
    technology: 'tdx',
    mrTd: one(report.mrTd),
    rtmr0: rtmr0 ?? [],
    rtmr1: rtmr1 ?? [],
    rtmr2: rtmr2 ?? [],
    rtmr3: rtmr3 ?? [],
    mrConfigId: one(report.mrConfigId),
    mrOwner: one(report.mrOwner),
    mrOwnerConfig: one(report.mrOwnerConfig),
    mrServiceTd: [report.later ? hexEncode(report.later.mrServiceTd) : '0'.repeat(96)],
    attributes: { allowed: [], required: flags.filter((name) => set.includes(name)) },
    xfam: one(report.xfam),
    mrSeam: { any: 'accepted' },
    minimumTeeTcbSvn: hexEncode(report.teeTcbSvn),
    fmspc: platform ? [platform.fmspc] : [],
    smt: 'accepted',
    tcb: { statuses: ['UpToDate'], minimumEvaluationNumber: 17, advisories: { allowed: [] } },
    platforms: platform ? [`tdx:ppid:${platform.ppid}`] : [],
    revocation: 'required',
    runBinding: 'software',
  };
}

export const tdx: TechnologyOf<TdxQuote, TdxClaims, TdxEntry> = {
  name: 'tdx',
  title: 'Intel TDX',
  hardware: true,
  needs: ['revocation', 'tcb', 'configuration'],
  detect: (bytes) => looksLikeQuote(bytes, 'tdx'),
  parse: parseTdxQuote,
  verify: verifyTdx,
  appraise: async (claims, entry) => appraiseTdx(claims, entry),
  holdsRun: tdHoldsRun,
  supplies: ({ quote }) => intelNeeds('tdx', quote),
  pin,
};
