// The simulated vendor: it takes the path that hardware takes and proves only that a node's operator vouches for the room.
import { type Digest, digestBytes } from '@sealroom/bytes';
import { type KeyText, parseKey } from '@sealroom/cose';
import { z } from 'zod';
import { collectChecks } from '../checks.ts';
import { AttestError } from '../error.ts';
import type { TechnologyOf } from '../technology.ts';
import type { Check, Claims, Verified } from '../types.ts';
import { parseSimulatedEvidence } from './parse.ts';
import { verifySimulated } from './verify.ts';

function accepts<T>(text: T, read: (text: T) => unknown): boolean {
  try {
    read(text);
    return true;
  } catch {
    return false;
  }
}

/** Every member is needed, and an empty list accepts nothing. There is no built-in simulator root: `keys` pins them. */
export const simulatedEntry = z.strictObject({
  technology: z.literal('simulated'),
  keys: z.array(z.custom<KeyText>((text) => typeof text === 'string' && accepts(text, parseKey))).max(64),
  launch: z.array(z.custom<Digest>((text) => typeof text === 'string' && accepts(text, digestBytes))).max(64),
  hostData: z.literal('manifest'),
});

export type SimulatedEntry = z.infer<typeof simulatedEntry>;

async function verify(body: Uint8Array, { keys }: SimulatedEntry): Promise<Verified> {
  const checks = collectChecks('simulated');
  try {
    const claims = await verifySimulated(body, keys);
    checks.check('signature', 'authentic', true, 'a simulator key that is pinned signed the evidence');
    checks.check('platform', 'platform', true, 'the platform is one this entry names');
    return { checks: checks.list, claims, used: [] };
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
    if (error.code === 'attest/untrusted-signer')
      checks.check('platform', 'platform', false, 'the platform is one this entry names');
    else checks.check('signature', 'authentic', false, error.message);
    return { checks: checks.list, claims: undefined, used: [] };
  }
}

function appraise(claims: Claims, { launch }: SimulatedEntry): readonly Check[] {
  const checks = collectChecks('simulated');
  checks.check('debug', 'debug', !claims.debug, 'the room does not run in debug mode');
  checks.check(
    'launch',
    'code',
    launch.some((one) => one === claims.launch),
    'the room program is one the contract accepts',
  );
  return checks.list;
}

export const simulated: TechnologyOf<Uint8Array, Claims, SimulatedEntry> = {
  name: 'simulated',
  title: 'Simulated room (no hardware)',
  hardware: false,
  needs: [],
  detect: (bytes) => accepts(bytes, parseSimulatedEvidence),
  parse: (bytes) => {
    parseSimulatedEvidence(bytes);
    return bytes;
  },
  verify,
  appraise: async (claims, entry) => appraise(claims, entry),
  pin: (bytes) => {
    const { report } = parseSimulatedEvidence(bytes);
    return { technology: 'simulated', keys: [], launch: [report.launch as Digest], hostData: 'manifest' };
  },
};
