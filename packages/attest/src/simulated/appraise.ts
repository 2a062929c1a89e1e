// Whether signed claims of a simulated room satisfy one entry of a contract's `room.accept`. All checks are made and told.
import { bytesEqual } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import type { AcceptSimulated, Binding, Check, CheckId, Claims } from '../types.ts';

export async function appraiseSimulated(
  claims: Claims,
  accept: AcceptSimulated,
  binding: Binding,
): Promise<readonly Check[]> {
  const platforms = await Promise.all(accept.keys.map((key) => keyThumbprint(key)));
  const check = (id: CheckId, good: boolean, detail: string): Check => ({
    id,
    outcome: good ? 'pass' : 'fail',
    detail,
  });
  return [
    check(
      'platform',
      platforms.some((platform) => platform === claims.platform),
      'the platform is one this entry names',
    ),
    check('debug', !claims.debug, 'the room does not run in debug mode'),
    check(
      'code',
      accept.launch.some((launch) => launch === claims.launch),
      'the room program is one the contract accepts',
    ),
    check('run', bytesEqual(claims.hostData, binding.hostData), 'the room was started for this manifest'),
    check(
      'binding',
      bytesEqual(claims.reportData, binding.reportData),
      "the report binds the nonces, the room's keys and the manifest",
    ),
  ];
}
