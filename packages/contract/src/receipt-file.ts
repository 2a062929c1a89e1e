// The receipt file of a run (protocol.md section 9), canonical JSON:
//   { answers, challenges, checkpoint, collateral?, evidence, kind, manifest, statements: [{ cose, index, path }], v }
// This file reads and writes the form and selects which statements a receipt needs; receipt.ts verifies it.
import { base64urlDecode, type Bytes, canonicalBytes, type Digest, parseCanonical } from '@sealroom/bytes';
import { keyThumbprint } from '@sealroom/cose';
import { z } from 'zod';
import { ContractError } from './error.ts';
import { bytesText, count, digest, evidenceSchema, technology } from './fields.ts';
import { carriedCollateral } from './receipt-collateral.ts';
import { isOfType, readStatement, type Statement } from './statement.ts';

const cose = bytesText();

const schema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('sealroom/run-receipt'),
  /** The signed checkpoint note that all paths lead to. */
  checkpoint: z.string().max(100_000),
  manifest: z.strictObject({
    v: z.literal(1),
    run: digest,
    contracts: z.array(digest),
    approvals: z.array(digest),
    datasets: z.array(digest),
    algorithms: z.array(digest),
    criteria: digest,
    parameters: digest,
    technology,
  }),
  evidence: evidenceSchema,
  /** What vendors publish and the vaults held the evidence against: lists, statements, key sets. */
  collateral: carriedCollateral.optional(),
  challenges: z.array(cose).max(64),
  answers: z.array(cose).max(64),
  statements: z
    .array(z.strictObject({ cose, index: count, path: z.array(bytesText(32)).max(64) }))
    .max(10_000),
});

export type ReceiptFile = z.infer<typeof schema>;

/** @throws receipt/malformed for anything but the canonical form. */
export function parseReceipt(bytes: Uint8Array): ReceiptFile {
  try {
    return schema.parse(parseCanonical(bytes));
  } catch (cause) {
    throw new ContractError('receipt/malformed', 'The file is not a run receipt in its canonical form.', {
      cause,
    });
  }
}

export function encodeReceipt(receipt: Omit<ReceiptFile, 'v' | 'kind'>): Bytes {
  const bytes = canonicalBytes({ v: 1, kind: 'sealroom/run-receipt', ...receipt });
  parseReceipt(bytes);
  return bytes;
}

/** A statement with its leaf. */
export type PlacedStatement = { readonly statement: Statement; readonly index: number };

/** Reads statements of a receipt or a store. @throws statement/… */
export async function placeStatements(
  items: readonly { readonly cose: string; readonly index: number }[],
): Promise<PlacedStatement[]> {
  return Promise.all(
    items.map(async (item) => ({
      statement: await readStatement(base64urlDecode(item.cose)),
      index: item.index,
    })),
  );
}

function missing(what: string): ContractError {
  return new ContractError('receipt/incomplete', `The receipt lacks ${what}.`);
}

function finishOf(
  all: readonly PlacedStatement[],
  run: Digest,
): Extract<Statement, { type: 'run.finished' }> {
  for (const { statement } of all)
    if (isOfType(statement, 'run.finished') && statement.payload.run === run) return statement;
  throw missing('the statement with which the room finished the run');
}

function requestOf(
  all: readonly PlacedStatement[],
  run: Digest,
): Extract<Statement, { type: 'run.requested' }> {
  for (const { statement } of all)
    if (isOfType(statement, 'run.requested') && statement.digest === run) return statement;
  throw missing('the run request');
}

/** Statements about the run, its contracts and the assets it used. */
function aboutRun(all: readonly PlacedStatement[], run: Digest): PlacedStatement[] {
  const { payload: finished } = finishOf(all, run);
  const { payload: request } = requestOf(all, run);
  const signed = all.flatMap(({ statement }) => (isOfType(statement, 'contract.signed') ? [statement] : []));
  const contracts = new Set<Digest>(request.contracts);
  for (const { digest: name, payload } of signed)
    if (contracts.has(name) && payload.first) contracts.add(payload.first);
  const documents = new Set<Digest>([request.criteria]);
  for (const { statement } of all) {
    if (!isOfType(statement, 'dataset.published') || !request.datasets.includes(statement.payload.digest))
      continue;
    documents.add(statement.payload.specification).add(statement.payload.attestation);
  }
  return all.filter(({ statement }) => {
    switch (statement.type) {
      case 'run.finished':
      case 'run.approved':
        return statement.payload.run === run;
      case 'run.requested':
        return statement.digest === run;
      case 'key.reserved':
      case 'output.cleared':
        return statement.payload.run === run && statement.payload.room.sign === finished.room.sign;
      case 'contract.signed':
        return contracts.has(statement.digest);
      case 'dataset.published':
        return request.datasets.includes(statement.payload.digest);
      case 'algorithm.published':
        return statement.payload.digest === request.algorithm;
      case 'specification.published':
      case 'attestation.published':
      case 'criteria.published':
        return documents.has(statement.payload.document);
      default:
        return false;
    }
  });
}

/**
 * The statements that a receipt of the run holds, no more and no fewer, in leaf order: those about the run, its contracts
 * and assets, and those that vouch for the keys that signed them.
 * @throws receipt/incomplete
 */
export async function selectReceiptStatements(
  all: readonly PlacedStatement[],
  run: Digest,
): Promise<PlacedStatement[]> {
  const about = aboutRun(all, run);
  const last = Math.max(...about.map(({ index }) => index));
  const kids = new Set(about.map(({ statement }) => statement.kid));
  const orgs = new Set(about.map(({ statement }) => statement.claims.iss));
  const selected = new Set(about);
  for (const item of all) {
    const { statement, index } = item;
    if (index > last || !orgs.has(statement.claims.iss)) continue;
    if (statement.type === 'participant.registered') selected.add(item);
    if (isOfType(statement, 'identity.added') && kids.has(await keyThumbprint(statement.payload.key)))
      selected.add(item);
  }
  return [...selected].toSorted((a, b) => a.index - b.index);
}
