// The room's side of the node's gate: opens a connection to host and port by asking a Unix socket with HTTP CONNECT
// (RFC 9110 section 9.3.6). TLS runs inside the tunnel, so the gate sees ciphertext. Not here: who may go where.
import { request } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { refusal } from './problem.ts';

/** Response header in which a gate says why not. */
export const GATE_CODE_HEADER = 'gate-code';

/** Whether a text is one of a gate's codes, such as `gate/not-allowed`. */
export function isGateCode(text: unknown): text is `gate/${string}` {
  return typeof text === 'string' && /^gate\/[a-z-]{1,40}$/.test(text);
}

/**
 * @param gate path of the gate's Unix socket
 * @throws fetch/gate when the gate refuses, fetch/timeout, fetch/failed
 */
export function openTunnel(gate: string, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const path = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const asked = request({ socketPath: gate, method: 'CONNECT', path, agent: false, timeout: timeoutMs });
  asked.once('timeout', () => {
    asked.destroy(refusal('fetch/timeout', 'The node’s gate does not answer in time; try again.'));
  });
  asked.once('error', reject);
  // A gate answers a CONNECT that it refuses without a tunnel.
  const refused = (code: unknown): void => {
    const known = isGateCode(code) ? code : 'no code';
    asked.destroy();
    if (known === 'gate/unreachable')
      return reject(
        refusal('fetch/failed', `${host} cannot be reached from the node.`, {
          cause: Object.assign(new Error(known), { code: known }),
        }),
      );
    return reject(refusal('fetch/gate', `The node’s gate does not let this room reach ${host} (${known}).`));
  };
  asked.once('response', (answer) => refused(answer.headers[GATE_CODE_HEADER]));
  asked.once('connect', (answer, stream, head) => {
    const socket = stream as Socket;
    if (answer.statusCode !== 200) {
      socket.destroy();
      return refused(answer.headers[GATE_CODE_HEADER]);
    }
    if (head.length > 0) socket.unshift(head);
    socket.setTimeout(0);
    return resolve(socket);
  });
  asked.end();
  return promise;
}
