// What NVIDIA's services have beside a GPU's report: the reference manifests of its driver and its VBIOS, by the ids of NVIDIA's
// attestation SDK (gpu/evidence.cpp), and answers on the revocation of each certificate above the signing key, and of those that
// signed the manifests which are there already.
import { bytesEqual } from '@sealroom/bytes';
import type { Need, There } from '../supply/need.ts';
import type { Certificate } from '../x509/certificate.ts';
import { chipNamed } from './identity.ts';
import type { GpuEvidence, GpuReport } from './parse.ts';
import { manifestsIn } from './references.ts';

const LONGEST_PATH = 8;

function isSelfIssued({ issuer, subject }: Certificate): boolean {
  return bytesEqual(issuer, subject);
}

/** Hopper's chips share the manifests of one name; later ones say theirs, and before they did it was GB100. */
function driverId(chip: string, report: GpuReport): string {
  return chip.startsWith('GH')
    ? `NV_GPU_DRIVER_GH100_${report.driver}`
    : `NV_GPU_CC_DRIVER_${report.chip ?? 'GB100'}_${report.driver}`;
}

function vbiosId({ project, projectSku, chipSku, vbios }: GpuReport): string {
  return ['NV_GPU_VBIOS', project, projectSku, chipSku, vbios.replaceAll('.', '')].join('_').toUpperCase();
}

/** One for each certificate whose issuer is known. Roots are pinned ones alone; nobody answers for them. */
function ocspNeeds(certificates: readonly Certificate[], roots: readonly Certificate[]): Need[] {
  const below = certificates.filter((one) => !isSelfIssued(one));
  const issuerOf = ({ issuer }: Certificate) =>
    [...roots, ...below].find(({ subject }) => bytesEqual(subject, issuer));
  return below.flatMap((certificate) => {
    const issuer = issuerOf(certificate);
    if (!issuer) return [];
    const between: Certificate[] = [];
    let next: Certificate | undefined = issuer;
    while (next && !isSelfIssued(next) && between.length < LONGEST_PATH) {
      between.push(next);
      next = issuerOf(next);
    }
    return [{ kind: 'nvidia-ocsp', certificate, issuer, between }];
  });
}

/** Nothing for a report that came without its certificates, which name the chip. */
export function gpuNeeds({ report, certificates }: GpuEvidence, { collateral, roots }: There): Need[] {
  const [leaf, ...above] = certificates;
  const product = chipNamed(leaf);
  if (product === undefined) return [];
  const { driver, vbios } = report;
  const signers = manifestsIn(collateral)
    .filter((one) => one.product === product && (one.version === driver || one.version === vbios))
    .map((one) => ocspNeeds(one.certificates, roots['nvidia-manifest'] ?? []));
  return [
    { kind: 'nvidia-manifest', product, version: driver, id: driverId(product, report) },
    { kind: 'nvidia-manifest', product, version: vbios, id: vbiosId(report) },
    ...ocspNeeds(above, roots.nvidia ?? []),
    ...signers.flat(),
  ];
}
