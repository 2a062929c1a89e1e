// What a token of Azure Attestation must say: each claim must be there, with the right type and value. The service has checked
// the hardware's report and, of a VM, its TPM's quote; its policy, which is pinned, decided what that had to be.
import type { JsonObject } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { isLaunchedWith } from '../entry.ts';
import { flagsIn } from '../intel/entry.ts';
import { flagAt, hexAt, memberOf, numberAt, objectAt, textAt } from '../jwt/claims.ts';
import { TD_FLAGS } from '../tdx/entry.ts';
import type { Check } from '../types.ts';
import type { MaaEntry } from './entry.ts';
import type { MaaClaims } from './verify.ts';

const includes = (list: readonly string[], value: string | undefined): boolean =>
  value !== undefined && list.includes(value);

function noteSevSnp(
  checks: Checks,
  tee: JsonObject,
  { launch, minimumTcb }: MaaEntry['tee'] & { type: 'sevsnpvm' },
): void {
  const claim = (name: string) => `x-ms-sevsnpvm-${name}`;
  const measured = includes(launch, textAt(tee, claim('launchmeasurement'))?.toLowerCase());
  checks.check('launch', 'code', measured, 'the launch measurement is one that the entry names');
  const parts = [
    ['bootloader-svn', minimumTcb.bootloader],
    ['tee-svn', minimumTcb.tee],
    ['snpfw-svn', minimumTcb.snp],
    ['microcode-svn', minimumTcb.microcode],
  ] as const;
  const old = parts.filter(([name, floor]) => !((numberAt(tee, claim(name)) ?? -1) >= floor));
  const names = old.map(([name]) => name).join(', ');
  checks.check(
    'tcb',
    'tcb',
    old.length === 0,
    `the firmware is at or above the floor${names && `: ${names}`}`,
  );
  checks.check('vmpl', 'configuration', numberAt(tee, claim('vmpl')) === 0, 'the report is of VMPL 0');
  const fixed = flagAt(tee, claim('migration-allowed')) === false;
  checks.check('migration', 'configuration', fixed, 'the guest may not be migrated');
}

function noteTdx(
  checks: Checks,
  tee: JsonObject,
  { mrtd, rtmrs, mrOwner, mrOwnerConfig, minimumTcb, tcbStatus }: MaaEntry['tee'] & { type: 'tdxvm' },
): void {
  const measured = includes(mrtd, textAt(tee, 'tdx_mrtd')?.toLowerCase());
  checks.check('launch', 'code', measured, 'MRTD is one that the entry names');
  for (const [index, values] of rtmrs.entries()) {
    const good = includes(values, textAt(tee, `tdx_rtmr${index}`)?.toLowerCase());
    checks.check(`rtmr${index}`, 'code', good, `RTMR${index} is one that the entry names`);
  }
  const owned =
    isLaunchedWith(mrOwner, hexAt(tee, 'tdx_mrowner', 48)) &&
    isLaunchedWith(mrOwnerConfig, hexAt(tee, 'tdx_mrownerconfig', 48));
  checks.check('owner', 'code', owned, 'owner and its configuration are zeros, or as the entry says');
  const attributes = hexAt(tee, 'tdx_td_attributes', 8);
  const fixed = attributes !== undefined && !flagsIn(attributes, TD_FLAGS).set.includes('MIGRATABLE');
  checks.check('migration', 'configuration', fixed, 'the guest may not be migrated');
  const svn = hexAt(tee, 'tdx_tee_tcb_svn', 16);
  const floors = minimumTcb.match(/../g) ?? [];
  const good = svn !== undefined && floors.every((floor, i) => (svn[i] ?? -1) >= Number.parseInt(floor, 16));
  checks.check('tcb', 'tcb', good, 'TEE_TCB_SVN is at or above the floor in each component');
  const status = includes(tcbStatus, textAt(tee, 'attester_tcb_status'));
  checks.check('tcb-status', 'tcb', status, 'the TCB status is one that the entry accepts');
}

/** A VM whose TPM vouches for the rest: it must be the VM of the hardware's report, started securely and not debugged. */
function noteGuest(checks: Checks, { payload, tee }: MaaClaims, { guest }: MaaEntry): void {
  const configuration = objectAt(objectAt(tee, 'x-ms-runtime'), 'vm-configuration');
  const vm = textAt(payload, 'x-ms-azurevm-vmid')?.toLowerCase();
  const same = vm !== undefined && textAt(configuration, 'vmUniqueId')?.toLowerCase() === vm;
  checks.check('vm', 'configuration', same, 'the TPM’s VM is the VM of the hardware’s report');
  const secure = flagAt(payload, 'secureboot') === true && flagAt(configuration, 'secure-boot') === true;
  checks.check('secure-boot', 'configuration', secure, 'the VM was started with secure boot');
  const attested = memberOf(payload, 'x-ms-azurevm-attested-pcrs');
  const seen: readonly unknown[] = Array.isArray(attested) ? attested : [];
  const measured = guest?.registers.every((index) => seen.includes(index)) ?? false;
  checks.check('registers', 'code', measured, 'the service looked at the registers that the entry names');
  const enabled = flagAt(configuration, 'tpm-enabled') === true;
  checks.check('tpm-enabled', 'configuration', enabled, 'the VM measures into its TPM');
  const quiet = flagAt(configuration, 'console-enabled') === false || guest?.console === 'accepted';
  checks.check('console', 'configuration', quiet, 'the serial console is off unless the entry accepts it');
  const off = ['bootdebug', 'kerneldebug', 'hypervisordebug', 'testsigning'].every(
    (name) => flagAt(payload, `x-ms-azurevm-${name}-enabled`) === false,
  );
  checks.check('guest-debug', 'debug', off, 'no debugger and no test signing is enabled in the VM');
}

export function appraiseMaa(claims: MaaClaims, entry: MaaEntry): readonly Check[] {
  const checks = collectChecks('azure-maa');
  const { payload, tee, form } = claims;
  checks.check('debug', 'debug', !claims.debug, 'the hardware does not allow debugging');
  const type = textAt(tee, 'x-ms-attestation-type');
  checks.check(
    'tee',
    'technology',
    type === entry.tee.type,
    'the hardware is of the kind that the entry names',
  );
  const compliant = includes(entry.compliance, textAt(tee, 'x-ms-compliance-status'));
  checks.check(
    'compliance',
    'configuration',
    compliant,
    'the compliance status is one that the entry accepts',
  );
  const decided = includes(entry.policyHash, textAt(payload, 'x-ms-policy-hash'));
  checks.check('policy', 'configuration', decided, 'the provider’s policy is one that the entry pins');
  if (entry.tee.type === 'sevsnpvm') noteSevSnp(checks, tee, entry.tee);
  else noteTdx(checks, tee, entry.tee);
  if (form === 'guest') noteGuest(checks, claims, entry);
  if (entry.hostData === undefined) {
    const known = isLaunchedWith(entry.launchData, claims.hostData);
    checks.check('host-data', 'code', known, 'what the host gave at launch is zeros, or as the entry says');
  }
  return checks.list;
}
