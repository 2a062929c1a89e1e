// Who signed simulated evidence: one of the simulator keys that the contract pins. There is no built-in root.
import { hexEncode } from '@sealroom/bytes';
import { CoseError, type KeyText, keyThumbprint, verifySign1 } from '@sealroom/cose';
import { AttestError } from '../error.ts';
import type { Claims } from '../types.ts';
import { parseSimulatedEvidence } from './parse.ts';

/**
 * @param keys the simulator keys that may sign; an empty list trusts nobody.
 * @throws attest/malformed · attest/untrusted-signer · attest/bad-signature
 */
export async function verifySimulated(body: Uint8Array, keys: readonly KeyText[]): Promise<Claims> {
  const { envelope, report } = parseSimulatedEvidence(body);
  for (const key of keys) {
    if ((await keyThumbprint(key)) !== envelope.kid) continue;
    try {
      await verifySign1(body, key);
    } catch (cause) {
      if (cause instanceof CoseError) {
        throw new AttestError(
          'attest/bad-signature',
          'The simulated evidence is not signed by the key it names.',
          { cause },
        );
      }
      throw cause;
    }
    return {
      technology: 'simulated',
      hardware: false,
      debug: report.debug,
      launch: report.launch,
      hostData: report.hostData,
      reportData: report.reportData,
      platform: envelope.kid,
      signed: {
        launch: report.launch,
        debug: report.debug,
        hostData: hexEncode(report.hostData),
        reportData: hexEncode(report.reportData),
        platform: envelope.kid,
      },
    };
  }
  throw new AttestError(
    'attest/untrusted-signer',
    'No simulator key that the contract pins has signed this evidence.',
  );
}
