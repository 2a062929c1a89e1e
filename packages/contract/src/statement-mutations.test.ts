// A signer may sign anything. Each type's payload with one wrong value at a time, signed all the same: it reads as what it
// says, or is refused by name, and nothing else happens.
import { canonicalBytes, type Json } from '@sealroom/bytes';
import { contentTypeOf, sign1 } from '@sealroom/cose';
import { mutations } from '@sealroom/testkit/mutations';
import {
  announceKeks,
  createWorld,
  draftContract,
  memoryBook,
  publishAssets,
  type World,
} from '@sealroom/testkit/world';
import { beforeAll, expect, it } from 'vitest';
import { ContractError, readStatement, STATEMENTS, type StatementType } from './index.ts';
import { payloads } from './statement-payloads-for-tests.ts';

const ORIGIN = 'ledger.example';
const TYPES = Object.keys(STATEMENTS) as StatementType[];
let world: World;
let right: Awaited<ReturnType<typeof payloads>>;

beforeAll(async () => {
  world = await createWorld({
    book: memoryBook(ORIGIN),
    origin: ORIGIN,
    now: Date.parse('2026-11-22T10:00:00Z'),
  });
  await announceKeks(world);
  right = await payloads(world.steward, draftContract(world, await publishAssets(world)));
});

async function outcomeOf(type: StatementType, value: Json): Promise<string> {
  const { identity, org } = world.steward;
  let payload: Uint8Array<ArrayBuffer>;
  try {
    payload = canonicalBytes(value);
  } catch {
    return 'cannot be written';
  }
  const claims = { iss: org, sub: 'anything', aud: ORIGIN, iat: 1 };
  const cose = await sign1(identity, { contentType: contentTypeOf(type), claims, payload });
  return readStatement(cose).then(
    () => 'read',
    (error: unknown) => (error instanceof ContractError ? error.code : `a fault: ${String(error)}`),
  );
}

it.each(TYPES)('%s is refused by name, whatever is wrong in it', async (type) => {
  const seen = new Map<string, number>();
  for (const { where, value } of mutations(right[type] as Json)) {
    const outcome = await outcomeOf(type, value);
    // What fits its schema fails on its subject, since this one names nothing.
    const known = [
      'statement/malformed',
      'statement/wrong-subject',
      'contract/malformed',
      'cannot be written',
    ];
    expect([where, known.includes(outcome) ? 'refused' : outcome]).toEqual([where, 'refused']);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  const malformed = type === 'contract.signed' ? 'contract/malformed' : 'statement/malformed';
  expect(seen.get(malformed)).toBeGreaterThan(20);
});
