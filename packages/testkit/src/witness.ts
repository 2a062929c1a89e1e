// A witness in memory (C2SP tlog-witness): watches logs by their keys, cosigns what continues what it cosigned before, and
// serves what it cosigned last. For tests of those who ask witnesses; a real one keeps its state on a disk.
import { type Bytes, hexEncode, sha256, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type KeyText, type Signer } from '@sealroom/cose';
import { cosign, type Cosigned, decideAddCheckpoint } from '@sealroom/tlog';

export type TestWitness = {
  readonly name: string;
  readonly key: KeyText;
  readonly signer: Signer;
  /** What it cosigned last for a log, and the note as it serves it. */
  latest(origin: string): (Cosigned & { readonly note: string }) | undefined;
  /** Answers like the server would; give any base URL. Rejects, as an unreachable server does, while `down` is true. */
  fetch(url: string | URL, init?: RequestInit): Promise<Response>;
  /** Every request's body and the status it got. */
  readonly asked: readonly { readonly body: string; readonly status: number }[];
  down: boolean;
};

export type TestWitnessOptions = {
  readonly name: string;
  readonly logs: readonly { readonly origin: string; readonly key: KeyText }[];
  /** Milliseconds since 1970. */
  readonly clock: () => number;
};

async function bodyOf(init: RequestInit): Promise<Bytes> {
  return new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
}

export async function createWitness({ name, logs, clock }: TestWitnessOptions): Promise<TestWitness> {
  const signer = await ed25519Signer(generateSecret());
  const cosigned = new Map<string, Cosigned & { readonly note: string }>();
  const asked: { body: string; status: number }[] = [];
  // One request after another: what is compared must not change before the answer is kept.
  let turn: Promise<unknown> = Promise.resolve();

  async function add(body: string): Promise<Response> {
    const decision = await decideAddCheckpoint(body, {
      keyOf: (origin) => logs.find((log) => log.origin === origin)?.key,
      latest: (origin) => cosigned.get(origin),
    });
    asked.push({ body, status: decision.status });
    if (decision.status === 409) {
      const headers = { 'content-type': 'text/x.tlog.size' };
      return new Response(`${decision.size}\n`, { status: 409, headers });
    }
    if (decision.status !== 200) return new Response(decision.code, { status: decision.status });
    const { origin, size, root, note } = decision.checkpoint;
    const line = await cosign(signer, name, note, clock());
    cosigned.set(origin, { size, root, note: note + line });
    return new Response(line);
  }

  async function monitored(path: string): Promise<Response> {
    for (const [origin, { note }] of cosigned) {
      if (path === `/${hexEncode(await sha256(utf8Encode(origin)))}/checkpoint`) return new Response(note);
    }
    return new Response('', { status: 404 });
  }

  const witness: TestWitness = {
    name,
    key: signer.key,
    signer,
    latest: (origin) => cosigned.get(origin),
    asked,
    down: false,
    async fetch(url, init = {}) {
      if (witness.down) throw new TypeError('fetch failed');
      const { pathname } = new URL(url);
      if (init.method !== 'POST') return monitored(pathname);
      if (pathname !== '/add-checkpoint') return new Response('', { status: 404 });
      const body = new TextDecoder().decode(await bodyOf(init));
      const answer = turn.then(() => add(body));
      turn = answer.catch(() => undefined);
      return answer;
    },
  };
  return witness;
}
