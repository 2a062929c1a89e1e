// Every type of statement × everybody who could sign it, made from the statement table: only the
// kind of key in the table is heard at all, only for its own organisation, and an identity only with the use it needs.
import { canonicalBytes, type Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, publicKeyOf, type Signer } from '@sealroom/cose';
import {
  announceKeks,
  createWorld,
  draftContract,
  madeUpVault,
  memoryBook,
  openRoom,
  outsider,
  publishAssets,
  say,
  type World,
} from '@sealroom/testkit/world';
import { beforeAll, describe, expect, it } from 'vitest';
import { freshSalt, signPayload, STATEMENTS, type StatementType, type Use, USES } from './index.ts';
import { payloads } from './statement-payloads-for-tests.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const TYPES = Object.keys(STATEMENTS) as StatementType[];
type Speaker = { readonly signer: Signer; readonly iss: Digest };
let world: World;
let speakers: Readonly<Record<'root' | 'identity' | 'vault' | 'room' | 'simulator' | 'nobody', Speaker>>;
let strangers: readonly Speaker[];
let said: Awaited<ReturnType<typeof payloads>>;

beforeAll(async () => {
  world = await createWorld({ book: memoryBook(ORIGIN), origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const { steward, simulator } = world;
  said = await payloads(steward, draftContract(world, await publishAssets(world)));
  const iss = steward.org;
  speakers = {
    root: { signer: steward.root, iss },
    identity: { signer: steward.identity, iss },
    vault: madeUpVault(world, 'steward'),
    room: { signer: (await openRoom()).sign, iss },
    simulator: { signer: simulator, iss },
    nobody: { signer: await ed25519Signer(generateSecret()), iss },
  };
  const vault = await ed25519Signer(generateSecret());
  const foreign = await outsider(world, [vault.key]);
  strangers = [foreign.root, foreign.identity, vault].map((signer) => ({ signer, iss }));
});

const codeOf = async (type: StatementType, { signer, iss }: Speaker): Promise<string> => {
  const bytes = canonicalBytes(said[type]);
  const cose = await signPayload(signer, { type, bytes, iss, origin: ORIGIN, now: NOW });
  return world.book.append(cose).then(
    () => 'admitted',
    (error: { code?: string }) => error.code ?? 'not a package error',
  );
};

/** What a key is refused with before anybody looks at what the statement says. */
const UNHEARD = ['statement/wrong-signer', 'statement/unknown-key'];

it('covers every type of the table', () => {
  expect(Object.keys(said).toSorted()).toEqual(TYPES.toSorted());
  expect(TYPES.length).toBeGreaterThan(25);
});

describe.each(TYPES)('%s', (type) => {
  it('is heard from no other kind of key, and from no other organisation’s', async () => {
    for (const [kind, speaker] of Object.entries(speakers)) {
      if (kind === STATEMENTS[type].signer) continue;
      expect([kind, UNHEARD]).toEqual([kind, expect.arrayContaining([await codeOf(type, speaker)])]);
    }
    for (const stranger of strangers) expect(UNHEARD).toContain(await codeOf(type, stranger));
  });
});

const OF_IDENTITIES = TYPES.filter((type) => STATEMENTS[type].use !== null);

describe('an identity', () => {
  let withoutUse: Readonly<Partial<Record<Use, Speaker>>>;
  beforeAll(async () => {
    const { root, org } = world.steward;
    const found: Partial<Record<Use, Speaker>> = {};
    for (const missing of USES) {
      const signer = await ed25519Signer(generateSecret());
      const receiving = await publicKeyOf('X25519', generateSecret());
      const uses = USES.filter((use) => use !== missing);
      const payload = { salt: freshSalt(), org, key: signer.key, receiving, uses, person: null };
      await say(world, { signer: root, iss: org }, 'identity.added', payload);
      found[missing] = { signer, iss: org };
    }
    withoutUse = found;
  });

  it.each(OF_IDENTITIES)('signs no %s without the use that it needs', async (type) => {
    const { use } = STATEMENTS[type];
    const speaker = use && withoutUse[use];
    if (!speaker) throw new Error('no such use');
    expect(await codeOf(type, speaker)).toBe('statement/wrong-signer');
  });
});
