// Projects: the frame in which organisations publish, agree and run.
import { hubRoutes } from '@sealroom/api';
import { hexEncode } from '@sealroom/bytes';
import { type App, inTransaction, mount } from '@sealroom/host';
import type { Db } from '../db.ts';
import { refuse } from '../error.ts';
import { organisationsExist } from '../organisations/store.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { checkParticipants } from './rules.ts';
import { insertProject, loadProject, loadProjects } from './store.ts';

export type ProjectsParts = { readonly db: Db; readonly actorOf: ActorOf; readonly now: () => number };

/** A fresh identifier that says what it names. */
export function freshId(prefix: string): string {
  return `${prefix}-${hexEncode(crypto.getRandomValues(new Uint8Array(10)))}`;
}

export function mountProjects(app: App, { db, actorOf, now }: ProjectsParts): void {
  mount(
    app,
    hubRoutes.createProject,
  )(async ({ body, request }) => {
    const actor = await actorOf(request);
    checkParticipants(actor, body.participants);
    const orgs = body.participants.map(({ org }) => org);
    if (!(await organisationsExist(db, orgs))) {
      throw refuse(
        'hub/not-a-participant',
        'A participant is not registered at this hub; it must register before you name it.',
      );
    }
    const project = freshId('project');
    await inTransaction(db, (tx) => insertProject(tx, actor, new Date(now()), { ...body, project }));
    return loadProject(db, actor, project);
  });

  mount(
    app,
    hubRoutes.projects,
  )(async ({ request }) => {
    return { projects: await loadProjects(db, await actorOf(request)) };
  });

  mount(
    app,
    hubRoutes.project,
  )(async ({ params, request }) => {
    return loadProject(db, await actorOf(request), params.project);
  });
}
