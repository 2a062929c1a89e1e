// Whether a statement of Intel's provisioning service may be used: signed by Intel's TCB signing key under the pinned root,
// which has not been revoked, and within its own dates. Of several that are good the one with the highest evaluation number
// counts, and when none is good the reasons of each are told.
import {
  type Checks,
  collectChecks,
  noteRevocation,
  type Revocation,
  useOf,
  usedCertificates,
} from '../checks.ts';
import type { Category, CollateralUse } from '../types.ts';
import { utf8Encode } from '@sealroom/bytes';
import { type Certificate, NAME } from '../x509/certificate.ts';
import { timeText, verifyChain } from '../x509/chain.ts';
import { hasSigned } from '../x509/signature.ts';
import type { IntelCollateral, Statement } from './collateral.ts';
import { isTcbSigningPath, TCB_SIGNER } from './pck.ts';

export type Dated = {
  readonly id: string;
  readonly issueDate: number;
  readonly nextUpdate: number;
  readonly tcbEvaluationDataNumber: number;
};

export type World = {
  readonly at: number;
  readonly anchors: readonly Certificate[];
  readonly collateral: IntelCollateral;
  readonly revocation: Revocation;
};

const SCHEME = { kind: 'ECDSA', hash: 'SHA-256' } as const;
const P256_SPKI = 91;

type Name = 'tcb-info' | 'qe-identity';
/** Without a good identity nobody knows that it was a quoting enclave; without TCB info the quote is authentic all the same. */
const CATEGORY: { readonly [name in Name]: Category } = { 'tcb-info': 'tcb', 'qe-identity': 'authentic' };

/** The certificate whose key signed the text: any candidate that says it is the TCB signer. */
async function signerOf(
  { text, signature }: Statement<Dated>,
  { certificates }: IntelCollateral,
): Promise<Certificate | undefined> {
  const message = utf8Encode(text);
  const named = (one: Certificate) => Number(one.subjectNames.get(NAME.commonName) !== TCB_SIGNER);
  for (const candidate of certificates.toSorted((a, b) => named(a) - named(b))) {
    if (candidate.spki.length !== P256_SPKI) continue;
    if (await hasSigned(candidate.spki, SCHEME, { message, signature })) return candidate;
  }
  return undefined;
}

function noteDates(checks: Checks, name: Name, { issueDate, nextUpdate }: Dated, at: number): void {
  if (at < issueDate)
    checks.check(`${name}/future`, 'tcb', false, `it is not issued before ${timeText(issueDate)}`);
  else if (!(at < nextUpdate))
    checks.check(`${name}/stale`, 'tcb', false, `its successor was due at ${timeText(nextUpdate)}`);
}

async function noteSigner(
  checks: Checks,
  name: Name,
  { signer, world }: { signer: Certificate; world: World },
): Promise<CollateralUse[]> {
  const { at, anchors, collateral, revocation } = world;
  const { path, problems } = await verifyChain(signer, {
    intermediates: collateral.certificates,
    anchors,
    at,
  });
  const category = CATEGORY[name];
  for (const { code, detail } of problems) checks.check(`${name}/chain/${code}`, category, false, detail);
  if (problems.length > 0) return [];
  if (!isTcbSigningPath(path)) {
    checks.check(
      `${name}/role`,
      category,
      false,
      'the key that signed it is not Intel’s for such statements',
    );
    return [];
  }
  const under: Checks = {
    list: checks.list,
    check: (id, ...rest) => checks.check(`${name}/${id}`, ...rest),
    skip: (id, ...rest) => checks.skip(`${name}/${id}`, ...rest),
  };
  const lists = await noteRevocation(under, path, { crls: collateral.crls, at, policy: revocation });
  return [...(await usedCertificates(path)), ...lists];
}

type Judged<T> = {
  readonly statement: Statement<T>;
  readonly checks: Checks;
  readonly used: CollateralUse[];
  readonly good: boolean;
};

async function judge<T extends Dated>(
  statement: Statement<T>,
  { technology, name, world }: StatementOptions,
): Promise<Judged<T>> {
  const checks = collectChecks(technology);
  const { value, text } = statement;
  const used: CollateralUse[] = [];
  noteDates(checks, name, value, world.at);
  const signer = await signerOf(statement, world.collateral);
  if (signer) used.push(...(await noteSigner(checks, name, { signer, world })));
  else checks.check(`${name}/signature`, CATEGORY[name], false, 'no certificate that is here has signed it');
  const good = checks.list.every(({ outcome }) => outcome !== 'fail');
  const { id: subject, issueDate: notBefore, nextUpdate: notAfter } = value;
  if (good) {
    const within = utf8Encode(statement.source);
    used.push(await useOf(name, { subject, bytes: utf8Encode(text), within, notBefore, notAfter }));
  }
  return { statement, checks, used, good };
}

export type StatementOptions = {
  readonly technology: 'sgx' | 'tdx';
  readonly name: Name;
  readonly world: World;
};

/** The statement to go by, with what speaks against it or makes it good. */
export async function chooseStatement<T extends Dated>(
  statements: readonly Statement<T>[],
  options: StatementOptions,
): Promise<Judged<T> | undefined> {
  const judged: Judged<T>[] = [];
  for (const statement of statements) judged.push(await judge(statement, options));
  const number = ({ statement }: Judged<T>) => statement.value.tcbEvaluationDataNumber;
  const failures = ({ checks }: Judged<T>) => checks.list.filter(({ outcome }) => outcome === 'fail').length;
  return judged.toSorted((a, b) => failures(a) - failures(b) || number(b) - number(a))[0];
}
