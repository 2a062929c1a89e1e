// The vault's API. Callers have no accounts: statements and signed messages carry the proof, and answers are signed.
import {
  bytesText,
  collateralPieces,
  CUSTODIES,
  digest,
  evidenceSchema,
  keyText,
  roomKeysSchema,
} from '@sealroom/contract';
import { z } from 'zod';
import type { Route } from './route.ts';
import { placed } from './shapes.ts';

const cose = bytesText();

export const vaultRoutes = {
  describe: {
    method: 'GET',
    path: '/v1/vault',
    summary: 'Who this vault is, whom it serves and in whose custody',
    response: z.strictObject({
      key: keyText,
      kid: digest,
      organisations: z.array(digest),
      custody: z.enum(CUSTODIES),
      ledger: z.strictObject({ origin: z.string(), key: keyText }),
      allowSimulated: z.boolean(),
      /** Pieces of vendors' collateral that are kept and current, and those that end within seven days or have ended. */
      collateral: z.strictObject({ kept: z.int().min(0), ending: z.int().min(0) }),
    }),
  },
  createKek: {
    method: 'POST',
    path: '/v1/keks',
    summary: 'Make (or give again) the key-encryption key pair of a project, organisation and role',
    body: z.strictObject({
      request: cose.describe('kek-request message by an identity of the organisation'),
    }),
    response: z.strictObject({ statement: cose, ...placed.shape }),
    errors: ['vault/not-served', 'vault/unknown-identity', 'vault/stale-message'],
  },
  wrapKey: {
    method: 'POST',
    path: '/v1/wrapped-keys',
    summary: 'Upload the WCEK that a key.wrapped statement names',
    body: z.strictObject({ statement: cose, wcek: bytesText() }),
    response: z.strictObject({ ok: z.literal(true), wcek: digest }),
    errors: ['vault/not-served', 'vault/unwrap-failed', 'vault/digest-mismatch', 'statement/bad-signature'],
  },
  submit: {
    method: 'POST',
    path: '/v1/statements',
    summary:
      'Tell the vault a statement directly (a suspension the hub might withhold); it is appended to the ledger',
    body: z.strictObject({ statement: cose }),
    response: placed,
  },
  challenge: {
    method: 'POST',
    path: '/v1/challenge',
    summary: 'A single-use nonce for a room, signed',
    body: z.strictObject({}),
    response: z.strictObject({ challenge: cose }),
  },
  release: {
    method: 'POST',
    path: '/v1/releases',
    summary: 'Release the keys of a run to an attested room',
    maxBytes: 8 * 1024 * 1024,
    timeoutMs: 90_000,
    body: z.strictObject({
      run: digest,
      manifest: bytesText(),
      room: roomKeysSchema,
      challenges: z.array(cose).min(1).max(64),
      evidence: evidenceSchema,
      statements: z
        .array(cose)
        .max(1000)
        .describe('contract.signed and run statements, so that the vault can find their subject'),
    }),
    response: z.strictObject({
      answer: cose,
      reservation: cose,
      collateral: collateralPieces.describe('what vendors publish and this vault held the evidence against'),
    }),
    errors: ['vault/refused'],
  },
  finish: {
    method: 'POST',
    path: '/v1/finish',
    summary: 'Clear the end of a run before its output key is sealed',
    timeoutMs: 60_000,
    body: z.strictObject({ request: cose.describe('finish-request message by the room key') }),
    response: z.strictObject({ statement: cose, ...placed.shape }),
    errors: ['vault/refused'],
  },
  refusals: {
    method: 'GET',
    path: '/v1/refusals',
    summary: 'For the owner: all reasons of refused releases, newest first',
    query: z.strictObject({
      request: cose.describe('kek-request message by an identity of the organisation'),
    }),
    response: z.strictObject({
      refusals: z.array(
        z.strictObject({
          run: digest,
          at: z.string(),
          reasons: z.array(
            z.strictObject({
              code: z.string(),
              check: z.string().optional().describe('the check of the evidence that did not hold'),
              detail: z.string(),
            }),
          ),
        }),
      ),
    }),
  },
} as const satisfies { readonly [name: string]: Route };
