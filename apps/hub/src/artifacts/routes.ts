// Publishing, answering and reading artifact versions. A store URL goes in and is never shown again.
import { hubRoutes, type Details } from '@sealroom/api';
import { base64urlDecode, type Bytes, sha256Digest } from '@sealroom/bytes';
import { readStatement } from '@sealroom/contract';
import { type App, checkStoreUrl, mount } from '@sealroom/host';
import type { Db } from '../db.ts';
import { notFound, refuse } from '../error.ts';
import { participantsFor } from '../projects/store.ts';
import type { Book } from '../record/book.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { checkAuthority, expectArtifact, nextVersion, type Shelving, shelvingOf } from './rules.ts';
import type { Vaulting } from './secrets.ts';
import {
  lastVersion,
  loadArtifacts,
  loadDocument,
  publishersOf,
  saveAnswer,
  saveWithdrawal,
  shelve,
} from './store.ts';

export type ArtifactsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly actorOf: ActorOf;
  readonly now: () => number;
  readonly stores: { readonly origins: readonly string[]; readonly vaulting: Vaulting };
};

type Given = {
  readonly details?: Details | undefined;
  readonly document?: string | undefined;
  readonly url?: string | undefined;
};

/** Criteria travel to the room with its work. */
const MAX_CRITERIA = 512 * 1024;

async function documentOf(shelving: Shelving, given: Given): Promise<Bytes | undefined> {
  const needed = shelving.does === 'publish' && shelving.needs === 'document';
  if (needed !== (given.document !== undefined))
    throw refuse(
      'hub/missing-part',
      needed ? 'Send the document itself too.' : 'This statement takes no document.',
    );
  if (given.document === undefined) return undefined;
  const bytes = base64urlDecode(given.document);
  if (shelving.kind === 'criteria' && bytes.length > MAX_CRITERIA)
    throw refuse('hub/too-large', `Validation criteria have at most ${MAX_CRITERIA} bytes.`);
  if ((await sha256Digest(bytes)) !== shelving.digest)
    throw refuse('hub/digest-mismatch', 'The document is not the one whose digest was signed.');
  return bytes;
}

function urlOf(shelving: Shelving, given: Given, { stores, now }: ArtifactsParts): string | undefined {
  const needed = shelving.does === 'publish' && shelving.needs === 'url';
  if (needed !== (given.url !== undefined))
    throw refuse(
      'hub/missing-part',
      needed ? 'Send the store URL for reading too.' : 'This statement takes no URL.',
    );
  if (given.url === undefined) return undefined;
  return checkStoreUrl(given.url, stores.origins, { now: now() }).href;
}

/** Binds a sealed URL to its asset. */
export function urlAbout(project: string, org: string, digest: string): string {
  return `${project}\n${org}\n${digest}`;
}

function mountPublish(app: App, parts: ArtifactsParts): void {
  const { db, book, actorOf, stores } = parts;
  mount(
    app,
    hubRoutes.publish,
  )(async ({ params, body, request }) => {
    const actor = await actorOf(request);
    const participants = await participantsFor(db, actor, params.project);
    const bytes = base64urlDecode(body.statement);
    const statement = expectArtifact(await readStatement(bytes));
    checkAuthority(statement, actor, params.project, participants);
    const shelving = shelvingOf(statement);
    const document = await documentOf(shelving, body);
    const text = urlOf(shelving, body, parts);
    const about = urlAbout(params.project, actor.org, shelving.digest);
    const url = text === undefined ? undefined : await stores.vaulting.seal(text, about);
    const place = await book.take(bytes, {
      accept: async () => {
        const publishers = await publishersOf(db, params.project, shelving.kind, shelving.digest);
        if (shelving.does !== 'publish') {
          if (publishers.length > 0) return;
          throw refuse('hub/unknown-asset', `There is no such ${shelving.kind} in this project.`);
        }
        if (publishers.includes(actor.org))
          throw refuse('hub/repeated', `Your organisation has published this ${shelving.kind} already.`);
        nextVersion(shelving, await lastVersion(db, params.project, actor.org, shelving.kind));
      },
      write: async (tx) => {
        if (shelving.does === 'answer') await saveAnswer(tx, statement, shelving);
        else if (shelving.does === 'withdraw') await saveWithdrawal(tx, statement, shelving);
        else await shelve(tx, statement, shelving, { details: body.details, document, url });
      },
    });
    return { digest: shelving.digest, ...place };
  });
}

export function mountArtifacts(app: App, parts: ArtifactsParts): void {
  const { db, actorOf } = parts;
  mountPublish(app, parts);

  mount(
    app,
    hubRoutes.artifacts,
  )(async ({ params, request }) => {
    await participantsFor(db, await actorOf(request), params.project);
    return { artifacts: await loadArtifacts(db, params.project) };
  });

  mount(
    app,
    hubRoutes.document,
  )(async ({ params, request }) => {
    await participantsFor(db, await actorOf(request), params.project);
    const found = await loadDocument(db, params.project, params.digest);
    if (!found) throw notFound('document');
    return new Uint8Array(found);
  });
}
