// TCB info and enclave identities as pieces to be kept: signed by Intel's TCB signer under the pinned root, of their time, and
// written anew in the one form of the provisioning service's answers, with the signed text as it stands.
import { hexEncode, utf8Encode } from '@sealroom/bytes';
import type { Collateral } from '../collateral.ts';
import { needName } from '../supply/need.ts';
import { type Piece, type PieceWorld, refusePiece, refuseTime, sharedWindow } from '../supply/piece.ts';
import type { Statement } from './collateral.ts';
import { chooseStatement, type Dated } from './statement-check.ts';
import type { QeIdentity, TcbInfo } from './statements.ts';

/** Whether a list says that the signer is revoked is checked all the same; that there is none is no fault of the statement. */
const UNLISTED = { waived: 'a statement is kept whether or not the list of its root is here' };

async function statementPiece<T extends Dated>(
  statement: Statement<T>,
  { all, world }: { all: Collateral; world: PieceWorld },
  about: Pick<Piece, 'name' | 'subject'> & { readonly member: 'tcbInfo' | 'enclaveIdentity' },
): Promise<Piece> {
  const anchors = world.roots.intel ?? [];
  const collateral = {
    certificates: all.certificates,
    crls: all.crls,
    tcbInfos: [],
    qeIdentities: [],
    unreadable: 0,
  };
  const kind = about.member === 'tcbInfo' ? 'tcb-info' : 'qe-identity';
  const judged = await chooseStatement([statement], {
    technology: 'tdx',
    name: kind,
    world: { at: world.at, anchors, collateral, revocation: UNLISTED },
  });
  const failed = (judged?.checks.list ?? []).filter(({ outcome }) => outcome === 'fail');
  if (!judged?.good) {
    const dated = failed.length > 0 && failed.every(({ id }) => /\/(?:stale|future)$/.test(id));
    const words = `It cannot be used: ${failed.map(({ detail }) => detail).join('; ')}.`;
    throw dated ? refuseTime(words) : refusePiece(words);
  }
  const { text, signature, value } = statement;
  const windows = judged.used.filter((one) => one.kind === 'certificate');
  return {
    name: about.name,
    kind,
    subject: about.subject,
    form: 'json',
    bytes: utf8Encode(`{"${about.member}":${text},"signature":"${hexEncode(signature)}"}`),
    ...sharedWindow([{ notBefore: value.issueDate, notAfter: value.nextUpdate }, ...windows]),
    made: value.issueDate,
  };
}

const teeOf = { SGX: 'sgx', TDX: 'tdx', QE: 'sgx', TD_QE: 'tdx' } as const;

export async function tcbInfoPiece(
  info: Statement<TcbInfo>,
  all: Collateral,
  world: PieceWorld,
): Promise<Piece> {
  const { id, fmspc } = info.value;
  const name = needName({ kind: 'intel-tcb-info', tee: teeOf[id], fmspc });
  return statementPiece(info, { all, world }, { name, subject: `${id} TCB of ${fmspc}`, member: 'tcbInfo' });
}

export async function identityPiece(
  identity: Statement<QeIdentity>,
  all: Collateral,
  world: PieceWorld,
): Promise<Piece> {
  const { id } = identity.value;
  const name = needName({ kind: 'intel-identity', tee: teeOf[id] });
  return statementPiece(
    identity,
    { all, world },
    { name, subject: `identity ${id}`, member: 'enclaveIdentity' },
  );
}
