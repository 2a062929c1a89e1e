// Registration of organisations and people. No session is needed: the organisation's root signs, which is more than a
// session proves.
import { hubRoutes } from '@sealroom/api';
import { base64urlDecode } from '@sealroom/bytes';
import { readStatement } from '@sealroom/contract';
import { type App, mount } from '@sealroom/host';
import type { Db } from '../db.ts';
import { notFound, refuse } from '../error.ts';
import type { Book } from '../record/book.ts';
import type { ActorOf } from '../sessions/routes.ts';
import { endSessions } from '../sessions/store.ts';
import { expectType, needsCode } from './rules.ts';
import {
  codeIsGood,
  loadOrganisation,
  revokePerson,
  saveOrganisation,
  savePerson,
  useCode,
} from './store.ts';
import { keyThumbprint } from '@sealroom/cose';
import type { Digest } from '@sealroom/bytes';

export type OrganisationsParts = {
  readonly db: Db;
  readonly book: Book;
  readonly actorOf: ActorOf;
  readonly registration: 'open' | 'code';
  readonly now: () => number;
};

export function mountOrganisations(app: App, parts: OrganisationsParts): void {
  const { db, book, actorOf, registration, now } = parts;

  mount(
    app,
    hubRoutes.registerOrganisation,
  )(async ({ body }) => {
    const bytes = base64urlDecode(body.statement);
    const statement = expectType(await readStatement(bytes), 'participant.registered');
    const org = statement.claims.iss as Digest;
    const code = needsCode(registration, statement) ? (body.code ?? '') : undefined;
    const place = await book.take(bytes, {
      accept: async () => {
        if (code === undefined || (await codeIsGood(db, code, new Date(now())))) return;
        throw refuse(
          'hub/registration-code',
          'This hub takes organisations by one-time code; ask its operator for one.',
        );
      },
      write: async (tx) => {
        if (code !== undefined) await useCode(tx, code, org);
        await saveOrganisation(tx, body.name, statement);
      },
    });
    return { org, ...place };
  });

  mount(
    app,
    hubRoutes.addIdentity,
  )(async ({ body }) => {
    const bytes = base64urlDecode(body.statement);
    const statement = expectType(await readStatement(bytes), 'identity.added');
    const place = await book.take(bytes, {
      write: async (tx) => {
        await savePerson(tx, body.name, statement);
      },
    });
    return { kid: await keyThumbprint(statement.payload.key), ...place };
  });

  mount(
    app,
    hubRoutes.revokeIdentity,
  )(async ({ body }) => {
    const bytes = base64urlDecode(body.statement);
    const { payload } = expectType(await readStatement(bytes), 'identity.revoked');
    return book.take(bytes, {
      write: async (tx) => {
        await revokePerson(tx, payload.kid);
        await endSessions(tx, payload.kid);
      },
    });
  });

  mount(
    app,
    hubRoutes.organisation,
  )(async ({ params, request }) => {
    await actorOf(request);
    const found = await loadOrganisation(db, params.org);
    if (!found) throw notFound('organisation');
    return found;
  });
}
