// What a Nitro document must say to be acceptable: no register of the code is zero, and each register that the entry names
// holds one of its values. A register that the entry names and the document lacks was not locked, and fails.
import { collectChecks } from '../checks.ts';
import type { Check, Claims } from '../types.ts';
import { type NitroEntry, pinnedPcrs } from './entry.ts';

const CODE = [0, 1, 2];

export function appraiseNitro(claims: Claims, entry: NitroEntry): readonly Check[] {
  const checks = collectChecks('aws-nitro');
  checks.check(
    'debug',
    'debug',
    !claims.debug,
    'the enclave does not run in debug mode: PCR0 to PCR2 are set',
  );
  for (const [index, values] of pinnedPcrs(entry)) {
    const value = claims.signed[`pcr${index}`];
    const good = typeof value === 'string' && values.includes(value);
    const category = CODE.includes(index) ? 'code' : 'configuration';
    checks.check(`pcr${index}`, category, good, `PCR${index} is one that the entry names`);
  }
  return checks.list;
}
