import { base64urlDecode, canonicalBytes, sha256Digest } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { createStatement, freshSalt } from '@sealroom/contract';
import {
  ledgerEntry,
  PUBLIC_SUBJECT_KEY,
  verifyConsistency,
  verifyTlogProof,
  openCheckpoint,
} from '@sealroom/tlog';
import { expect, it } from 'vitest';
import { createFakeLedger } from './ledger.ts';

const origin = 'ledger.example';

async function registration() {
  const root = await ed25519Signer(generateSecret());
  const payload = { salt: freshSalt(), root: root.key, domain: 'a.example', vaults: [], prev: null };
  return createStatement(root, {
    type: 'participant.registered',
    payload,
    iss: root.kid,
    origin,
    now: 1_790_000_000_000,
  });
}

const headers = { 'content-type': 'application/cose' };

it('appends over the wire, once per statement, with proofs that verify', async () => {
  const ledger = await createFakeLedger({ origin });
  for (let leaf = 0; leaf < 5; leaf++) {
    const bytes = await registration();
    const send = () => ledger.fetch('https://l.test/entries', { method: 'POST', headers, body: bytes });
    const first = (await (await send()).json()) as { index: number; proof: string };
    const again = (await (await send()).json()) as { index: number; proof: string };
    expect([first.index, again.index]).toEqual([leaf, leaf]);
    const entry = await ledgerEntry(PUBLIC_SUBJECT_KEY, bytes);
    const found = await verifyTlogProof(again.proof, { entry, origin, key: ledger.key });
    expect(found.index).toBe(leaf);
  }
  expect(ledger.statements).toHaveLength(5);
});

it('shows a statement to who knows its subject only, and proves that it only grew', async () => {
  const ledger = await createFakeLedger({ origin });
  const bytes = await registration();
  await ledger.append(bytes);
  const before = await openCheckpoint(await ledger.checkpoint(), { origin, key: ledger.key });
  await ledger.append(await registration());
  const after = await openCheckpoint(await ledger.checkpoint(), { origin, key: ledger.key });
  const answer = await ledger.fetch('https://l.test/v1/consistency?from=1&to=2');
  const { proof } = (await answer.json()) as { proof: string[] };
  await verifyConsistency({
    from: 1,
    to: 2,
    fromRoot: before.root,
    toRoot: after.root,
    proof: proof.map(base64urlDecode),
  });
  const url = `https://l.test/statements/${await sha256Digest(bytes)}`;
  expect((await ledger.fetch(url)).status).toBe(404);
  const key = Buffer.from(PUBLIC_SUBJECT_KEY).toString('base64url');
  const shown = await ledger.fetch(url, { headers: { 'sealroom-subject-key': key } });
  expect(new Uint8Array(await shown.arrayBuffer())).toEqual(bytes);
});

it('refuses what the record refuses, with its code', async () => {
  const ledger = await createFakeLedger({ origin });
  const answer = await ledger.fetch('https://l.test/entries', {
    method: 'POST',
    headers,
    body: canonicalBytes({}),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'statement/malformed' });
});
