// Who signed a GPU's report: a key that the GPU's own key certified for its firmware, and that one NVIDIA. Revocation is
// checked of every certificate but the signing key's, which the GPU itself issues at each start and no list of NVIDIA knows;
// it is replaced, not revoked.
import { hexEncode } from '@sealroom/bytes';
import {
  type Checks,
  collectChecks,
  noteChain,
  noteRevocation,
  type Revocation,
  usedCertificates,
} from '../checks.ts';
import { AttestError } from '../error.ts';
import type { Claims, Context, Verified } from '../types.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Chain, verifyChain } from '../x509/chain.ts';
import { isSignedBy } from '../x509/signature.ts';
import { type GpuIdentity, identityOf } from './identity.ts';
import type { GpuEvidence, GpuReport, Mode } from './parse.ts';
import { findReferences, ocspIn, type References } from './references.ts';

export type GpuClaims = Claims & {
  readonly architecture: GpuIdentity['architecture'];
  readonly driver: string;
  readonly vbios: string;
  readonly firmware: string;
  readonly mode: Mode;
  readonly nvdec0: GpuReport['nvdec0'];
  readonly measurements: ReadonlyMap<number, string>;
  /** What NVIDIA's manifests, which were verified, say of these versions; undefined when the entry brings its own values. */
  readonly references: References | undefined;
};

export type GpuVerifyEntry = { readonly revocation: Revocation; readonly reference: object };

const MOST_LEAVES = 16;

async function isSigned(leaf: Certificate, { signed, signature }: GpuReport): Promise<boolean> {
  try {
    return await isSignedBy(leaf.spki, { kind: 'ECDSA', hash: 'SHA-384' }, { message: signed, signature });
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

/** The certificate that comes first with the report; for a report that came alone, the one in the collateral that fits. */
async function leafOf(
  { report, certificates, stated }: GpuEvidence,
  { collateral }: Context,
): Promise<Certificate | undefined> {
  if (stated) return certificates[0];
  const candidates = collateral.certificates.filter(({ ca, subjectNames }) => !ca && subjectNames.size > 0);
  for (const candidate of candidates.slice(0, MOST_LEAVES))
    if (await isSigned(candidate, report)) return candidate;
  return candidates.find(({ subjectNames }) => subjectNames.get('2.5.4.3')?.endsWith(' GSP FMC LF'));
}

function noteStated(checks: Checks, { report, stated }: GpuEvidence, identity: GpuIdentity): boolean {
  if (!stated) return true;
  const nonce = checks.check(
    'stated-nonce',
    'authentic',
    stated.nonce === hexEncode(report.nonce),
    'the nonce beside the report is the one that was signed',
  );
  const architecture = checks.check(
    'stated-architecture',
    'authentic',
    stated.architecture === identity.architecture,
    'the architecture beside the report is that of the certificates',
  );
  const { driver = report.driver, vbios = report.vbios } = stated;
  const versions = checks.check(
    'stated-versions',
    'authentic',
    driver === report.driver && vbios === report.vbios,
    'versions beside the report are those that were signed',
  );
  return nonce && architecture && versions;
}

async function noteIdentity(
  checks: Checks,
  { path }: Chain,
  evidence: GpuEvidence,
): Promise<GpuIdentity | undefined> {
  const { identity, places, firmware } = await identityOf(path);
  checks.check('places', 'authentic', places, 'each certificate stands where NVIDIA puts it, for one chip');
  if (places)
    checks.check(
      'firmware-in-key',
      'authentic',
      firmware,
      'the signing key’s certificate names its firmware',
    );
  if (!identity) return undefined;
  const repeated = evidence.report.firmware;
  const same = checks.check(
    'firmware-same',
    'authentic',
    repeated === undefined || repeated === identity.firmware,
    repeated === undefined
      ? 'this driver does not repeat the certificate’s firmware digest'
      : 'the report names the firmware that its key’s certificate names',
  );
  return noteStated(checks, evidence, identity) && same ? identity : undefined;
}

function claimsOf(report: GpuReport, identity: GpuIdentity, references: References | undefined): GpuClaims {
  const { driver, vbios, mode, nvdec0, measurements, nonce } = report;
  const { architecture, chip, firmware, platform } = identity;
  const signed = {
    architecture,
    chip,
    driver,
    vbios,
    firmware,
    mode,
    nvdec0,
    platform,
    nonce: hexEncode(nonce),
    project: report.project,
    projectSku: report.projectSku,
    chipSku: report.chipSku,
    ...(report.protectedPcie === undefined ? {} : { protectedPcie: report.protectedPcie }),
    measurements: [...measurements].map(([index, value]) => `${index}: ${value}`),
  };
  return {
    technology: 'nvidia-gpu',
    hardware: true,
    // No bit of a report says it: a GPU that can be debugged measures differently (appraise.ts).
    debug: false,
    launch: `${chip} driver ${driver} VBIOS ${vbios} firmware ${firmware}`,
    hostData: undefined,
    reportData: nonce,
    platform,
    signed,
    architecture,
    driver,
    vbios,
    firmware,
    mode,
    nvdec0,
    measurements,
    references,
  };
}

/** Verifies a report and, where the entry trusts NVIDIA's manifests, those that its versions need. */
export async function verifyGpu(
  evidence: GpuEvidence,
  entry: GpuVerifyEntry,
  context: Context,
): Promise<Verified<GpuClaims>> {
  const checks = collectChecks('nvidia-gpu');
  const leaf = await leafOf(evidence, context);
  if (!leaf) {
    checks.check(
      'chain/no-certificates',
      'authentic',
      false,
      'no certificate of the GPU’s signing key came with it',
    );
    return { checks: checks.list, claims: undefined, used: [] };
  }
  const intermediates = evidence.stated ? evidence.certificates : context.collateral.certificates;
  const chain = await verifyChain(leaf, {
    intermediates,
    anchors: context.roots.nvidia ?? [],
    at: context.at,
  });
  const trusted = noteChain(checks, chain);
  const signed = checks.check(
    'signature',
    'authentic',
    await isSigned(leaf, evidence.report),
    'the GPU’s signing key signed the report',
  );
  const used = await usedCertificates(chain.path);
  const { at, collateral } = context;
  const ocsp = ocspIn(collateral);
  if (trusted)
    used.push(
      ...(await noteRevocation(checks, chain.path.slice(1), {
        crls: collateral.crls,
        ocsp,
        at,
        policy: entry.revocation,
      })),
    );
  const identity = trusted ? await noteIdentity(checks, chain, evidence) : undefined;
  if (!signed || !identity) return { checks: checks.list, claims: undefined, used };
  if (!('manifests' in entry.reference))
    return { checks: checks.list, claims: claimsOf(evidence.report, identity, undefined), used };
  const about = { chip: identity.chip, driver: evidence.report.driver, vbios: evidence.report.vbios };
  const found = await findReferences(about, context, entry.revocation);
  return {
    checks: [...checks.list, ...found.checks],
    claims: claimsOf(evidence.report, identity, found.references),
    used: [...used, ...found.used],
  };
}
