// How Intel's statements rate a platform: its TCB level, the TDX module's and the quoting enclave's, and the worst of the
// three (Intel's Quote Verification Library, `getMatchingTcbLevel`, `checkTdxModule` and `converge…`). Where that library
// would say TDRelaunchAdvised because only a module loaded later is up to date, the older one counts here.
import type { Bytes } from '@sealroom/bytes';
import type { Platform } from './pck.ts';
import type { SgxReport } from './report.ts';
import type { ModuleIdentity, QeIdentity, SvnLevel, TcbInfo, TcbStatus, TdxTcbInfo } from './statements.ts';
import { hexBytes } from './text.ts';

/** `date` is when the level became the newest, milliseconds since 1970. */
export type Rating = {
  readonly status: TcbStatus;
  readonly advisories: readonly string[];
  readonly date: number;
};

function ratingOf(level: { tcbStatus: TcbStatus; advisoryIDs: string[]; tcbDate: number }): Rating {
  return { status: level.tcbStatus, advisories: level.advisoryIDs, date: level.tcbDate };
}

const reaches = (has: ArrayLike<number>, floor: readonly { svn: number }[], from = 0) =>
  floor.every(({ svn }, i) => i < from || (has[i] ?? -1) >= svn);

/** The first level that the platform reaches; for a TD all its components too, the module's own but where it has an identity. */
export function platformRating(
  info: TcbInfo,
  platform: Platform,
  teeTcbSvn: Bytes | undefined,
): Rating | undefined {
  const sgx = (tcb: { sgxtcbcomponents: { svn: number }[]; pcesvn: number }) =>
    reaches(platform.components, tcb.sgxtcbcomponents) && platform.pceSvn >= tcb.pcesvn;
  if (info.id === 'SGX') {
    const level = info.tcbLevels.find(({ tcb }) => sgx(tcb));
    return level && ratingOf(level);
  }
  if (!teeTcbSvn) return undefined;
  const from = (teeTcbSvn[1] ?? 0) > 0 ? 2 : 0;
  const level = info.tcbLevels.find(({ tcb }) => sgx(tcb) && reaches(teeTcbSvn, tcb.tdxtcbcomponents, from));
  return level && ratingOf(level);
}

function svnRating(levels: readonly SvnLevel[], svn: number): Rating | undefined {
  const level = levels.find(({ tcb }) => svn >= tcb.isvsvn);
  return level && ratingOf(level);
}

export function qeRating({ tcbLevels }: QeIdentity, { isvSvn }: SgxReport): Rating | undefined {
  return svnRating(tcbLevels, isvSvn);
}

function under(value: Bytes, mask: string, expected: string): boolean {
  const [wanted, bits] = [hexBytes(expected), hexBytes(mask)];
  return (
    wanted !== undefined &&
    bits?.length === value.length &&
    value.every((byte, i) => (byte & (bits[i] ?? 0)) === ((wanted[i] ?? 0) & (bits[i] ?? 0)))
  );
}

/** miscselect is a number in Intel's statement and little-endian in the report. */
const reversed = (hex: string) => hex.match(/../g)?.toReversed().join('') ?? '';

const equals = (value: Bytes, hex: string) => under(value, 'ff'.repeat(value.length), hex);

/** Whether a report is that of the quoting enclave which the identity describes. */
export function isQuotingEnclave(identity: QeIdentity, report: SgxReport): boolean {
  return (
    equals(report.mrSigner, identity.mrsigner) &&
    report.isvProdId === identity.isvprodid &&
    under(report.miscSelect, reversed(identity.miscselectMask), reversed(identity.miscselect)) &&
    under(report.attributes, identity.attributesMask, identity.attributes) &&
    (report.attributes[0] ?? 2) % 4 < 2
  );
}

export type Module = { readonly svn: Bytes; readonly mrSigner: Bytes; readonly attributes: Bytes };

const matches = (
  identity: Pick<ModuleIdentity, 'mrsigner' | 'attributes' | 'attributesMask'>,
  { mrSigner, attributes }: Module,
) => equals(mrSigner, identity.mrsigner) && under(attributes, identity.attributesMask, identity.attributes);

/**
 * Whether the TDX module is one that Intel names, and its rating: version 0 has the general entry and is rated with the
 * platform, a later one has an identity of its own with levels.
 */
export function moduleRating(
  info: TdxTcbInfo,
  module: Module,
): { readonly genuine: boolean; readonly rating: Rating | undefined } {
  const [svn = 0, version = 0] = module.svn;
  if (version === 0)
    return {
      genuine: matches(info.tdxModule, module),
      rating: { status: 'UpToDate', advisories: [], date: 0 },
    };
  const id = `TDX_${version.toString(16).toUpperCase().padStart(2, '0')}`;
  const identity = info.tdxModuleIdentities.find((one) => one.id === id);
  if (!identity) return { genuine: false, rating: undefined };
  return { genuine: matches(identity, module), rating: svnRating(identity.tcbLevels, svn) };
}

const STALE = ['OutOfDate', 'OutOfDateConfigurationNeeded'];
const CONFIGURE = [
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDateConfigurationNeeded',
];
const HARDEN = ['SWHardeningNeeded', 'ConfigurationAndSWHardeningNeeded'];

function worst(statuses: readonly TcbStatus[]): TcbStatus {
  const any = (list: readonly string[]) => statuses.some((status) => list.includes(status));
  if (any(['Revoked'])) return 'Revoked';
  const configure = any(CONFIGURE);
  if (any(STALE)) return configure ? 'OutOfDateConfigurationNeeded' : 'OutOfDate';
  if (any(HARDEN)) return configure ? 'ConfigurationAndSWHardeningNeeded' : 'SWHardeningNeeded';
  return configure ? 'ConfigurationNeeded' : 'UpToDate';
}

/** The ratings of platform, module and quoting enclave in one: the worst status, all advisories, the oldest date. */
export function converge(ratings: readonly Rating[]): Rating {
  const dates = ratings.map(({ date }) => date).filter((date) => date > 0);
  return {
    status: worst(ratings.map(({ status }) => status)),
    advisories: [...new Set(ratings.flatMap(({ advisories }) => advisories))].toSorted(),
    date: Math.min(...dates),
  };
}
