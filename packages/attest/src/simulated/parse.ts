// Evidence of the simulated vendor: a COSE_Sign1 by a node's own simulator key over canonical JSON
//   { debug, hostData, launch, reportData, v }   (content type application/sealroom.simulated-evidence+json)
// It takes the same path as hardware evidence and proves only that the node's operator vouches for the room.
import { base64urlDecode, type Bytes, digestBytes, type Json, parseCanonical } from '@sealroom/bytes';
import { contentTypeOf, decodeSign1, type Sign1 } from '@sealroom/cose';
import { AttestError } from '../error.ts';

export const SIMULATED_EVIDENCE = 'simulated-evidence';

export type SimulatedReport = {
  readonly v: 1;
  readonly debug: boolean;
  readonly launch: string;
  readonly hostData: Bytes;
  readonly reportData: Bytes;
};

function field(value: Json | undefined): Bytes {
  const bytes = typeof value === 'string' ? base64urlDecode(value) : undefined;
  if (bytes?.length !== 32)
    throw new AttestError('attest/malformed', 'A field of the simulated report is not 32 bytes.');
  return bytes;
}

/** @throws attest/malformed */
export function parseSimulatedReport(payload: Uint8Array): SimulatedReport {
  try {
    const value = parseCanonical(payload);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('not an object');
    const report = value as { readonly [key: string]: Json };
    const { v, debug, launch, hostData, reportData, ...rest } = report;
    if (v !== 1 || typeof debug !== 'boolean' || typeof launch !== 'string' || Object.keys(rest).length > 0) {
      throw new Error('wrong members');
    }
    digestBytes(launch);
    return { v, debug, launch, hostData: field(hostData), reportData: field(reportData) };
  } catch (cause) {
    throw new AttestError('attest/malformed', 'The simulated report is not in its canonical form.', {
      cause,
    });
  }
}

/** Takes the evidence apart; nothing is authenticated. @throws attest/malformed */
export function parseSimulatedEvidence(body: Uint8Array): { envelope: Sign1; report: SimulatedReport } {
  let envelope: Sign1;
  try {
    envelope = decodeSign1(body);
  } catch (cause) {
    throw new AttestError('attest/malformed', 'The simulated evidence is not a COSE_Sign1.', { cause });
  }
  if (envelope.contentType !== contentTypeOf(SIMULATED_EVIDENCE)) {
    throw new AttestError('attest/malformed', 'The COSE_Sign1 is not simulated evidence.');
  }
  return { envelope, report: parseSimulatedReport(envelope.payload) };
}
