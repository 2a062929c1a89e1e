// The ledger's API for our own callers. `POST /entries` also speaks SCRAPI by content type; tiles are plain files.
import { bytesText, keyText } from '@sealroom/contract';
import { z } from 'zod';
import type { Route } from './route.ts';
import { digestParams } from './shapes.ts';

export const ledgerRoutes = {
  describe: {
    method: 'GET',
    path: '/v1/ledger',
    summary: 'Who this ledger is and how large it is',
    response: z.strictObject({ origin: z.string(), key: keyText, noteKey: z.string(), size: z.int().min(0) }),
  },
  append: {
    method: 'POST',
    path: '/entries',
    summary: 'Append a signed statement (content type application/cose, accept application/json)',
    body: 'bytes',
    status: 201,
    response: z.strictObject({ index: z.int().min(0), entry: bytesText(64), proof: z.string() }),
    errors: [
      'statement/malformed',
      'statement/bad-signature',
      'statement/wrong-state',
      'statement/wrong-signer',
    ],
  },
  checkpoint: {
    method: 'GET',
    path: '/checkpoint',
    summary: 'The newest signed checkpoint',
    response: 'text',
  },
  witnessed: {
    method: 'GET',
    path: '/v1/checkpoint',
    summary:
      'The newest checkpoint about which every witness was asked, with lines at most maxAge seconds old where one answered',
    query: z.strictObject({ maxAge: z.coerce.number().int().min(0).max(86_400) }),
    response: 'text',
  },
  statement: {
    method: 'GET',
    path: '/statements/{digest}',
    summary:
      'The COSE bytes of an entry, for a caller that knows its subject key (header sealroom-subject-key)',
    params: digestParams,
    response: 'bytes',
  },
  proofs: {
    method: 'POST',
    path: '/v1/proofs',
    summary: 'Inclusion proofs of up to 1000 leaves under one checkpoint',
    body: z.strictObject({
      indexes: z.array(z.int().min(0)).max(1000),
      /** With it, the checkpoint is one about which every witness was asked, with lines at most so many seconds old. */
      maxAge: z.int().min(0).max(86_400).optional(),
    }),
    response: z.strictObject({ checkpoint: z.string(), proofs: z.array(z.string()) }),
  },
  consistency: {
    method: 'GET',
    path: '/v1/consistency',
    summary: 'Consistency proof between two sizes',
    query: z.strictObject({ from: z.coerce.number().int().min(0), to: z.coerce.number().int().min(0) }),
    response: z.strictObject({ proof: z.array(bytesText(32)) }),
  },
} as const satisfies { readonly [name: string]: Route };
