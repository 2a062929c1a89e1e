// A TD's signed claims held against an entry of a policy. Binding, run and platform are checked for all technologies alike, in
// ../appraise.ts; which field names the run is said here (`holdsRun`).
import { bytesEqual, hexDecode, hexEncode, isZero } from '@sealroom/bytes';
import { type Checks, collectChecks, holdsPadded } from '../checks.ts';
import { flagsIn, inList, noteFlags, notePlatform, noteTcb } from '../intel/entry.ts';
import type { Check } from '../types.ts';
import { RUN_FIELDS, TD_FLAGS, type TdxEntry } from './entry.ts';
import type { TdReport } from './parse.ts';
import { extendedOnce, type TdxClaims } from './verify.ts';

const ZEROS = '0'.repeat(96);

function noteCode(checks: Checks, report: TdReport, entry: TdxEntry): void {
  const known = (list: readonly string[] | 'run', value: Uint8Array) =>
    list === 'run' || list.includes(hexEncode(value));
  checks.check('mrtd', 'code', known(entry.mrTd, report.mrTd), 'the firmware is one that the entry names');
  const registers = [entry.rtmr0, entry.rtmr1, entry.rtmr2, entry.rtmr3];
  report.rtmr.forEach((value, i) => {
    const list = registers[i] ?? [];
    if (list !== 'run')
      checks.check(`rtmr${i}`, 'code', known(list, value), `register ${i} is one that the entry names`);
  });
}

function noteConfiguration(checks: Checks, report: TdReport, entry: TdxEntry): void {
  const { mrConfigId, mrOwner, mrOwnerConfig, xfam, mrServiceTd } = entry;
  const note = (id: string, list: readonly string[], value: Uint8Array, what: string) =>
    checks.check(id, 'configuration', list.includes(hexEncode(value)), `${what} is one that the entry names`);
  if (mrConfigId !== 'run') note('mrconfigid', mrConfigId, report.mrConfigId, 'MRCONFIGID');
  note('mrowner', mrOwner, report.mrOwner, 'MROWNER');
  note('mrownerconfig', mrOwnerConfig, report.mrOwnerConfig, 'MROWNERCONFIG');
  note('xfam', xfam, report.xfam, 'XFAM');
  const flags = flagsIn(new Uint8Array([0, ...report.tdAttributes.subarray(1)]), TD_FLAGS);
  noteFlags(checks, flags, entry.attributes);
  if (report.later) note('mrservicetd', mrServiceTd, report.later.mrServiceTd, 'MRSERVICETD');
  else
    checks.check(
      'mrservicetd',
      'configuration',
      mrServiceTd.includes(ZEROS) && !flags.set.includes('MIGRATABLE'),
      'the quote names no service TD, and the TD cannot be migrated',
    );
}

/** What no policy has a word for, and so is not accepted (docs/decisions/121). */
function noteExtended(checks: Checks, { extended }: TdReport): void {
  if (!extended) return;
  const { vmId, devices, history } = extended;
  const note = (id: string, value: Uint8Array, what: string) =>
    checks.check(id, 'configuration', isZero(value), what);
  note('vmid', vmId, 'the TD itself asked, and no virtual machine inside it');
  note('devices', devices, 'no device belongs to the TD');
  note('history', history, 'no history of service TDs and platforms comes with the TD');
}

function noteModule(checks: Checks, report: TdReport, entry: TdxEntry): void {
  checks.check(
    'mrseam',
    'code',
    inList(entry.mrSeam, hexEncode(report.mrSeam)),
    'the TDX module is one that the entry names',
  );
  const floor = hexDecode(entry.minimumTeeTcbSvn);
  const svns = report.later ? [report.teeTcbSvn, report.later.teeTcbSvn2] : [report.teeTcbSvn];
  const enough = svns.every((svn) => svn.every((part, i) => part >= (floor[i] ?? 256)));
  checks.check(
    'tee-tcb-svn',
    'tcb',
    enough,
    'each security version of the TDX module reaches the entry’s floor',
  );
}

export function appraiseTdx(claims: TdxClaims, entry: TdxEntry): readonly Check[] {
  const checks = collectChecks('tdx');
  const { report, intel } = claims;
  checks.check(
    'debug',
    'debug',
    !claims.debug,
    'the TD is not under debug (the first byte of its attributes is zero)',
  );
  noteCode(checks, report, entry);
  noteConfiguration(checks, report, entry);
  noteExtended(checks, report);
  noteModule(checks, report, entry);
  noteTcb(checks, intel, entry.tcb);
  notePlatform(checks, intel, entry);
  return checks.list;
}

/** Whether the field that the entry names holds the run: MRCONFIGID as it is, a register as extended once with it. */
export async function tdHoldsRun({ report }: TdxClaims, entry: TdxEntry, run: Uint8Array): Promise<boolean> {
  const field = RUN_FIELDS.find((one) => entry[one] === 'run');
  if (field === undefined) return false;
  if (field === 'mrConfigId') return holdsPadded(report.mrConfigId, run);
  const register = report.rtmr[RUN_FIELDS.indexOf(field) - 1];
  if (register === undefined || run.length > register.length) return false;
  return bytesEqual(register, await extendedOnce(run));
}
