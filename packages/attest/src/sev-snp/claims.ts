// The signed fields of a report for people and results, by AMD's names in small letters; bytes in hexadecimal.
import { hexEncode } from '@sealroom/bytes';
import type { Claims } from '../types.ts';
import { type Product, readTcb, tcbText } from './products.ts';
import type { FirmwareVersion, SnpReport } from './report.ts';

function versionText({ major, minor, build }: FirmwareVersion): string {
  return `${major}.${minor} build ${build}`;
}

function bits(value: bigint): string {
  return `0x${value.toString(16)}`;
}

export function signedClaims(
  report: SnpReport,
  {
    kind,
    product,
    provider,
    platform,
  }: { kind: string; product: Product; provider: string | undefined; platform: string },
): Claims['signed'] {
  const tcb = (bytes: Uint8Array) => tcbText(readTcb(bytes, product).tcb, product);
  const { processor } = report;
  return {
    version: report.version,
    product,
    ...(processor && { processor: `${processor.family}/${processor.model}/${processor.stepping}` }),
    signing_key: kind,
    ...(provider !== undefined && { csp_id: provider }),
    platform,
    measurement: hexEncode(report.measurement),
    host_data: hexEncode(report.hostData),
    report_data: hexEncode(report.reportData),
    guest_svn: report.guestSvn,
    guest_policy: [...report.guestBits],
    minimum_abi: `${report.minimumAbi.major}.${report.minimumAbi.minor}`,
    family_id: hexEncode(report.familyId),
    image_id: hexEncode(report.imageId),
    id_key_digest: hexEncode(report.idKeyDigest),
    author_key_digest: hexEncode(report.authorKeyDigest),
    author_key_enabled: report.authorKeyEnabled,
    vmpl: report.vmpl,
    platform_info: [...report.platformBits],
    platform_info_bits: bits(report.platformInfo),
    current_tcb: tcb(report.tcb.current),
    reported_tcb: tcb(report.tcb.reported),
    committed_tcb: tcb(report.tcb.committed),
    launch_tcb: tcb(report.tcb.launch),
    current_firmware: versionText(report.current),
    committed_firmware: versionText(report.committed),
    launch_mitigations: bits(report.mitigations.launch),
    current_mitigations: bits(report.mitigations.current),
    chip_id: hexEncode(report.chipId),
    report_id: hexEncode(report.reportId),
    report_id_ma: hexEncode(report.reportIdMigrationAgent),
  };
}
