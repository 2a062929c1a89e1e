export { appraiseEvidence } from './appraise.ts';
export { AttestError, type AttestErrorCode } from './error.ts';
export { parseSimulatedEvidence, type SimulatedReport } from './simulated/parse.ts';
export { simulatedEvidence } from './simulated/provide.ts';
export { verifySimulated } from './simulated/verify.ts';
export type {
  Accept,
  AcceptSimulated,
  Appraisal,
  Binding,
  Check,
  CheckId,
  Claims,
  Evidence,
  Technology,
} from './types.ts';
