// What the hub asks of statements about organisations and people before it takes them. Pure.
import { type Statement, type StatementType, isOfType } from '@sealroom/contract';
import { refuse } from '../error.ts';

/** Narrows a statement to the type that a call takes. @throws hub/wrong-type */
export function expectType<T extends StatementType>(
  statement: Statement,
  type: T,
): Extract<Statement, { type: T }> {
  if (isOfType(statement, type)) return statement;
  throw refuse('hub/wrong-type', `This call takes a ${type} statement, not a ${statement.type}.`);
}

/** Whether a registration needs a code: only the first one of an organisation, where the operator wants codes. */
export function needsCode(
  registration: 'open' | 'code',
  statement: Extract<Statement, { type: 'participant.registered' }>,
): boolean {
  return registration === 'code' && statement.payload.prev === null;
}
