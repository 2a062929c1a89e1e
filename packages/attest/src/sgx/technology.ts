// Intel SGX enclaves under DCAP.
import { hexEncode } from '@sealroom/bytes';
import { flagsIn } from '../intel/entry.ts';
import { intelNeeds } from '../intel/needs.ts';
import { platformIn } from '../intel/pck.ts';
import { looksLikeQuote } from '../intel/quote.ts';
import type { TechnologyOf } from '../technology.ts';
import { appraiseSgx } from './appraise.ts';
import { SGX_FLAGS, type SgxEntry } from './entry.ts';
import { parseSgxQuote, type SgxQuote } from './parse.ts';
import { type SgxClaims, verifySgx } from './verify.ts';

function pin({ quote, report }: SgxQuote): SgxEntry {
  const platform = platformIn(quote.certification.certificates);
  const { set } = flagsIn(report.attributes.subarray(0, 8), SGX_FLAGS);
  const flags = Object.keys(SGX_FLAGS) as (keyof typeof SGX_FLAGS)[];
  return {
    technology: 'sgx',
    enclave: { mrEnclave: [hexEncode(report.mrEnclave)] },
    attributes: { allowed: [], required: flags.filter((name) => set.includes(name)) },
    xfrm: [hexEncode(report.attributes.subarray(8))],
    miscSelect: [hexEncode(report.miscSelect)],
    configId: [hexEncode(report.configId)],
    minimumConfigSvn: report.configSvn,
    minimumCpuSvn: hexEncode(report.cpuSvn),
    fmspc: platform ? [platform.fmspc] : [],
    smt: 'accepted',
    tcb: { statuses: ['UpToDate'], minimumEvaluationNumber: 17, advisories: { allowed: [] } },
    platforms: platform ? [`sgx:ppid:${platform.ppid}`] : [],
    revocation: 'required',
    runBinding: 'software',
  };
}

export const sgx: TechnologyOf<SgxQuote, SgxClaims, SgxEntry> = {
  name: 'sgx',
  title: 'Intel SGX (DCAP)',
  hardware: true,
  needs: ['revocation', 'tcb', 'configuration'],
  detect: (bytes) => looksLikeQuote(bytes, 'sgx'),
  parse: parseSgxQuote,
  verify: verifySgx,
  appraise: async (claims, entry) => appraiseSgx(claims, entry),
  supplies: ({ quote }) => intelNeeds('sgx', quote),
  pin,
};
