// Nodes enrol with a one-time code that a person made, and sign every request from then on. What a node says about itself
// decides which work it is offered, nothing more: rooms prove themselves to the vaults.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, canonicalBytes, sha256Digest } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import { messageSignerUnverified, messageUnverified, verifyMessage } from '@sealroom/contract';
import { type App, type AppContext, inTransaction, mount } from '@sealroom/host';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { checkNodeRequest, CODE_MS, nodeProofOf, REQUEST_AGE_MS } from './rules.ts';
import {
  findNode,
  insertCode,
  loadNodes,
  type NodeRow,
  noteRequest,
  saveNode,
  simulatorTaken,
  useCode,
} from './store.ts';

export type NodesParts = {
  readonly db: Db;
  readonly actorOf: ActorOf;
  readonly origin: string;
  readonly now: () => number;
};

/** The node that signed a request, with the body as it was parsed. @throws hub/unknown-node · hub/node-request */
export type NodeOf = (request: AppContext, body: unknown) => Promise<NodeRow>;

export function nodeOf({ db, origin, now }: Pick<NodesParts, 'db' | 'origin' | 'now'>): NodeOf {
  return async (request, body) => {
    const proof = base64urlDecode(nodeProofOf(request.req.header('authorization')));
    const node = await findNode(db, messageSignerUnverified(proof));
    if (!node) throw refuse('hub/unknown-node', 'This node is not enrolled here.');
    const { payload } = await verifyMessage('node-request', proof, { key: node.key, audience: origin });
    const { pathname, search } = new URL(request.req.url);
    // The body went through a strict parser and schema without defaults: its canonical form is what was sent.
    const digest = await sha256Digest(canonicalBytes(body, { fractions: true }));
    checkNodeRequest(payload, { method: request.req.method, path: pathname + search, body: digest }, now());
    const seen = { now: new Date(now()), forgetBefore: new Date(now() - 3 * REQUEST_AGE_MS) };
    const fresh = await inTransaction(db, (tx) => noteRequest(tx, node.node, payload.nonce, seen), {
      isolation: 'read committed',
    });
    if (!fresh) throw refuse('hub/node-request', 'This request was made before; sign a new one.');
    return node;
  };
}

export function mountNodes(app: App, { db, actorOf, origin, now }: NodesParts): void {
  mount(
    app,
    hubRoutes.createNodeCode,
  )(async ({ body, request }) => {
    const actor = await actorOf(request);
    const code = base64urlEncode(crypto.getRandomValues(new Uint8Array(16)));
    const expiresAt = new Date(now() + CODE_MS);
    await insertCode(db, actor, { code, name: body.name, expiresAt });
    return { code, expiresAt: expiresAt.toISOString() };
  });

  mount(
    app,
    hubRoutes.enrolNode,
  )(async ({ body }) => {
    const enrolment = base64urlDecode(body.enrolment);
    const { key } = messageUnverified('node-enrolment', enrolment);
    const { payload } = await verifyMessage('node-enrolment', enrolment, { key, audience: origin });
    const node = await keyThumbprint(key);
    await inTransaction(db, async (tx) => {
      const enrolledBy = await useCode(tx, payload.code, new Date(now()));
      if (enrolledBy === undefined)
        throw refuse('hub/node-code', 'The code is not good (any more); make a new one.');
      // Names of simulator keys are public, and work goes to who names one: the first that does keeps it.
      if (await simulatorTaken(tx, node, payload.simulator))
        throw refuse(
          'hub/node-code',
          'Another node has enrolled with this simulator key; use one of its own.',
        );
      await saveNode(tx, node, enrolledBy, payload);
    });
    return { node };
  });

  mount(
    app,
    hubRoutes.nodes,
  )(async ({ request }) => {
    await actorOf(request);
    return { nodes: await loadNodes(db) };
  });
}
