// How the ledger answers about an entry: the tlog-proof text (default), a COSE Receipt, or JSON around the proof. All of
// them are made at the present checkpoint.
import { base64urlDecode, base64urlEncode, type Bytes, digestBytes, type Json } from '@sealroom/bytes';
import { type Cbor, cborDecode, cborEncode } from '@sealroom/cose';
import {
  consistencyProof,
  encodeReceipt,
  encodeTlogProof,
  inclusionProof,
  rootAt,
  signCheckpoint,
} from '@sealroom/tlog';
import { hashNode } from './edge.ts';
import { LedgerError } from './error.ts';
import type { Ledger } from './ledger.ts';
import type { Head } from './state.ts';

export const ENTRY_TYPES = ['text/plain', 'application/cose', 'application/json'] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

async function proofAt(head: Head, index: number): Promise<readonly Bytes[]> {
  if (index >= head.size) {
    throw new LedgerError('ledger/unknown-entry', 'The log has no such entry at its present checkpoint.');
  }
  return inclusionProof(head.read, index, head.size, hashNode);
}

/** The tlog-proof text of a leaf under the present checkpoint. */
export async function tlogProof(head: Head, index: number): Promise<string> {
  return encodeTlogProof({ index, proof: await proofAt(head, index), checkpoint: head.note });
}

/** The answer about an entry in the form that was asked for. */
export async function entryAnswer(
  ledger: Ledger,
  index: number,
  type: EntryType,
  status: 200 | 201,
): Promise<Response> {
  const head = ledger.head();
  const { origin, signer } = ledger;
  const headers = { location: `/entries/${index}`, vary: 'accept' };
  if (type === 'application/cose') {
    const proof = await proofAt(head, index);
    const receipt = await encodeReceipt(signer, { origin, index, size: head.size, proof, root: head.root });
    return new Response(receipt, { status, headers: { ...headers, 'content-type': type } });
  }
  const proof = await tlogProof(head, index);
  if (type === 'application/json') {
    const entry = base64urlEncode(await head.entry(index));
    return Response.json({ index, entry, proof }, { status, headers });
  }
  return new Response(proof, {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}

/** A head of an earlier size of the same log, with a checkpoint signed for it. @throws ledger/size-ahead · ledger/empty */
export async function headAt(ledger: Ledger, size: number): Promise<Head> {
  const head = ledger.head();
  if (size === head.size) return head;
  if (size > head.size)
    throw new LedgerError('ledger/size-ahead', `The log has ${head.size} entries so far.`);
  if (size === 0)
    throw new LedgerError('ledger/empty', 'A tree without leaves proves nothing; name a size from 1.');
  const read = head.readAt(size);
  const root = await rootAt(read, size, hashNode);
  const note = await signCheckpoint(ledger.signer, { origin: ledger.origin, size, root });
  return { ...head, size, root, note, read };
}

/** The consistency proof between two sizes, as base64url. @throws ledger/size-ahead · tlog/bad-size */
export async function consistencyAnswer(ledger: Ledger, from: number, to: number): Promise<Json> {
  const head = ledger.head();
  if (to > head.size) throw new LedgerError('ledger/size-ahead', `The log has ${head.size} entries so far.`);
  const proof = await consistencyProof(head.readAt(to), from, to, hashNode);
  return { proof: proof.map(base64urlEncode) };
}

/** COSE Key Set with the ledger's key under its thumbprint, as SCRAPI serves it. */
export function keySet({ signer }: Ledger): Bytes {
  const key = cborDecode(base64urlDecode(signer.key)) as ReadonlyMap<Cbor, Cbor>;
  return cborEncode([new Map<Cbor, Cbor>([...key, [2, digestBytes(signer.kid)]])]);
}
