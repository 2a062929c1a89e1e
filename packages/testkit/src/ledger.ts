// A ledger in memory: a second implementation of what apps/ledger promises on the wire (architecture.md section 3,
// protocol.md section 5), for tests of those who talk to one. It judges statements by the same record, answers with real
// proofs under a real key, and speaks the paths of `ledgerRoutes` and the tiles. Nothing is durable.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  bytesEqual,
  type Digest,
  digestBytes,
  leafHash,
  nodeHash,
  sha256Digest,
} from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type KeyText, type Signer } from '@sealroom/cose';
import {
  admitStatement,
  applyStatement,
  ContractError,
  createRecord,
  type LedgerRecord,
} from '@sealroom/contract';
import {
  consistencyProof,
  encodeBundle,
  encodeTlogProof,
  formatAddCheckpoint,
  inclusionProof,
  ledgerEntry,
  noteKeyText,
  parseCheckpoint,
  parseNote,
  parseTilePath,
  PUBLIC_SUBJECT_KEY,
  rootAt,
  signCheckpoint,
  splitEntry,
  entryTag,
  subjectKey,
  TILE_WIDTH,
  TlogError,
} from '@sealroom/tlog';
import type { TestWitness } from './witness.ts';

export type FakeLedger = {
  readonly origin: string;
  readonly key: KeyText;
  readonly signer: Signer;
  readonly record: LedgerRecord;
  /** Answers like the server would; give any base URL. Rejects, as an unreachable server does, while `down` is true. */
  fetch(url: string, init?: RequestInit): Promise<Response>;
  /** Adds a statement, or finds it. @throws ContractError as the admission does */
  append(bytes: Uint8Array): Promise<{ readonly index: number; readonly proof: string }>;
  /** The tlog-proof of a leaf under a checkpoint made now. */
  proof(index: number): Promise<string>;
  checkpoint(): Promise<string>;
  /** COSE bytes by leaf. */
  readonly statements: readonly Bytes[];
  /** Who is asked to cosign when a reader wants lines. */
  readonly witnesses: TestWitness[];
  down: boolean;
};

type State = {
  readonly origin: string;
  readonly signer: Signer;
  readonly record: LedgerRecord;
  readonly statements: Bytes[];
  readonly entries: Bytes[];
  readonly leaves: Bytes[];
  /** Inner nodes whose leaves are all there: they never change. */
  readonly nodes: Map<string, Bytes>;
  readonly places: Map<Digest, number>;
  readonly witnesses: TestWitness[];
  round: Promise<unknown>;
};

function reader({ leaves, nodes }: State) {
  const read = async (level: number, index: number): Promise<Bytes> => {
    if (level === 0) return leaves[index] ?? new Uint8Array();
    const name = `${level} ${index}`;
    const known = nodes.get(name);
    if (known) return known;
    const whole = (index + 1) * 2 ** level <= leaves.length;
    const hash = await nodeHash(await read(level - 1, index * 2), await read(level - 1, index * 2 + 1));
    if (whole) nodes.set(name, hash);
    return hash;
  };
  return read;
}

async function checkpointOf(state: State, size = state.leaves.length): Promise<string> {
  const root =
    size === 0
      ? new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array()))
      : await rootAt(reader(state), size);
  return signCheckpoint(state.signer, { origin: state.origin, size, root });
}

/** The checkpoint with the line of every witness that gives one; one round after another. */
function witnessedCheckpoint(state: State): Promise<string> {
  const round = state.round.then(() => askWitnesses(state));
  state.round = round.catch(() => undefined);
  return round;
}

async function askWitnesses(state: State): Promise<string> {
  // The log may grow meanwhile; this is about the tree as it is now.
  const size = state.leaves.length;
  const checkpoint = await checkpointOf(state, size);
  const lines = await Promise.all(
    state.witnesses.map(async (witness) => {
      const oldSize = witness.latest(state.origin)?.size ?? 0;
      const grows = oldSize > 0 && oldSize < size;
      const proof = grows ? await consistencyProof(reader(state), oldSize, size) : [];
      const body = formatAddCheckpoint({ oldSize, proof, checkpoint });
      const asked = witness.fetch('https://witness.test/add-checkpoint', { method: 'POST', body });
      const answer = await asked.catch(() => undefined);
      return answer?.ok ? answer.text() : '';
    }),
  );
  return checkpoint + lines.join('');
}

async function proofOf(state: State, index: number, given?: string): Promise<string> {
  const checkpoint = given ?? (await checkpointOf(state));
  const { size } = parseCheckpoint(parseNote(checkpoint).text);
  return encodeTlogProof({ index, proof: await inclusionProof(reader(state), index, size), checkpoint });
}

async function appendTo(state: State, bytes: Bytes): Promise<number> {
  const digest = await sha256Digest(bytes);
  const known = state.places.get(digest);
  if (known !== undefined) return known;
  const admitted = await admitStatement(state.record, bytes);
  const key = admitted.subject === 'public' ? PUBLIC_SUBJECT_KEY : await subjectKey(admitted.subject);
  const entry = await ledgerEntry(key, bytes);
  const index = state.entries.length;
  await applyStatement(state.record, admitted, index);
  state.entries.push(entry);
  state.leaves.push(await leafHash(entry));
  state.statements.push(bytes);
  state.places.set(digest, index);
  return index;
}

function problem(status: number, code: string): Response {
  return Response.json({ type: 'about:blank', title: code, status, code, detail: code }, { status });
}

async function tile(state: State, path: string): Promise<Response> {
  const { level, index, width } = parseTilePath(path);
  const first = index * TILE_WIDTH;
  if (level === 'entries') {
    if (first + width > state.entries.length) return problem(404, 'ledger/unknown-tile');
    return new Response(encodeBundle(state.entries.slice(first, first + width)));
  }
  if ((first + width) * TILE_WIDTH ** level > state.leaves.length) return problem(404, 'ledger/unknown-tile');
  const read = reader(state);
  const hashes = await Promise.all(Array.from({ length: width }, (_, at) => read(level * 8, first + at)));
  return new Response(new Blob(hashes));
}

async function statement(state: State, digest: string, keyText: string | null): Promise<Response> {
  const index = state.places.get(digest as Digest);
  const key = base64urlDecode(keyText ?? '');
  const entry = state.entries[index ?? -1];
  if (index === undefined || !entry || key.length !== 32) return problem(404, 'ledger/unknown-statement');
  const tag = await entryTag(key, digestBytes(digest));
  if (!bytesEqual(splitEntry(entry).tag, tag)) return problem(404, 'ledger/unknown-statement');
  return new Response(state.statements[index]);
}

async function bodyOf(init: RequestInit): Promise<Bytes> {
  return new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
}

type Appender = (bytes: Uint8Array) => Promise<{ readonly index: number; readonly proof: string }>;

async function post(state: State, path: string, init: RequestInit, append: Appender): Promise<Response> {
  const bytes = await bodyOf(init);
  if (path === '/entries') {
    if (new Headers(init.headers).get('content-type') !== 'application/cose')
      return problem(415, 'http/unsupported-media-type');
    const { index, proof } = await append(bytes);
    const entry = base64urlEncode(state.entries[index] ?? new Uint8Array());
    return Response.json({ index, entry, proof }, { status: 201 });
  }
  if (path !== '/v1/proofs') return problem(404, 'http/not-found');
  const { indexes, maxAge } = JSON.parse(new TextDecoder().decode(bytes)) as {
    indexes: readonly number[];
    maxAge?: number;
  };
  const checkpoint = await (maxAge === undefined ? checkpointOf(state) : witnessedCheckpoint(state));
  const proofs = await Promise.all(indexes.map((index) => proofOf(state, index, checkpoint)));
  return Response.json({ checkpoint, proofs });
}

async function get(state: State, { pathname, searchParams }: URL, init: RequestInit): Promise<Response> {
  const { origin, signer } = state;
  if (pathname === '/checkpoint') return new Response(await checkpointOf(state));
  if (pathname === '/v1/checkpoint') return new Response(await witnessedCheckpoint(state));
  if (pathname.startsWith('/tile/')) return tile(state, pathname.slice(1));
  if (pathname === '/v1/ledger') {
    const noteKey = await noteKeyText(origin, signer.key);
    return Response.json({ origin, key: signer.key, noteKey, size: state.leaves.length });
  }
  if (pathname === '/v1/consistency') {
    const [from, to] = ['from', 'to'].map((name) => Number(searchParams.get(name)));
    const proof = await consistencyProof(reader(state), from ?? 0, to ?? 0);
    return Response.json({ proof: proof.map(base64urlEncode) });
  }
  if (pathname.startsWith('/statements/')) {
    const digest = decodeURIComponent(pathname.slice('/statements/'.length));
    return statement(state, digest, new Headers(init.headers).get('sealroom-subject-key'));
  }
  return problem(404, 'http/not-found');
}

/** An empty ledger with a key of its own, unless one is given. */
export async function createFakeLedger({
  origin,
  signer,
}: {
  origin: string;
  signer?: Signer;
}): Promise<FakeLedger> {
  const state: State = {
    origin,
    signer: signer ?? (await ed25519Signer(generateSecret())),
    record: createRecord(origin),
    statements: [],
    entries: [],
    leaves: [],
    nodes: new Map(),
    places: new Map(),
    witnesses: [],
    round: Promise.resolve(),
  };
  let queue: Promise<unknown> = Promise.resolve();
  // One after another: a statement is judged against all that stand before it.
  const append: Appender = (bytes) => {
    const turn = queue.then(async () => {
      const index = await appendTo(state, new Uint8Array(bytes));
      return { index, proof: await proofOf(state, index) };
    });
    queue = turn.catch(() => undefined);
    return turn;
  };
  const ledger: FakeLedger = {
    origin,
    key: state.signer.key,
    signer: state.signer,
    record: state.record,
    statements: state.statements,
    witnesses: state.witnesses,
    down: false,
    append,
    proof: (index) => proofOf(state, index),
    checkpoint: () => checkpointOf(state),
    fetch: async (url, init = {}) => {
      if (ledger.down) throw new TypeError('fetch failed');
      const where = new URL(url);
      try {
        return init.method === 'POST'
          ? await post(state, where.pathname, init, append)
          : await get(state, where, init);
      } catch (error) {
        if (error instanceof ContractError || error instanceof TlogError)
          return problem(error.code === 'statement/malformed' ? 400 : 409, error.code);
        throw error;
      }
    },
  };
  return ledger;
}
