// Who signed a quote: attestation key -> quoting enclave's report -> PCK certificate -> Intel's pinned root, with revocation;
// and what Intel says of the platform: TCB info for its FMSPC and the identity of the quoting enclave. What is the same for
// all quotes of a platform is kept (memo.ts), so that a further quote costs its own signature.
import { bytesEqual, concat, sha256 } from '@sealroom/bytes';
import {
  type Checks,
  collectChecks,
  noteChain,
  noteRevocation,
  type Revocation,
  usedCertificates,
} from '../checks.ts';
import { AttestError } from '../error.ts';
import type { Check, CollateralUse, Context } from '../types.ts';
import { verifyChain } from '../x509/chain.ts';
import { isSignedBy, spkiOfPoint } from '../x509/signature.ts';
import { intelCollateral, type IntelCollateral } from './collateral.ts';
import { makeMemo, onceFor, spanAround } from './memo.ts';
import { isPckPath, type Platform, platformIn } from './pck.ts';
import type { Certification, Quote } from './quote.ts';
import { parseSgxReport, type SgxReport } from './report.ts';
import { chooseStatement, type World } from './statement-check.ts';
import type { QeIdentity, TcbInfo } from './statements.ts';
import { isQuotingEnclave } from './tcb.ts';

export type IntelTechnology = 'sgx' | 'tdx';

/** What holds of all quotes of one platform. */
type Certified = {
  readonly checks: readonly Check[];
  readonly used: readonly CollateralUse[];
  /** undefined when the attestation key is not certified. */
  readonly platform: Platform | undefined;
  readonly key: Uint8Array<ArrayBuffer> | undefined;
  readonly qeReport: SgxReport | undefined;
  readonly tcbInfo: TcbInfo | undefined;
  readonly qeIdentity: QeIdentity | undefined;
};

/** A quote that is authentic: its platform, and Intel's statements of it where they are good. */
export type VerifiedQuote = {
  readonly checks: readonly Check[];
  readonly used: readonly CollateralUse[];
  readonly platform: Platform | undefined;
  readonly qeReport: SgxReport | undefined;
  readonly tcbInfo: TcbInfo | undefined;
  readonly qeIdentity: QeIdentity | undefined;
};

const ES256 = { kind: 'ECDSA', hash: 'SHA-256' } as const;

async function signedBy(
  spki: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  try {
    return await isSignedBy(spki, ES256, { message, signature });
  } catch (error) {
    if (error instanceof AttestError) return false;
    throw error;
  }
}

/** The quoting enclave: its report is signed by the PCK and names the attestation key. */
async function noteEnclave(checks: Checks, certification: Certification): Promise<SgxReport | undefined> {
  const { attestationKey, qeAuthData, qeReport, qeReportSignature, certificates } = certification;
  const [leaf] = certificates;
  let report: SgxReport | undefined;
  try {
    report = parseSgxReport(qeReport);
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
  }
  const signed = leaf !== undefined && (await signedBy(leaf.spki, qeReport, qeReportSignature));
  checks.check('qe-signature', 'authentic', signed, 'the platform’s key signed the quoting enclave’s report');
  const hash = await sha256(concat(attestationKey, qeAuthData));
  const bound = report !== undefined && bytesEqual(report.reportData, concat(hash, new Uint8Array(32)));
  checks.check('qe-binding', 'authentic', bound, 'the quoting enclave’s report names the attestation key');
  return signed && bound ? report : undefined;
}

async function noteStatements(
  checks: Checks,
  {
    platform,
    report,
    technology,
    world,
  }: {
    platform: Platform;
    report: SgxReport;
    technology: IntelTechnology;
    world: World;
  },
): Promise<{ tcbInfo: TcbInfo | undefined; qeIdentity: QeIdentity | undefined; used: CollateralUse[] }> {
  const { tcbInfos, qeIdentities, unreadable } = world.collateral;
  const [infoId, qeId] = technology === 'tdx' ? ['TDX', 'TD_QE'] : ['SGX', 'QE'];
  const ofKind = tcbInfos.filter(({ value }) => value.id === infoId);
  const ofPlatform = ofKind.filter(
    ({ value }) => value.fmspc === platform.fmspc && value.pceId === platform.pceId,
  );
  const common = { technology, world };
  const info = await chooseStatement(ofPlatform, { ...common, name: 'tcb-info' });
  const mine = qeIdentities.filter(({ value }) => value.id === qeId);
  const identity = await chooseStatement(mine, { ...common, name: 'qe-identity' });
  const used: CollateralUse[] = [];
  if (info) {
    checks.list.push(...info.checks.list);
    if (info.good) checks.check('tcb-info', 'tcb', true, 'Intel’s TCB info for this platform is current');
  } else if (ofKind.length > 0)
    checks.check('tcb-info/platform', 'tcb', false, 'the TCB info is of platforms of another FMSPC or PCE');
  else if (unreadable > 0)
    checks.check(
      'tcb-info/malformed',
      'tcb',
      false,
      'Intel’s statements are not of a form that is known here',
    );
  else checks.skip('tcb-info/missing', 'tcb', 'there is no TCB info for this platform');
  if (identity) {
    checks.list.push(...identity.checks.list);
    if (identity.good) {
      const genuine = isQuotingEnclave(identity.statement.value, report);
      checks.check('qe-identity', 'authentic', genuine, 'the quoting enclave is the one that Intel names');
    }
  } else checks.skip('qe-identity/missing', 'authentic', 'there is no identity of Intel’s quoting enclave');
  for (const one of [info, identity]) if (one?.good) used.push(...one.used);
  return {
    tcbInfo: info?.good ? info.statement.value : undefined,
    qeIdentity: identity?.good ? identity.statement.value : undefined,
    used,
  };
}

async function certify(
  certification: Certification,
  technology: IntelTechnology,
  world: World,
): Promise<Certified> {
  const checks = collectChecks(technology);
  const { at, anchors, collateral, revocation } = world;
  const none = { tcbInfo: undefined, qeIdentity: undefined };
  const [leaf, ...others] = certification.certificates;
  if (!leaf) throw new TypeError('A parsed quote has a certificate.');
  const chain = await verifyChain(leaf, {
    intermediates: [...others, ...collateral.certificates],
    anchors,
    at,
  });
  const leads = noteChain(checks, chain);
  const platform = platformIn(certification.certificates);
  const role = isPckPath(chain.path) && platform !== undefined;
  if (leads)
    checks.check('pck', 'authentic', role, 'the certificates are a PCK certificate, its CA and the root');
  const qeReport = await noteEnclave(checks, certification);
  const good = leads && role && qeReport !== undefined;
  if (!good || !platform)
    return { checks: checks.list, used: [], platform: undefined, key: undefined, qeReport, ...none };
  const lists = await noteRevocation(checks, chain.path, { crls: collateral.crls, at, policy: revocation });
  const said = await noteStatements(checks, { platform, report: qeReport, technology, world });
  const used = [...(await usedCertificates(chain.path)), ...lists, ...said.used];
  const unique = new Map(used.map((one) => [`${one.kind} ${one.sha256}`, one]));
  return {
    checks: checks.list,
    used: [...unique.values()],
    platform,
    key: spkiOfPoint('P-256', certification.attestationKey),
    qeReport,
    tcbInfo: said.tcbInfo,
    qeIdentity: said.qeIdentity,
  };
}

const memos = { sgx: makeMemo<Certified>(), tdx: makeMemo<Certified>() };

/** All that is certified, with the length of the first of the two parts that have no fixed one. */
function keyOf({ attestationKey, qeReport, qeReportSignature, qeAuthData, pem }: Certification): Uint8Array {
  const { length } = qeAuthData;
  const size = new Uint8Array([length & 0xff, length >> 8]);
  return concat(size, attestationKey, qeReport, qeReportSignature, qeAuthData, pem);
}

function spanOf(at: number, { certificates }: Certification, world: World) {
  const { collateral } = world;
  const statements = [...collateral.tcbInfos, ...collateral.qeIdentities].map(({ value }) => value);
  return spanAround(at, {
    certificates: [...certificates, ...collateral.certificates, ...world.anchors],
    crls: collateral.crls,
    statements,
  });
}

/** Never throws for bad evidence. `platform` is there exactly when the quote is authentic. */
export async function verifyQuote(
  quote: Quote,
  technology: IntelTechnology,
  { revocation, context }: { revocation: Revocation; context: Context },
): Promise<VerifiedQuote> {
  const { at, roots } = context;
  const anchors = roots.intel ?? NO_ANCHORS;
  const { certification } = quote;
  const key = keyOf(certification);
  const where = { at, policy: JSON.stringify(revocation), collateral: context.collateral, anchors };
  const memo = memos[technology];
  let certified = memo.get(key, where);
  if (!certified) {
    const collateral: IntelCollateral = onceFor(context.collateral, intelCollateral);
    const world: World = { at, anchors, collateral, revocation };
    certified = await certify(certification, technology, world);
    memo.put(key, { ...where, span: spanOf(at, certification, world) }, certified);
  }
  const spki = certified.key ?? spkiOfPoint('P-256', certification.attestationKey);
  const signed = await signedBy(spki, quote.signed, quote.signature);
  const checks = collectChecks(technology);
  checks.check('signature', 'authentic', signed, 'the attestation key signed the quote');
  const all = [...checks.list, ...certified.checks];
  const failed = all.some(({ category, outcome }) => category === 'authentic' && outcome === 'fail');
  return { ...certified, checks: all, platform: failed ? undefined : certified.platform };
}

const NO_ANCHORS: readonly [] = [];
