// Reads a file of Wycheproof's test vectors (C2SP/wycheproof, testvectors_v1) as the tests of packages want it: flat cases,
// each with its group. The members of a group or case depend on the file; the caller names their types.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type WycheproofCase = {
  readonly tcId: number;
  readonly comment?: string;
  readonly flags: readonly string[];
  readonly result: 'valid' | 'invalid' | 'acceptable';
};

/**
 * All cases of a file, each with the members of its group.
 * @param folder of the shared set `wycheproof`
 * @throws when the file does not hold as many cases as it says, or none
 */
export function wycheproofCases<Members>(
  folder: string,
  file: string,
): readonly (WycheproofCase & Members)[] {
  const { numberOfTests, testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    numberOfTests: number;
    testGroups: readonly { readonly tests: readonly (WycheproofCase & Members)[] }[];
  };
  const cases = testGroups.flatMap(({ tests, ...group }) => tests.map((one) => ({ ...group, ...one })));
  if (cases.length !== numberOfTests || cases.length === 0) throw new Error(`${file} is not whole.`);
  return cases;
}
