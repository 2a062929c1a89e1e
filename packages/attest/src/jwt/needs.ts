// What a token needs beside it: the key set of the issuer that it names, unless a certificate chain came in its header. The name
// only chooses among the issuers that the verifier has an address for.
import type { Need } from '../supply/need.ts';
import { textAt } from './claims.ts';
import type { Jwt } from './parse.ts';

export function tokenNeeds({ payload, x5c }: Jwt): Need[] {
  const issuer = textAt(payload, 'iss');
  return issuer === undefined || x5c.length > 0 ? [] : [{ kind: 'key-set', issuer }];
}
