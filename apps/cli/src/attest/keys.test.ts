// `attest verify --keys`: key sets of token services are anchors, given by the caller and never found beside the evidence.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hexEncode } from '@sealroom/bytes';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const AT = '2026-11-25T12:00:00Z';
const reportData = new Uint8Array(32).fill(0xab);
const maa = await FakeMaa.create(Date.parse(AT));

async function given() {
  const folder = await temporaryFolder();
  const collateral = join(folder, 'collateral');
  await mkdir(collateral);
  await fileIn(collateral, 'keys.json', maa.jwks);
  const token = Buffer.from(await maa.token(maa.guest(reportData))).toString();
  return {
    folder,
    collateral,
    // As editors and shells leave it: with a line's end.
    evidence: await fileIn(folder, 'token.jwt', `${token}\n`),
    keys: await fileIn(folder, 'keys.json', maa.jwks),
  };
}

async function verified(evidence: string, policy: string, more: readonly string[]) {
  return sealroom(['attest', 'verify', evidence, '--policy', policy, '--at', AT, ...more, '--json']);
}

test('a token is affirmed under the keys that are given for its issuer, and pinned by them', async () => {
  const { folder, evidence, keys } = await given();
  const trust = ['--keys', `${MAA_ISSUER}=${keys}`];
  const pinned = await sealroom(['attest', 'policy', evidence, '--at', AT, ...trust, '--json']);
  expect(pinned.json).toMatchObject({ binding: { reportData: hexEncode(reportData) } });
  const policy = await fileIn(folder, 'policy.json', JSON.stringify(pinned.json));
  expect(await verified(evidence, policy, trust)).toMatchObject({ exit: 0, json: { verdict: 'affirmed' } });
});

test('keys of another issuer, keys in collateral and malformed options are of no use', async () => {
  const { folder, evidence, keys, collateral } = await given();
  const pinned = await sealroom(['attest', 'policy', evidence, '--at', AT, '--json']);
  const policy = await fileIn(folder, 'policy.json', JSON.stringify(pinned.json));
  for (const more of [
    [],
    ['--keys', `https://other.weu.attest.azure.net=${keys}`],
    ['--collateral', collateral],
  ]) {
    const said = await verified(evidence, policy, more);
    expect(said).toMatchObject({ exit: 1, json: { verdict: 'refused' } });
    expect(JSON.stringify(said.json)).toContain('azure-maa/key-set');
  }
  for (const bad of [keys, `http://a.example=${keys}`, `${MAA_ISSUER}=`])
    expect(await verified(evidence, policy, ['--keys', bad])).toMatchObject({ json: { code: 'cli/usage' } });
});
