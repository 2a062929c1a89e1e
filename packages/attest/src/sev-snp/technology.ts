// AMD SEV-SNP: the whole memory of a virtual machine is encrypted, and the processor signs what was launched.
import type { Collateral } from '../collateral.ts';
import { hexEncode, isZero } from '@sealroom/bytes';
import type { TechnologyOf } from '../technology.ts';
import { appraiseSnp } from './appraise.ts';
import { nearestKeys } from './certificates.ts';
import type { SevSnpEntry } from './entry.ts';
import { snpNeeds } from './needs.ts';
import { looksLikeSnp, parseSnpEvidence, type SnpEvidence } from './parse.ts';
import { type Product, productOfProcessor, readTcb, type Tcb } from './products.ts';
import type { SnpReport } from './report.ts';
import { type SnpClaims, verifySnp } from './verify.ts';

function productOf({ report, certificates }: SnpEvidence): Product | undefined {
  const { processor } = report;
  if (processor) return productOfProcessor(processor.family, processor.model);
  return nearestKeys(certificates, report, 0).keys[0]?.product;
}

/** The floors that these TCB versions just reach; of a report that does not say its product, for none. */
function floorsOf(report: SnpReport, product: Product | undefined): SevSnpEntry['minimumTcb'] {
  if (!product) return {};
  const read = (bytes: Uint8Array) => readTcb(bytes, product).tcb;
  const { reported, committed, launch } = report.tcb;
  const whole = { reported: read(reported), committed: read(committed), launch: read(launch) };
  if (product === 'Turin') return { Turin: whole };
  const part = ({ bootloader, tee, snp, microcode }: Tcb) => ({ bootloader, tee, snp, microcode });
  return {
    [product]: {
      reported: part(whole.reported),
      committed: part(whole.committed),
      launch: part(whole.launch),
    },
  };
}

function bitsOf(value: bigint): number[] {
  return Array.from({ length: 64 }, (_, bit) => bit).filter((bit) => ((value >> BigInt(bit)) & 1n) === 1n);
}

function identityOf(report: SnpReport): SevSnpEntry['identity'] {
  if (isZero(report.idKeyDigest)) return 'unpinned';
  return {
    familyId: hexEncode(report.familyId),
    imageId: hexEncode(report.imageId),
    idKeys: [hexEncode(report.idKeyDigest)],
    ...(report.authorKeyEnabled && { authorKeys: [hexEncode(report.authorKeyDigest)] }),
  };
}

function pin(given: SnpEvidence, beside?: Collateral): SevSnpEntry {
  const evidence = { ...given, certificates: [...given.certificates, ...(beside?.certificates ?? [])] };
  const { report, certificates } = evidence;
  const { guestBits, platformBits, committed } = report;
  const [key] = nearestKeys(certificates, report, 0).keys;
  const hidden = isZero(report.chipId);
  const product = productOf(evidence);
  const chip = product === 'Turin' ? report.chipId.subarray(0, 8) : report.chipId;
  const provider = report.signingKey === 1 ? key?.provider : undefined;
  const hasRun = !isZero(report.hostData);
  return {
    technology: 'sev-snp',
    launch: [hexEncode(report.measurement)],
    minimumTcb: floorsOf(report, product),
    minimumFirmware: committed,
    guestPolicy: {
      minimumAbi: report.minimumAbi,
      allowed: (['smt', 'cxl'] as const).filter((bit) => guestBits.has(bit)),
      required: (
        ['single-socket', 'aes-256-xts', 'rapl-disabled', 'ciphertext-hiding', 'page-swap-disabled'] as const
      ).filter((bit) => guestBits.has(bit)),
    },
    platformInfo: {
      required: (['ecc', 'rapl-disabled', 'ciphertext-hiding', 'alias-check-complete'] as const).filter(
        (bit) => platformBits.has(bit),
      ),
      forbidden: [],
    },
    vmpl: Math.min(report.vmpl, 3),
    minimumGuestSvn: report.guestSvn,
    mitigations: {
      launch: bitsOf(report.mitigations.launch),
      current: bitsOf(report.mitigations.current),
    },
    identity: identityOf(report),
    vlek: report.signingKey === 1 ? { cspIds: provider === undefined ? [] : [provider] } : 'refused',
    platforms: hidden
      ? provider === undefined
        ? []
        : [`sev-snp:provider:${provider}`]
      : [`sev-snp:chip:${hexEncode(chip)}`],
    revocation: 'required',
    ...(hasRun ? { hostData: 'manifest' as const } : { runBinding: 'software' as const }),
  };
}

export const sevSnp: TechnologyOf<SnpEvidence, SnpClaims, SevSnpEntry> = {
  name: 'sev-snp',
  title: 'AMD SEV-SNP',
  hardware: true,
  needs: ['revocation', 'tcb', 'configuration'],
  detect: looksLikeSnp,
  parse: parseSnpEvidence,
  verify: verifySnp,
  appraise: async (claims, entry) => appraiseSnp(claims, entry),
  supplies: snpNeeds,
  pin,
};
