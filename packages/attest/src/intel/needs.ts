// What of Intel's provisioning service (API version 4) belongs to a quote: TCB info for its FMSPC, the identity of its quoting
// enclave, who signed both, and the lists of revoked certificates of root and PCK authority.
import { bytesEqual } from '@sealroom/bytes';
import type { Need } from '../supply/need.ts';
import { NAME } from '../x509/certificate.ts';
import { platformIn } from './pck.ts';
import type { Quote } from './quote.ts';

/** Which PCK authority a name is of. */
export function pckAuthority(name: string | undefined): 'platform' | 'processor' | undefined {
  if (name === 'Intel SGX PCK Platform CA') return 'platform';
  return name === 'Intel SGX PCK Processor CA' ? 'processor' : undefined;
}

/** Nothing when the PCK certificate does not say which platform it is of. */
export function intelNeeds(tee: 'sgx' | 'tdx', { certification: { certificates } }: Quote): Need[] {
  const [leaf] = certificates;
  const platform = platformIn(certificates);
  if (!leaf || !platform) return [];
  const issuer = certificates.find(({ subject }) => bytesEqual(subject, leaf.issuer));
  const authority = pckAuthority(issuer?.subjectNames.get(NAME.commonName));
  return [
    { kind: 'intel-tcb-info', tee, fmspc: platform.fmspc },
    { kind: 'intel-identity', tee },
    { kind: 'intel-signer' },
    { kind: 'intel-root-crl' },
    ...(authority ? [{ kind: 'intel-pck-crl' as const, ca: authority }] : []),
  ];
}
