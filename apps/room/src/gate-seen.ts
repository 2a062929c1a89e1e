// What a room sees of the node's outer gate (protocol.md section 8), told to the parties with its first stage. Not checked: that
// it is so. A node makes all that a simulated room sees, so it is the node's word, as its isolation is.
import type { networkInterfaces } from 'node:os';

/** The room sees loopback alone and has one way out; no gate was named; or one was, and the machine's network is there. */
export type GateSeen = 'gate/closed' | 'gate/none' | 'gate/open';

/** @param gate the socket that the node named @param interfaces those with an address, as the system lists them */
export function gateSeen(
  gate: string | undefined,
  interfaces: ReturnType<typeof networkInterfaces>,
): GateSeen {
  if (gate === undefined) return 'gate/none';
  const alone = Object.values(interfaces).every(
    (addresses) => addresses?.every(({ internal }) => internal) ?? true,
  );
  return alone ? 'gate/closed' : 'gate/open';
}
