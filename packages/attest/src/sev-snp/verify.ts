// Who signed a report: an endorsement key whose certificate leads over AMD's signing key to a pinned root, and which the report
// itself names by kind, chip and TCB version. AMD publishes lists of revoked signing keys under its roots and none of endorsement
// keys, so that revocation is that of ASK or ASVK and ARK. Not checked: whether a report is acceptable (appraise.ts).
import { hexEncode, isZero } from '@sealroom/bytes';
import {
  type Checks,
  collectChecks,
  noteChain,
  noteRevocation,
  type Revocation,
  usedCertificates,
} from '../checks.ts';
import type { Claims, CollateralUse, Context, Verified } from '../types.ts';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { type Chain, verifyChain } from '../x509/chain.ts';
import { curveOf, hasSigned } from '../x509/signature.ts';
import { nearestKeys, type EndorsementKey, isChip, type Kind } from './certificates.ts';
import type { SnpEvidence } from './parse.ts';
import { PRODUCTS, type Product, productOfProcessor, readTcb, sameTcb, tcbText } from './products.ts';
import type { SnpReport } from './report.ts';
import { signedClaims } from './claims.ts';

export type SnpClaims = Claims & {
  readonly report: SnpReport;
  readonly product: Product;
  readonly kind: Kind;
  /** The cloud provider of a VLEK. */
  readonly provider: string | undefined;
};

const ISSUERS: Readonly<Record<Kind, string>> = { VCEK: 'SEV-', VLEK: 'SEV-VLEK-' };

/** Leaf, intermediate and root must be of one kind and product, each in its own place. */
function noteLadder(checks: Checks, { path, problems }: Chain, { kind, product }: EndorsementKey): boolean {
  const [, middle, root] = path;
  const name = (certificate: Certificate | undefined) => certificate?.subjectNames.get(NAME.commonName);
  const rootProduct = PRODUCTS.find((one) => name(root) === `ARK-${one}`);
  const kinds = name(middle) === `${ISSUERS[kind]}${product}` && path.length === 3;
  const ladder = checks.check(
    'ladder',
    'authentic',
    kinds,
    `the ${kind} was issued by the signing key for ${kind}s of ${product}, and that by a root`,
  );
  const same = checks.check(
    'product/root',
    'authentic',
    rootProduct === product,
    `the root is that of ${product}, as the endorsement key's certificate says`,
  );
  return ladder && same && problems.length === 0;
}

function noteProduct(checks: Checks, { processor }: SnpReport, product: Product): boolean {
  if (!processor)
    return checks.check(
      'product',
      'authentic',
      true,
      `reports of version 2 do not name the processor; the chain says ${product}`,
    );
  const { family, model, stepping } = processor;
  return checks.check(
    'product',
    'authentic',
    productOfProcessor(family, model) === product,
    `processor family ${family}, model ${model}, stepping ${stepping} is of ${product}, as the chain says`,
  );
}

function noteKind(checks: Checks, report: SnpReport, { kind }: EndorsementKey): boolean {
  const said = ['VCEK', 'VLEK'][report.signingKey];
  const words = said ?? (report.signingKey === 7 ? 'no key' : 'a key of an unknown kind');
  return checks.check(
    'signing-key',
    'authentic',
    said === kind && !report.chipKeyMasked,
    `the report says that ${words} signs it${report.chipKeyMasked ? ' and that the chip’s key is masked' : ''}; the certificate is that of a ${kind}`,
  );
}

function noteChip(checks: Checks, { chipId }: SnpReport, { kind, chip }: EndorsementKey): boolean {
  const masked = isZero(chipId);
  if (kind === 'VLEK')
    return checks.check('chip', 'authentic', chip === undefined, 'a VLEK is of a provider and of no chip');
  return checks.check(
    'chip',
    'authentic',
    chip !== undefined && !masked && isChip(chipId, chip),
    masked
      ? 'the report must name its chip; this one hides it'
      : 'the endorsement key is that of the chip which the report names',
  );
}

function noteTcb(checks: Checks, { tcb }: SnpReport, key: EndorsementKey): boolean {
  const fields = [tcb.current, tcb.reported, tcb.committed, tcb.launch].map((bytes) =>
    readTcb(bytes, key.product),
  );
  const plain = checks.check(
    'tcb-layout',
    'authentic',
    fields.every((field) => field.plain),
    `the TCB versions are in the layout of ${key.product}`,
  );
  const reported = readTcb(tcb.reported, key.product).tcb;
  const same = checks.check(
    'tcb-match',
    'authentic',
    sameTcb(reported, key.tcb),
    `the endorsement key is derived from the reported TCB (report: ${tcbText(reported, key.product)}; certificate: ${tcbText(key.tcb, key.product)})`,
  );
  return plain && same;
}

async function signs(
  { certificate: { spki } }: EndorsementKey,
  { signed, signature }: SnpReport,
): Promise<boolean> {
  if (curveOf(spki)?.curve !== 'P-384') return false;
  return hasSigned(spki, { kind: 'ECDSA', hash: 'SHA-384' }, { message: signed, signature });
}

/** Providers' keys of one TCB differ in nothing that a report names: then it is the one that signed. */
async function signerOf(
  keys: readonly EndorsementKey[],
  report: SnpReport,
  likely: EndorsementKey,
): Promise<{ readonly key: EndorsementKey; readonly signed: boolean }> {
  for (const key of keys) if (await signs(key, report)) return { key, signed: true };
  return { key: likely, signed: false };
}

function platformOf({ chipId }: SnpReport, { chip, provider }: EndorsementKey): string {
  if (chip) return `sev-snp:chip:${hexEncode(chip)}`;
  if (isZero(chipId)) return `sev-snp:provider:${provider ?? ''}`;
  const turin = isZero(chipId.subarray(8));
  return `sev-snp:chip:${hexEncode(turin ? chipId.subarray(0, 8) : chipId)}`;
}

function claimsOf(report: SnpReport, key: EndorsementKey): SnpClaims {
  const { kind, product, provider } = key;
  const platform = platformOf(report, key);
  let signed: Claims['signed'] | undefined;
  return {
    technology: 'sev-snp',
    hardware: true,
    debug: report.guestBits.has('debug'),
    launch: hexEncode(report.measurement),
    hostData: report.hostData,
    reportData: report.reportData,
    platform,
    otherNames: provider === undefined ? [] : [`sev-snp:provider:${provider}`],
    // For people and results; a release asks for none of it.
    get signed() {
      signed ??= signedClaims(report, { kind, product, provider, platform });
      return signed;
    },
    report,
    product,
    kind,
    provider,
  };
}

function noKey(checks: Checks, report: SnpReport, problem: string | undefined): Verified<SnpClaims> {
  const kind = report.signingKey === 1 ? 'VLEK' : 'VCEK';
  const why =
    problem ??
    `no ${kind} certificate came with the report or in the collateral; fetch it from AMD’s key service`;
  checks.check('endorsement-key', 'authentic', false, why);
  return { checks: checks.list, claims: undefined, used: [] };
}

/** What can be said of a report under a key before it is known whether that key signed it. */
type Assessed = {
  readonly checks: Checks;
  /** What the report claims, if the key signed it and nothing but its signature is open. */
  readonly claimed: SnpClaims | undefined;
  readonly used: readonly CollateralUse[];
};

type World = {
  readonly candidates: readonly Certificate[];
  readonly revocation: Revocation;
  readonly context: Context;
};

async function assess(
  report: SnpReport,
  key: EndorsementKey,
  { candidates, revocation, context: { at, collateral, roots } }: World,
): Promise<Assessed> {
  const checks = collectChecks('sev-snp');
  const options = { intermediates: candidates, anchors: roots.amd ?? [], at };
  const chain = await verifyChain(key.certificate, options);
  const good = [
    noteChain(checks, chain),
    noteLadder(checks, chain, key),
    noteProduct(checks, report, key.product),
    noteKind(checks, report, key),
    noteChip(checks, report, key),
    noteTcb(checks, report, key),
  ].every(Boolean);
  const used = await usedCertificates(chain.path);
  if (chain.problems.length > 0) return { checks, claimed: undefined, used };
  const [, ...issuers] = chain.path;
  const root = issuers.at(-1);
  const lists = await noteRevocation(checks, root ? [...issuers, root] : issuers, {
    crls: collateral.crls,
    at,
    policy: revocation,
  });
  return { checks, claimed: good ? claimsOf(report, key) : undefined, used: [...used, ...lists] };
}

/** Never throws for bad evidence. Claims are given when the report is authentic, whatever is known of revocation. */
export async function verifySnp(
  { report, certificates }: SnpEvidence,
  { revocation }: { readonly revocation: Revocation },
  context: Context,
): Promise<Verified<SnpClaims>> {
  const candidates = [...certificates, ...context.collateral.certificates];
  const { keys, problem } = nearestKeys(candidates, report, context.at);
  const [likely] = keys;
  if (!likely) return noKey(collectChecks('sev-snp'), report, problem);
  const world = { candidates, revocation, context };
  // All else is looked at while the platform computes; only of several providers' keys can another be the one.
  const [{ key, signed }, ofLikely] = await Promise.all([
    signerOf(keys, report, likely),
    assess(report, likely, world),
  ]);
  const { checks, claimed, used } = key === likely ? ofLikely : await assess(report, key, world);
  checks.check('signature', 'authentic', signed, 'the endorsement key signed the report');
  return { checks: checks.list, claims: signed ? claimed : undefined, used };
}
