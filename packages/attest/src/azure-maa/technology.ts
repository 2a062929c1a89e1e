// Microsoft Azure Attestation: a service that checks the reports of confidential VMs and containers and signs what it found.
import { flagAt, hexAt, memberOf, numberAt, objectAt, textAt } from '../jwt/claims.ts';
import { tokenNeeds } from '../jwt/needs.ts';
import { pinnedLaunchData } from '../entry.ts';
import type { TechnologyOf } from '../technology.ts';
import { appraiseMaa } from './appraise.ts';
import type { MaaEntry } from './entry.ts';
import { hostDataIn, type MaaToken, parseMaa, teeOf } from './parse.ts';
import { type MaaClaims, verifyMaa } from './verify.ts';

function looksLike(bytes: Uint8Array): boolean {
  try {
    parseMaa(bytes);
    return true;
  } catch {
    return false;
  }
}

function pinTee({ jwt }: MaaToken): MaaEntry['tee'] {
  const tee = teeOf(jwt)?.tee;
  const list = (name: string) => {
    const text = textAt(tee, name)?.toLowerCase();
    return text !== undefined && /^[0-9a-f]{96}$/.test(text) ? [text] : [];
  };
  if (textAt(tee, 'x-ms-attestation-type') === 'tdxvm') {
    const svn = textAt(tee, 'tdx_tee_tcb_svn')?.toLowerCase() ?? '';
    const status = textAt(tee, 'attester_tcb_status');
    return {
      type: 'tdxvm',
      mrtd: list('tdx_mrtd'),
      rtmrs: [list('tdx_rtmr0'), list('tdx_rtmr1'), list('tdx_rtmr2'), list('tdx_rtmr3')],
      mrOwner: pinnedLaunchData(hexAt(tee, 'tdx_mrowner', 48)),
      mrOwnerConfig: pinnedLaunchData(hexAt(tee, 'tdx_mrownerconfig', 48)),
      minimumTcb: /^[0-9a-f]{32}$/.test(svn) ? svn : 'ff'.repeat(16),
      tcbStatus: status === undefined ? [] : [status],
    };
  }
  const svn = (name: string) => Math.max(0, Math.min(255, numberAt(tee, `x-ms-sevsnpvm-${name}-svn`) ?? 255));
  return {
    type: 'sevsnpvm',
    launch: list('x-ms-sevsnpvm-launchmeasurement'),
    minimumTcb: {
      bootloader: svn('bootloader'),
      tee: svn('tee'),
      snp: svn('snpfw'),
      microcode: svn('microcode'),
    },
  };
}

/** The registers that the service looked at; its policy must have decided by them, which no token says. */
function pinGuest({ jwt }: MaaToken): MaaEntry['guest'] {
  const found = teeOf(jwt);
  if (found && found.form !== 'guest') return undefined;
  const attested = memberOf(jwt.payload, 'x-ms-azurevm-attested-pcrs');
  const listed: readonly unknown[] = Array.isArray(attested) ? attested : [];
  const registers = Array.from({ length: 24 }, (_, index) => index).filter((index) => listed.includes(index));
  const configuration = objectAt(objectAt(found?.tee, 'x-ms-runtime'), 'vm-configuration');
  const quiet = flagAt(configuration, 'console-enabled') === false;
  return {
    registers: registers.length > 0 ? registers : [4],
    console: quiet ? 'forbidden' : 'accepted',
  };
}

function pin(token: MaaToken): MaaEntry {
  const { payload } = token.jwt;
  const found = teeOf(token.jwt);
  const policy = textAt(payload, 'x-ms-policy-hash') ?? '';
  const compliance = textAt(found?.tee, 'x-ms-compliance-status');
  const vm = textAt(payload, 'x-ms-azurevm-vmid');
  return {
    technology: 'azure-maa',
    issuer: textAt(payload, 'iss') ?? '',
    keys: 'published',
    policyHash: /^[A-Za-z0-9_-]{43}$/.test(policy) ? [policy] : [],
    form: found?.form ?? 'guest',
    guest: pinGuest(token),
    compliance: compliance === undefined ? [] : [compliance],
    tee: pinTee(token),
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: vm === undefined ? [] : [`azure-maa:vm:${vm.toLowerCase()}`],
    runBinding: 'software',
    launchData: pinnedLaunchData(hostDataIn(found?.tee)),
  };
}

export const maa: TechnologyOf<MaaToken, MaaClaims, MaaEntry> = {
  name: 'azure-maa',
  title: 'Microsoft Azure Attestation token',
  hardware: true,
  needs: ['revocation', 'freshness', 'tcb', 'technology', 'configuration'],
  detect: looksLike,
  parse: parseMaa,
  verify: verifyMaa,
  appraise: async (claims, entry) => appraiseMaa(claims, entry),
  supplies: ({ jwt }) => tokenNeeds(jwt),
  pin,
};
