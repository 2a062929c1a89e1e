import { base64urlEncode, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { type Changes, type PlayedRun, playWorld, rewriteReceipt } from '@sealroom/testkit/receipt';
import { beforeAll, expect, test } from 'vitest';
import { type ReceiptFile, type Trust, verifyReceipt } from './index.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
let played: PlayedRun;

const play = async (changes: Changes = {}) =>
  playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, changes);
const code = async (receipt: Uint8Array, trust?: Trust): Promise<string> =>
  verifyReceipt(receipt, trust).then(
    (verified) => verified.verdict,
    (error: { code?: string }) => error.code ?? 'not a package error',
  );

beforeAll(async () => {
  played = await play();
});

test('a whole receipt is by the pinned parties, and says that no hardware attested it', async () => {
  const verified = await verifyReceipt(played.receipt, played.trust);
  expect(verified).toMatchObject({ verdict: 'pinned', hardwareAttested: false, finished: played.finished });
});

test('without pins it is consistent and no more', async () => {
  expect(await code(played.receipt)).toBe('consistent');
});

test('refuses the file after a change of any one byte', async () => {
  // Each byte at a stride that visits all members, and every byte of the first and last kilobyte.
  const { receipt, trust } = played;
  let tried = 0;
  for (let at = 0; at < receipt.length; at += at < 300 || at > receipt.length - 300 ? 1 : 41) {
    const changed = receipt.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(await code(changed, trust), `byte ${at}`).toMatch(/^receipt\//);
    tried++;
  }
  expect(tried).toBeGreaterThan(600);
}, 300_000);

test('refuses other pins, each by its own check', async () => {
  const other = await ed25519Signer(generateSecret());
  const { receipt, trust } = played;
  expect(await code(receipt, { ...trust, ledger: { ...trust.ledger, key: other.key } })).toBe(
    'receipt/pins-ledger',
  );
  expect(await code(receipt, { ...trust, ledger: { ...trust.ledger, origin: 'x' } })).toBe(
    'receipt/pins-ledger',
  );
  expect(await code(receipt, { ...trust, organisations: trust.organisations.slice(1) })).toBe(
    'receipt/pins-organisation',
  );
  expect(await code(receipt, { ...trust, organisations: [] })).toBe('receipt/pins-organisation');
  expect(await code(receipt, { ...trust, simulators: [other.key] })).toBe('receipt/pins-simulator');
  expect(await code(receipt, { ...trust, rooms: [] })).toBe('receipt/pins-simulator');
});

test('a contract pinned by digest stands for its organisations', async () => {
  const { receipt, trust, run } = played;
  expect(await code(receipt, { ...trust, organisations: [], contracts: [run.agreed.digest] })).toBe('pinned');
});

test('a whole receipt forged with keys of one’s own is consistent, and never passes with pins', async () => {
  const forged = await play();
  expect(await code(forged.receipt)).toBe('consistent');
  expect(await code(forged.receipt, played.trust)).toBe('receipt/pins-ledger');
  const sameLedger = { ...played.trust, ledger: forged.trust.ledger };
  expect(await code(forged.receipt, sameLedger)).toBe('receipt/pins-organisation');
});

const without = (type: string) => async (file: ReceiptFile) => {
  const keep = file.statements.filter(
    (item) => !Buffer.from(item.cose, 'base64url').includes(Buffer.from(`sealroom.${type}+json`)),
  );
  expect(keep.length).toBeLessThan(file.statements.length);
  return { ...file, statements: keep };
};

test.each([
  ['run.approved', /^receipt\/(?:statement|manifest|incomplete)$/],
  ['participant.registered', /^receipt\/statement$/],
  ['identity.added', /^receipt\/statement$/],
  ['contract.signed', /^receipt\/incomplete$/],
  ['run.requested', /^receipt\/(?:statement|incomplete)$/],
  ['key.reserved', /^receipt\/statement$/],
  ['output.cleared', /^receipt\/statement$/],
  ['run.finished', /^receipt\/incomplete$/],
])('refuses a receipt that lacks %s', async (type, expected) => {
  const file = await without(type)(JSON.parse(Buffer.from(played.receipt).toString()) as ReceiptFile);
  expect(
    await code(
      rewriteReceipt(played.receipt, () => file),
      played.trust,
    ),
  ).toMatch(expected);
});

test('refuses a statement that the run does not need', async () => {
  const extra = await createFakeLedger({ origin: 'ledger.test' });
  const other = await playWorld(extra, NOW);
  const stranger = (JSON.parse(Buffer.from(other.receipt).toString()) as ReceiptFile).statements[0];
  const put = rewriteReceipt(played.receipt, (file) => ({
    ...file,
    statements: stranger ? [stranger, ...file.statements] : [],
  }));
  expect(await code(put, played.trust)).toMatch(/^receipt\//);
});

test('refuses statements out of the ledger’s order and one that stands twice', async () => {
  const turned = rewriteReceipt(played.receipt, (file) => ({
    ...file,
    statements: file.statements.toReversed(),
  }));
  expect(await code(turned, played.trust)).toMatch(/^receipt\/(?:malformed|statement)$/);
  const twice = rewriteReceipt(played.receipt, (file) => ({
    ...file,
    statements: [...file.statements, ...file.statements.slice(-1)],
  }));
  expect(await code(twice, played.trust)).toBe('receipt/malformed');
});

test.each<[string, Changes, string]>([
  ['another evidence digest', { finished: (it) => ({ ...it, evidence: it.manifest }) }, 'receipt/evidence'],
  ['another platform', { finished: (it) => ({ ...it, platform: it.manifest }) }, 'receipt/evidence'],
  ['other datasets', { finished: (it) => ({ ...it, datasets: [it.manifest] }) }, 'receipt/room'],
  [
    'less isolation than the contract asks for',
    {
      contract: (it) => ({ ...it, room: { ...it.room, isolation: 'process' } }),
      finished: (it) => ({ ...it, isolation: 'none' }),
    },
    'receipt/outcome',
  ],
  [
    'another custody',
    {
      finished: (it) => ({
        ...it,
        custody: it.custody.map((item) => ({ ...item, custody: 'operator' as const })),
      }),
    },
    'receipt/outcome',
  ],
  [
    'a time that is no vault’s',
    { finished: (it) => ({ ...it, startedAt: '2020-01-01T00:00:00Z' }) },
    'receipt/outcome',
  ],
  [
    'a completed run without an output',
    { finished: (it) => ({ ...it, output: null, envelope: null }) },
    'receipt/outcome',
  ],
  [
    'an answer that the room did not name',
    { finished: (it) => ({ ...it, answers: it.answers.slice(1) }) },
    'receipt/answer',
  ],
  [
    'an answer for another manifest',
    { answer: (it) => ({ ...it, manifest: it.contract }) },
    'receipt/answer',
  ],
  [
    'an answer for another reservation',
    { answer: (it) => ({ ...it, reservation: it.contract }) },
    'receipt/answer',
  ],
  [
    'evidence over other nonces',
    { nonces: (it) => it.map((item) => ({ ...item, nonce: base64urlEncode(new Uint8Array(32)) })) },
    'receipt/evidence',
  ],
])('refuses a room that signs %s', async (_, changes, expected) => {
  const cheat = await play(changes);
  expect(await code(cheat.receipt, cheat.trust)).toBe(expected);
});

test('refuses a challenge left out, and one put in twice', async () => {
  const less = rewriteReceipt(played.receipt, (file) => ({ ...file, challenges: file.challenges.slice(1) }));
  expect(await code(less, played.trust)).toBe('receipt/challenge');
  const twice = rewriteReceipt(played.receipt, (file) => ({
    ...file,
    challenges: [...file.challenges, ...file.challenges.slice(1)],
  }));
  expect(await code(twice, played.trust)).toBe('receipt/challenge');
});

test('refuses challenges and answers in another order: a receipt has one form', async () => {
  const turned = (member: 'challenges' | 'answers') =>
    rewriteReceipt(played.receipt, (file) => ({ ...file, [member]: file[member].toReversed() }));
  expect(await code(turned('challenges'), played.trust)).toBe('receipt/challenge');
  expect(await code(turned('answers'), played.trust)).toBe('receipt/answer');
});

test.each<[string, Changes['request']]>([
  ['another parameter', (it) => ({ ...it, parameters: { ROUNDS: 3 } })],
  ['a parameter out of range', (it) => ({ ...it, parameters: { ITERATIONS: 100_000 } })],
  ['another dataset', (it) => ({ ...it, datasets: [...it.datasets, it.contract] })],
  ['more processors', (it) => ({ ...it, vcpu: 64 })],
])('refuses a run with %s than its contract allows, though every vault released', async (_, request) => {
  const cheat = await play(request ? { request } : {});
  expect(await code(cheat.receipt, cheat.trust)).toBe('receipt/contract');
});

test('refuses a run with other criteria than those its algorithm was published with', async () => {
  const cheat = await play({ request: (it) => ({ ...it, criteria: it.contract }) });
  expect(await code(cheat.receipt, cheat.trust)).toBe('receipt/statement');
});

test('refuses what is no receipt at all', async () => {
  for (const text of ['', '{}', '[]', 'null', '{"v":1}', `${Buffer.from(played.receipt).toString()}\n`]) {
    expect(await code(utf8Encode(text))).toBe('receipt/malformed');
  }
});
