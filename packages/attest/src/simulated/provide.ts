// What a node's simulated TEE does when a room asks for evidence. The node signs; the room cannot.
import { base64urlEncode, canonicalBytes, type Digest } from '@sealroom/bytes';
import { contentTypeOf, type Signer, sign1 } from '@sealroom/cose';
import type { Evidence } from '../types.ts';
import { SIMULATED_EVIDENCE } from './parse.ts';

/** @param nowSeconds seconds since 1970; informative only, freshness comes from the nonces in `reportData`. */
export async function simulatedEvidence(
  signer: Signer,
  report: { launch: Digest; hostData: Uint8Array; reportData: Uint8Array; debug: boolean },
  nowSeconds: number,
): Promise<Evidence> {
  const payload = canonicalBytes({
    v: 1,
    debug: report.debug,
    launch: report.launch,
    hostData: base64urlEncode(report.hostData),
    reportData: base64urlEncode(report.reportData),
  });
  const claims = { iss: signer.kid, sub: 'room', aud: 'vault', iat: nowSeconds };
  const bytes = await sign1(signer, { contentType: contentTypeOf(SIMULATED_EVIDENCE), claims, payload });
  return { technology: 'simulated', body: base64urlEncode(bytes) };
}
