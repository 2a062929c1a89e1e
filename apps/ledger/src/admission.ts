// Who may add what: the adapter between the ledger and the record that `@sealroom/contract` folds. The ledger asks for
// each statement in turn, so that a statement is judged against all that stand before it.
import { type Bytes, hexEncode } from '@sealroom/bytes';
import { admitStatement, applyStatement, createRecord } from '@sealroom/contract';
import { PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';

export type Admitted = {
  /** K of the subject that the statement is about. */
  readonly subjectKey: Bytes;
  /** Tells the record that the statement stands at this leaf; called at once, before the next statement is judged. */
  commit(index: number): void | Promise<void>;
};

/** Judges statements against the record of all that were committed. `admit` alone changes nothing. */
export type Admission = {
  /** @throws an error with a stable code, such as `statement/unknown-type` */
  admit(bytes: Uint8Array): Promise<Admitted>;
};

/** An empty record for the given origin. */
export function contractAdmission(origin: string): Admission {
  const record = createRecord(origin);
  const keys = new Map<string, Bytes>();

  async function keyOf(salt: Bytes): Promise<Bytes> {
    const name = hexEncode(salt);
    const known = keys.get(name) ?? (await subjectKey(salt));
    keys.set(name, known);
    return known;
  }

  return {
    async admit(bytes) {
      const admitted = await admitStatement(record, bytes);
      const { subject } = admitted;
      return {
        subjectKey: subject === 'public' ? PUBLIC_SUBJECT_KEY : await keyOf(subject),
        commit: (index) => applyStatement(record, admitted, index),
      };
    },
  };
}
