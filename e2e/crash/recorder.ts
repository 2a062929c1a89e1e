// Writes down what passes through the proxies: statements sent, receipts, checkpoints, released keys. It judges nothing.
import { type Bytes, base64urlDecode, type Digest, sha256Digest, utf8Decode } from '@sealroom/bytes';
import { parseTlogProof } from '@sealroom/tlog';
import type { SeenReceipt, SeenRelease } from './history.ts';
import type { Answer, Exchange } from './proxy.ts';

export type Recorder = {
  readonly sent: Map<Digest, Bytes>;
  readonly receipts: SeenReceipt[];
  readonly notes: Map<Digest, string>;
  readonly releases: SeenRelease[];
  request(exchange: Exchange): Promise<void>;
  /** Called with what the caller is about to get, whether it lives to read it or not. */
  answer(exchange: Exchange, answer: Answer): Promise<void>;
};

function jsonOf(bytes: Uint8Array): { readonly [name: string]: unknown } {
  return JSON.parse(utf8Decode(bytes)) as { readonly [name: string]: unknown };
}

/** The two ways of asking for the newest checkpoint: as it is, and with witnesses' lines of at most an age. */
function isCheckpoint(path: string): boolean {
  return /^(?:\/v1)?\/checkpoint(?:\?|$)/.test(path);
}

export function createRecorder(): Recorder {
  const sent = new Map<Digest, Bytes>();
  const receipts: SeenReceipt[] = [];
  const notes = new Map<Digest, string>();
  const releases: SeenRelease[] = [];
  const keepNote = async (note: string): Promise<void> => {
    notes.set(await sha256Digest(new TextEncoder().encode(note)), note);
  };
  const isAppend = ({ link, method, path }: Exchange): boolean =>
    link.endsWith('→ledger') && method === 'POST' && path === '/entries';
  return {
    sent,
    receipts,
    notes,
    releases,
    request: async (exchange) => {
      if (!isAppend(exchange)) return;
      const bytes = new Uint8Array(exchange.body);
      sent.set(await sha256Digest(bytes), bytes);
    },
    answer: async (exchange, { status, body }) => {
      if (status >= 300) return;
      if (isAppend(exchange)) {
        const { index, proof } = jsonOf(body);
        const cose = await sha256Digest(exchange.body);
        receipts.push({ cose, index: Number(index), proof: String(proof) });
        await keepNote(parseTlogProof(String(proof)).checkpoint);
      } else if (exchange.link.endsWith('→ledger') && isCheckpoint(exchange.path)) {
        await keepNote(utf8Decode(body));
      } else if (exchange.path === '/v1/releases') {
        const { answer, reservation } = jsonOf(body);
        releases.push({
          answer: base64urlDecode(String(answer)),
          reservation: base64urlDecode(String(reservation)),
        });
      }
    },
  };
}
