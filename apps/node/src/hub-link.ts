// What the node says to the hub: it enrols once with a one-time code, and afterwards signs every request over method, path
// and body, each with a nonce of its own.
import { hubRoutes, type Work } from '@sealroom/api';
import { base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { type Authenticate, call, type Fetch, type Service } from '@sealroom/client';
import { createMessage, type MessageOf } from '@sealroom/contract';
import type { Signer } from '@sealroom/cose';

export type HubLink = {
  describe(): Promise<{ origin: string; ledgerOrigin: string; storeOrigins: readonly string[] }>;
  enrol(enrolment: MessageOf<'node-enrolment'>): Promise<Digest>;
  /** @param running every run that this node has; the hub takes back what it gave the node besides */
  takeWork(running: readonly Digest[], signal: AbortSignal): Promise<Work | null>;
  reportFailed(run: Digest, detail: string): Promise<void>;
};

function signRequests(signer: Signer, origin: string, now: () => number): Authenticate {
  return async ({ method, path, body }) => {
    const payload = {
      method,
      path,
      body: await sha256Digest(body),
      nonce: base64urlEncode(crypto.getRandomValues(new Uint8Array(16))),
      at: new Date(now()).toISOString(),
    };
    const message = await createMessage(signer, {
      name: 'node-request',
      payload,
      audience: origin,
      now: now(),
    });
    return { authorization: `Node ${base64urlEncode(message)}` };
  };
}

/** @param now milliseconds since 1970 */
export async function createHubLink(
  hubUrl: string,
  { signer, fetch, now }: { signer: Signer; fetch: Fetch; now: () => number },
): Promise<HubLink> {
  const open: Service = { baseUrl: hubUrl, fetch };
  const { origin } = await call(open, hubRoutes.describe, {});
  const signed: Service = { ...open, authenticate: signRequests(signer, origin, now) };
  return {
    describe: async () => {
      const hub = await call(open, hubRoutes.describe, {});
      return { origin: hub.origin, ledgerOrigin: hub.ledger.origin, storeOrigins: hub.storeOrigins };
    },
    enrol: async (payload) => {
      const message = await createMessage(signer, {
        name: 'node-enrolment',
        payload,
        audience: origin,
        now: now(),
      });
      const { node } = await call(open, hubRoutes.enrolNode, {
        body: { enrolment: base64urlEncode(message) },
      });
      return node;
    },
    takeWork: async (running, signal) =>
      (await call(signed, hubRoutes.takeWork, { body: { running: [...running] }, signal })).work,
    reportFailed: async (run, detail) => {
      await call(signed, hubRoutes.reportRun, { params: { run }, body: { outcome: 'failed', detail } });
    },
  };
}
