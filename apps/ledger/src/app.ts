// The ledger on the wire: SCRAPI's entries, C2SP's static tiles, and Sealroom's statements and proofs in bulk. Callers are
// not asked who they are: a statement carries its signature, and only who knows a subject's key reads its statements.
import { ledgerRoutes } from '@sealroom/api';
import { base64urlDecode, type Bytes, bytesEqual, BytesError, digestBytes, hexEncode } from '@sealroom/bytes';
import {
  type App,
  type AppContext,
  checkInput,
  type Log,
  openApiDocument,
  readBytes,
  readJson,
  Refusal,
  serverApp,
} from '@sealroom/host';
import { entryTag, noteKeyText, parseTilePath, splitEntry } from '@sealroom/tlog';
import { accepts } from 'hono/accepts';
import { z } from 'zod';
import {
  consistencyAnswer,
  ENTRY_TYPES,
  entryAnswer,
  type EntryType,
  headAt,
  keySet,
  tlogProof,
} from './answers.ts';
import { LedgerError, statusOf } from './error.ts';
import type { Ledger } from './ledger.ts';
import type { Head } from './state.ts';
import { collectCosignatures, NO_WITNESSES, type Witnesses } from './witnesses.ts';

export const MAX_STATEMENT = 1024 * 1024;
const MAX_PROOFS = 1000;
const SUBJECT_KEY_HEADER = 'sealroom-subject-key';

const IMMUTABLE = {
  'content-type': 'application/octet-stream',
  'cache-control': 'public, max-age=31536000, immutable',
};
/** What anyone may read may be read by any page: verification runs in browsers of other origins too. */
const PUBLIC = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };

const size = z.int().min(0);
/** How old witnesses' lines may be. */
const seconds = z.int().min(0).max(86_400);
const proofsBody = z
  .strictObject({ indexes: z.array(size).max(MAX_PROOFS), size: size.optional(), maxAge: seconds.optional() })
  .refine(
    (body) => body.size === undefined || body.maxAge === undefined,
    'size and maxAge exclude each other',
  );
const decimal = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,15})$/)
  .transform(Number)
  .pipe(size);
const witnessedQuery = z.strictObject({ maxAge: decimal.pipe(seconds) });
const consistencyQuery = z.strictObject({ from: decimal, to: decimal.optional() });

export type LedgerAppOptions = {
  readonly ledger: Ledger;
  readonly log: Log;
  /** Collects cosignatures; none when left out. */
  readonly witnesses?: Witnesses;
  /** Rejects when the data directory cannot be written. */
  readonly checkWritable?: () => Promise<unknown>;
};

function wantedType(c: AppContext): EntryType {
  const found = accepts(c, { header: 'Accept', supports: [...ENTRY_TYPES], default: 'text/plain' });
  return ENTRY_TYPES.find((type) => type === found) ?? 'text/plain';
}

/** Leaf of `sha256:…` (of the COSE bytes) or of a decimal index. @throws ledger/unknown-entry */
function leafOf(ledger: Ledger, id: string): number {
  const index = /^(?:0|[1-9][0-9]{0,15})$/.test(id) ? Number(id) : undefined;
  const found = index ?? (id.startsWith('sha256:') ? ledger.find(hexEncode(digestBytes(id))) : undefined);
  if (found !== undefined && found < ledger.head().size) return found;
  throw new LedgerError(
    'ledger/unknown-entry',
    'The log has no such entry; ask by leaf index or sha256:… of the COSE bytes.',
  );
}

function mountEntries(app: App, ledger: Ledger): void {
  app.post('/entries', async (c) => {
    const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
    if (type !== 'application/cose') {
      throw new Refusal('http/unsupported-media-type', 'Send the statement as application/cose.', {
        status: 415,
      });
    }
    const bytes = await readBytes(c, MAX_STATEMENT);
    const { index, repeated } = await ledger.append(bytes);
    return entryAnswer(ledger, index, wantedType(c), repeated ? 200 : 201);
  });
  app.get('/entries/:id', (c) => entryAnswer(ledger, leafOf(ledger, c.req.param('id')), wantedType(c), 200));
}

function noteAnswer(note: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache', ...PUBLIC };
  return new Response(note, { headers });
}

function mountStatic(app: App, ledger: Ledger, witnesses: Witnesses): void {
  app.get('/checkpoint', () => noteAnswer(witnesses.note()));
  app.get('/v1/checkpoint', async (c) => {
    const { maxAge } = checkInput(witnessedQuery, c.req.query(), 'query');
    return noteAnswer((await witnesses.witnessed(maxAge * 1000)).note);
  });
  app.get('/tile/*', async (c) => {
    const bytes = await ledger.head().tile(parseTilePath(c.req.path.slice(1)));
    return new Response(bytes, { headers: { ...IMMUTABLE, ...PUBLIC } });
  });
  app.get('/.well-known/scitt-keys', () => {
    return new Response(keySet(ledger), { headers: { 'content-type': 'application/cbor', ...PUBLIC } });
  });
  app.get('/v1/ledger', async () => {
    const { origin, key } = ledger;
    const facts = { origin, key, noteKey: await noteKeyText(origin, key), size: ledger.head().size };
    return Response.json(facts, { headers: PUBLIC });
  });
}

/** The head that proofs are asked for: of a size, with witnesses' lines, or the present one. */
async function headFor(
  ledger: Ledger,
  witnesses: Witnesses,
  { size: asked, maxAge }: z.output<typeof proofsBody>,
): Promise<Head> {
  if (maxAge === undefined) return headAt(ledger, asked ?? ledger.head().size);
  const { head, note } = await witnesses.witnessed(maxAge * 1000);
  return { ...head, note };
}

function mountProofs(app: App, ledger: Ledger, witnesses: Witnesses): void {
  app.post('/v1/proofs', async (c) => {
    const body = await readJson(c, proofsBody);
    const head = await headFor(ledger, witnesses, body);
    const proofs: string[] = [];
    for (const index of body.indexes) proofs.push(await tlogProof(head, index));
    return c.json({ checkpoint: head.note, proofs });
  });
  app.get('/v1/consistency', async (c) => {
    const { from, to } = checkInput(consistencyQuery, c.req.query(), 'query');
    return Response.json(await consistencyAnswer(ledger, from, to ?? ledger.head().size), {
      headers: PUBLIC,
    });
  });
}

/** One answer for every reason why a statement is not shown: whether it exists is nobody's business. */
function hidden(): LedgerError {
  return new LedgerError(
    'ledger/unknown-statement',
    `There is no such statement for this caller; send its subject's key in ${SUBJECT_KEY_HEADER}.`,
  );
}

function subjectKeyOf(c: AppContext): Bytes {
  try {
    const key = base64urlDecode(c.req.header(SUBJECT_KEY_HEADER) ?? '');
    if (key.length === 32) return key;
  } catch (error) {
    if (!(error instanceof BytesError)) throw error;
  }
  throw hidden();
}

function mountStatements(app: App, ledger: Ledger): void {
  app.get('/statements/:digest', async (c) => {
    const key = subjectKeyOf(c);
    const digest = c.req.param('digest');
    const coseDigest = digestBytes(digest);
    const index = ledger.find(hexEncode(coseDigest));
    const tag = await entryTag(key, coseDigest);
    if (index === undefined) throw hidden();
    if (!bytesEqual(splitEntry(await ledger.head().entry(index)).tag, tag)) throw hidden();
    const bytes = await ledger.statement(hexEncode(coseDigest));
    return new Response(bytes, { headers: { 'content-type': 'application/cose' } });
  });
}

/** The ledger's HTTP application. */
export function createLedgerApp({ ledger, log, checkWritable, witnesses }: LedgerAppOptions): App {
  const asked = witnesses ?? collectCosignatures({ ...NO_WITNESSES, head: () => ledger.head() });
  const checks = {
    checkpoint: () => Promise.resolve(ledger.head().note),
    ...(checkWritable ? { disk: checkWritable } : {}),
  };
  const app = serverApp({ name: 'ledger', log, statusOf, checks });
  const document = openApiDocument(Object.values(ledgerRoutes), { title: 'Sealroom ledger', version: '1' });
  app.get('/openapi.json', (c) => c.json(document));
  mountEntries(app, ledger);
  mountStatic(app, ledger, asked);
  mountProofs(app, ledger, asked);
  mountStatements(app, ledger);
  return app;
}
