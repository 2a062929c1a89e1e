// Which subjects a run stands under: the salts of the first versions of its contracts, taken from what the caller brought
// or from what the vault has followed before. A salt proves nothing by itself; it only makes entries findable.
import { type Bytes, type Digest, hexEncode } from '@sealroom/bytes';
import {
  contractSalt,
  ContractError,
  isOfType,
  readStatement,
  type Statement,
  type StatementType,
} from '@sealroom/contract';
import { contentTypeOf, CoseError, decodeSign1 } from '@sealroom/cose';
import type { Records } from './fold.ts';

/** The statements of one type among some bytes that can be read; who signed them is not checked here. */
export async function readBrought(statements: Iterable<Bytes>, type: StatementType): Promise<Statement[]> {
  const found: Statement[] = [];
  for (const cose of statements) {
    try {
      if (decodeSign1(cose).contentType === contentTypeOf(type)) found.push(await readStatement(cose));
    } catch (error) {
      if (!(error instanceof ContractError || error instanceof CoseError)) throw error;
    }
  }
  return found;
}

/** The salts of the families of these contracts; undefined when one is not to be found. */
export function saltsOf(
  contracts: readonly Digest[],
  brought: readonly Statement[],
  records: Pick<Records, 'knownSalt'>,
): Bytes[] | undefined {
  const signed = brought.filter((statement) => isOfType(statement, 'contract.signed'));
  const saltOf = (contract: Digest): Bytes | undefined => {
    const known = records.knownSalt(contract);
    if (known) return known;
    const terms = signed.find((statement) => statement.digest === contract)?.payload;
    if (!terms) return undefined;
    if (terms.first === null) return contractSalt(terms);
    const first = signed.find((statement) => statement.digest === terms.first)?.payload;
    return records.knownSalt(terms.first) ?? (first?.first === null ? contractSalt(first) : undefined);
  };
  const salts = new Map<string, Bytes>();
  for (const contract of contracts) {
    const salt = saltOf(contract);
    if (!salt) return undefined;
    salts.set(hexEncode(salt), salt);
  }
  return [...salts.values()];
}
