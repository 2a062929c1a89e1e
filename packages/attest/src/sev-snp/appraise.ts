// What a policy says of an authentic report. Every check is made and told; binding, run and platform are those of all
// technologies (../appraise.ts). Floors are compared part by part in the layout of the product that the chain proves.
import { hexEncode } from '@sealroom/bytes';
import { type Checks, collectChecks } from '../checks.ts';
import { isLaunchedWith } from '../entry.ts';
import type { Check } from '../types.ts';
import type { SevSnpEntry } from './entry.ts';
import { reaches, readTcb, type Tcb, tcbText } from './products.ts';
import type { FirmwareVersion, SnpReport } from './report.ts';
import type { SnpClaims } from './verify.ts';

/** The policy's words for permissions of a guest that an entry can allow. */
const PERMISSIONS = ['smt', 'cxl'] as const;

function noteGuest(
  checks: Checks,
  report: SnpReport,
  { guestPolicy, vmpl, minimumGuestSvn }: SevSnpEntry,
): void {
  const { guestBits, minimumAbi } = report;
  checks.check('debug', 'debug', !guestBits.has('debug'), 'the guest cannot be debugged by its host');
  checks.check(
    'migration-agent',
    'configuration',
    !guestBits.has('migration-agent'),
    'no migration agent may be associated with the guest',
  );
  for (const permission of PERMISSIONS)
    checks.check(
      `guest-policy/${permission}`,
      'configuration',
      !guestBits.has(permission) || guestPolicy.allowed.includes(permission),
      `the guest's policy permits ${permission} only where the entry allows it`,
    );
  for (const demand of guestPolicy.required)
    checks.check(
      `guest-policy/${demand}`,
      'configuration',
      guestBits.has(demand),
      `the guest's policy demands ${demand}`,
    );
  const { major, minor } = guestPolicy.minimumAbi;
  checks.check(
    'guest-policy/abi',
    'configuration',
    minimumAbi.major > major || (minimumAbi.major === major && minimumAbi.minor >= minor),
    `the guest's policy demands ABI ${major}.${minor} or later (it demands ${minimumAbi.major}.${minimumAbi.minor})`,
  );
  checks.check(
    'vmpl',
    'configuration',
    report.vmpl === vmpl,
    `privilege level ${vmpl} asked for the report (${report.vmpl} did)`,
  );
  checks.check(
    'guest-svn',
    'configuration',
    report.guestSvn >= minimumGuestSvn,
    `the guest's security version is at least ${minimumGuestSvn} (it is ${report.guestSvn})`,
  );
}

function notePlatform(checks: Checks, { platformBits }: SnpReport, { platformInfo }: SevSnpEntry): void {
  for (const bit of platformInfo.required)
    checks.check(`platform-info/${bit}`, 'configuration', platformBits.has(bit), `the platform says ${bit}`);
  for (const bit of platformInfo.forbidden)
    checks.check(
      `platform-info/no-${bit}`,
      'configuration',
      !platformBits.has(bit),
      `the platform does not say ${bit}`,
    );
}

function isBefore(version: FirmwareVersion, floor: FirmwareVersion): boolean {
  const [a, b] = [version, floor].map(({ major, minor, build }) => (major * 256 + minor) * 256 + build);
  return (a ?? 0) < (b ?? 0);
}

function sameVersion(a: FirmwareVersion, b: FirmwareVersion): boolean {
  return !isBefore(a, b) && !isBefore(b, a);
}

type Tcbs = { readonly [field in keyof SnpReport['tcb']]: Tcb };

/** REPORTED and COMMITTED never pass CURRENT; when COMMITTED is behind, the firmware can still be rolled back. */
function noteConsistency(checks: Checks, report: SnpReport, tcb: Tcbs, entry: SevSnpEntry): void {
  checks.check(
    'tcb/order',
    'tcb',
    reaches(tcb.current, tcb.reported) &&
      reaches(tcb.current, tcb.committed) &&
      !isBefore(report.current, report.committed),
    'neither the reported nor the committed TCB is ahead of the current one',
  );
  const settled = reaches(tcb.committed, tcb.current) && sameVersion(report.current, report.committed);
  checks.check(
    'tcb/provisional',
    'tcb',
    settled || entry.provisionalFirmware === 'accepted',
    settled
      ? 'the firmware that runs is committed: it cannot be rolled back'
      : 'the firmware that runs can be rolled back, which the entry must accept in words',
  );
}

function noteFloors(checks: Checks, { report, product }: SnpClaims, entry: SevSnpEntry): void {
  const read = (bytes: Uint8Array) => readTcb(bytes, product).tcb;
  const { current, reported, committed, launch } = report.tcb;
  const tcb: Tcbs = {
    current: read(current),
    reported: read(reported),
    committed: read(committed),
    launch: read(launch),
  };
  noteConsistency(checks, report, tcb, entry);
  const floors = entry.minimumTcb[product];
  checks.check('tcb/product', 'tcb', floors !== undefined, `the entry has a floor for ${product}`);
  if (floors)
    for (const field of ['reported', 'committed', 'launch'] as const)
      checks.check(
        `tcb/${field}`,
        'tcb',
        reaches(tcb[field], floors[field]),
        `the ${field} TCB reaches its floor (it is ${tcbText(tcb[field], product)})`,
      );
  const { minimumFirmware: least } = entry;
  checks.check(
    'firmware',
    'tcb',
    !isBefore(report.current, least) && !isBefore(report.committed, least),
    `the running and the committed firmware are at least ${least.major}.${least.minor} build ${least.build}`,
  );
  for (const time of ['launch', 'current'] as const)
    checks.check(
      `mitigations/${time}`,
      'tcb',
      entry.mitigations[time].every((bit) => ((report.mitigations[time] >> BigInt(bit)) & 1n) === 1n),
      `the mitigations that the entry names are in force (${time})`,
    );
}

function noteCode(checks: Checks, { report, launch }: SnpClaims, entry: SevSnpEntry): void {
  checks.check(
    'launch',
    'code',
    entry.launch.includes(launch),
    'the launch digest is one that the entry names',
  );
  if (entry.hostData === undefined) {
    const known = isLaunchedWith(entry.launchData, report.hostData);
    checks.check('host-data', 'code', known, 'HOST_DATA is zeros, or a value that the entry names');
  }
  const { identity } = entry;
  if (identity === 'unpinned') return;
  const names =
    hexEncode(report.familyId) === identity.familyId && hexEncode(report.imageId) === identity.imageId;
  checks.check('identity/names', 'code', names, 'family and image are those that the entry names');
  const idKey = hexEncode(report.idKeyDigest);
  checks.check(
    'identity/id-key',
    'code',
    identity.idKeys.includes(idKey),
    'the identity block was signed with a key that the entry names',
  );
  const authorKey = hexEncode(report.authorKeyDigest);
  const { authorKeys } = identity;
  checks.check(
    'identity/author-key',
    'code',
    authorKeys
      ? report.authorKeyEnabled && authorKeys.includes(authorKey)
      : !report.authorKeyEnabled && /^0*$/.test(authorKey),
    authorKeys ? 'the author key is one that the entry names' : 'there is no author key',
  );
}

/** A VLEK says which provider vouches and not which chip signs: a weaker statement, which the entry must accept by provider. */
function noteProvider(checks: Checks, { kind, provider }: SnpClaims, { vlek }: SevSnpEntry): void {
  const allowed = vlek !== 'refused' && provider !== undefined && vlek.cspIds.includes(provider);
  checks.check(
    'vlek',
    'technology',
    kind === 'VCEK' || allowed,
    kind === 'VCEK'
      ? 'a key of the chip signed'
      : 'a provider’s key signed, which the entry must allow by its name',
  );
}

export function appraiseSnp(claims: SnpClaims, entry: SevSnpEntry): readonly Check[] {
  const checks = collectChecks('sev-snp');
  noteGuest(checks, claims.report, entry);
  noteCode(checks, claims, entry);
  noteFloors(checks, claims, entry);
  notePlatform(checks, claims.report, entry);
  noteProvider(checks, claims, entry);
  return checks.list;
}
