// What a statement is about, read off its payload: the columns under which it is found again.
import type { Digest } from '@sealroom/bytes';
import { isOfType, type Statement } from '@sealroom/contract';

export type About = {
  readonly project: string | null;
  readonly contract: Digest | null;
  readonly run: Digest | null;
};

/** The project, contract and run that a statement names, or is the beginning of. */
export function aboutOf(statement: Statement): About {
  const { payload } = statement;
  const project = 'project' in payload ? payload.project : null;
  if (isOfType(statement, 'contract.signed')) return { project, contract: statement.digest, run: null };
  const contract = 'contract' in payload ? payload.contract : null;
  if (isOfType(statement, 'run.requested')) return { project, contract, run: statement.digest };
  return { project, contract, run: 'run' in payload ? payload.run : null };
}

/** When the signer says it signed. */
export function issuedAt(statement: Statement): Date {
  return new Date(statement.claims.iat * 1000);
}
