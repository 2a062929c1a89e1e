// Runs for people (read), for nodes (take, report) and for rooms (events, the end).
import { hubRoutes } from '@sealroom/api';
import type { Digest } from '@sealroom/bytes';
import { type App, inTransaction, mount } from '@sealroom/host';
import { setTimeout as delay } from 'node:timers/promises';
import { notFound } from '../error.ts';
import type { NodeOf } from '../nodes/routes.ts';
import { participantsFor } from '../projects/store.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { type RoomsParts, takeEvent, takeUpload } from './rooms.ts';
import { findRun, giveUpRun, loadRun, loadRuns, runFor } from './store.ts';
import { settleRuns, takeRun, type WorkParts } from './work.ts';
import type { Bell } from './bell.ts';

export type RunRoutesParts = {
  readonly rooms: RoomsParts;
  readonly work: WorkParts;
  readonly actorOf: ActorOf;
  readonly nodeOf: NodeOf;
  /** Rings when there may be work. `waitMs` is how long a node is kept waiting. */
  readonly waiting: { readonly bell: Bell; readonly waitMs: number };
};

const LOOK_AGAIN_MS = 1000;

function mountPeople(app: App, { rooms, actorOf }: RunRoutesParts): void {
  const { db, objects } = rooms;
  mount(
    app,
    hubRoutes.runs,
  )(async ({ params, request }) => {
    await participantsFor(db, await actorOf(request), params.project);
    return { runs: await loadRuns(db, params.project) };
  });

  mount(
    app,
    hubRoutes.run,
  )(async ({ params, request }) => {
    return loadRun(db, await actorOf(request), params.run);
  });

  const object = async (digest: Digest | null) => {
    const bytes = digest === null ? undefined : await objects.get(digest);
    if (!bytes) throw notFound('output');
    return bytes;
  };
  mount(
    app,
    hubRoutes.output,
  )(async ({ params, request }) => {
    return object((await runFor(db, await actorOf(request), params.run)).sealed);
  });
  mount(
    app,
    hubRoutes.envelope,
  )(async ({ params, request }) => {
    return object((await runFor(db, await actorOf(request), params.run)).envelope);
  });
}

function mountNodes(app: App, { work, nodeOf, waiting }: RunRoutesParts): void {
  const { db, now } = work;
  mount(
    app,
    hubRoutes.takeWork,
  )(async ({ body, request }) => {
    const node = await nodeOf(request, body);
    const gone = request.req.raw.signal;
    await settleRuns(work, node, body.running);
    const until = performance.now() + waiting.waitMs;
    for (;;) {
      const rung = waiting.bell.next();
      const found = await takeRun(work, node);
      if (found) return { work: found };
      const left = until - performance.now();
      if (left <= 0 || gone.aborted) return { work: null };
      await Promise.race([rung, delay(Math.min(left, LOOK_AGAIN_MS))]);
    }
  });

  mount(
    app,
    hubRoutes.reportRun,
  )(async ({ params, body, request }) => {
    const node = await nodeOf(request, body);
    const run = await findRun(db, params.run);
    if (run?.node !== node.node) throw notFound('run');
    const { detail } = body;
    await inTransaction(db, (tx) => giveUpRun(tx, params.run, { detail, at: new Date(now()) }));
    return {};
  });
}

export function mountRuns(app: App, parts: RunRoutesParts): void {
  mountPeople(app, parts);
  mountNodes(app, parts);

  mount(
    app,
    hubRoutes.roomEvent,
  )(async ({ params, body }) => {
    await takeEvent(parts.rooms, params.run, body);
    return {};
  });
  mount(
    app,
    hubRoutes.roomUpload,
  )(async ({ params, body }) => {
    return takeUpload(parts.rooms, params.run, body);
  });
}
