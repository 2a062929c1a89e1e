// A signer may sign anything. Each type's payload with one wrong value at a time, signed all the same: it reads as what it
// says, or is refused by name, and nothing else happens.
import { canonicalBytes, type Json, type JsonObject, sha256Digest } from '@sealroom/bytes';
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
import { subjectOf } from './statement-table.ts';

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
  const named = typeof value === 'object' && value !== null ? (value as JsonObject) : {};
  const sub = subjectOf(type, named, await sha256Digest(payload));
  const claims = { iss: org, sub, aud: ORIGIN, iat: 1 };
  const cose = await sign1(identity, { contentType: contentTypeOf(type), claims, payload });
  return readStatement(cose).then(
    () => 'read',
    (error: unknown) => (error instanceof ContractError ? error.code : `a fault: ${String(error)}`),
  );
}

const REFUSED = ['statement/malformed', 'contract/malformed', 'cannot be written'];
/** What no member of any payload may be. */
const NEVER: readonly Json[] = ['\u0000', -1, 1.5, 1e308];

it.each(TYPES)('%s is refused by name, whatever is wrong in it', async (type) => {
  expect(await outcomeOf(type, right[type] as Json)).toBe('read');
  let refused = 0;
  for (const { where, value, put } of mutations(right[type] as Json)) {
    const outcome = await outcomeOf(type, value);
    const known = REFUSED.includes(outcome);
    // Another name, number or choice that fits reads as what it says; what is added, missing or impossible does not.
    // Parameters go by any name, and their bounds are whole numbers of either sign.
    const free = where.startsWith('body.parameters ') || (/\.m..imum$/.test(where) && put === -1);
    const mayRead = free || (!/ with more$| without /.test(where) && !NEVER.some((item) => item === put));
    expect([where, put, known ? 'refused' : outcome]).toEqual([
      where,
      put,
      known || !mayRead ? 'refused' : 'read',
    ]);
    if (known) refused++;
  }
  expect(refused).toBeGreaterThan(20);
});
