// An enclave's signed claims held against an entry of a policy.
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { collectChecks } from '../checks.ts';
import { flagsIn, noteFlags, notePlatform, noteTcb } from '../intel/entry.ts';
import type { SgxReport } from '../intel/report.ts';
import type { Check } from '../types.ts';
import { SGX_FLAGS, type SgxEntry } from './entry.ts';
import type { SgxClaims } from './verify.ts';

function isAccepted(report: SgxReport, enclave: SgxEntry['enclave']): boolean {
  if ('mrEnclave' in enclave) return enclave.mrEnclave.includes(hexEncode(report.mrEnclave));
  return (
    enclave.mrSigner.includes(hexEncode(report.mrSigner)) &&
    enclave.prodId.includes(report.isvProdId) &&
    report.isvSvn >= enclave.minimumSvn
  );
}

export function appraiseSgx(claims: SgxClaims, entry: SgxEntry): readonly Check[] {
  const checks = collectChecks('sgx');
  const { report, intel } = claims;
  const configured = (id: string, good: boolean, detail: string) =>
    checks.check(id, 'configuration', good, detail);
  checks.check('debug', 'debug', !claims.debug, 'the enclave is not under debug');
  checks.check(
    'enclave',
    'code',
    isAccepted(report, entry.enclave),
    'the enclave is one that the entry names',
  );
  const flags = new Uint8Array(report.attributes.subarray(0, 8));
  flags[0] = (flags[0] ?? 0) & ~2;
  noteFlags(checks, flagsIn(flags, SGX_FLAGS), entry.attributes);
  const xfrm = hexEncode(report.attributes.subarray(8));
  configured('xfrm', entry.xfrm.includes(xfrm), 'XFRM is one that the entry names');
  configured(
    'miscselect',
    entry.miscSelect.includes(hexEncode(report.miscSelect)),
    'MISCSELECT is one that the entry names',
  );
  if (entry.configId !== 'run')
    configured(
      'configid',
      entry.configId.includes(hexEncode(report.configId)),
      'CONFIGID is one that the entry names',
    );
  configured('configsvn', report.configSvn >= entry.minimumConfigSvn, 'CONFIGSVN reaches the entry’s floor');
  const floor = hexDecode(entry.minimumCpuSvn);
  const enough = report.cpuSvn.every((part, i) => part >= (floor[i] ?? 256));
  checks.check('cpusvn', 'tcb', enough, 'each part of the enclave’s CPUSVN reaches the entry’s floor');
  noteTcb(checks, intel, entry.tcb);
  notePlatform(checks, intel, entry);
  return checks.list;
}
