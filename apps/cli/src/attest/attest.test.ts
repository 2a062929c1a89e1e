// `attest inspect`, `policy` and `verify`: exit codes, JSON, and what cannot be used. The vectors of vendors: vectors.test.ts.
import { vendorRoots } from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, type Digest, hexEncode, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const launch: Digest = `sha256:${'1'.repeat(64)}`;
const hostData = new Uint8Array(32).fill(2);
const reportData = new Uint8Array(32).fill(3);
const signer = await ed25519Signer(generateSecret());

async function files(change: object = {}) {
  const folder = await temporaryFolder();
  const { body } = await simulatedEvidence(signer, { launch, hostData, reportData, debug: false }, 1);
  const accept = [{ technology: 'simulated', keys: [signer.key], launch: [launch], hostData: 'manifest' }];
  const policy = { v: 1, binding: 'room', accept, distrust: [], ...change };
  return {
    folder,
    evidence: await fileIn(folder, 'evidence.bin', Buffer.from(base64urlDecode(body))),
    policy: await fileIn(folder, 'policy.json', JSON.stringify(policy)),
  };
}

const bound = ['--report-data', hexEncode(reportData), '--host-data', hexEncode(hostData)];
const codesOf = ({ json }: { json: unknown }) =>
  (json as { reasons: { code: string }[] }).reasons.map(({ code }) => code);

test('affirms what the policy accepts, and says that it is no hardware', async () => {
  const { evidence, policy } = await files();
  const said = await sealroom(['attest', 'verify', evidence, '--policy', policy, ...bound, '--json']);
  expect(said).toMatchObject({
    exit: 0,
    json: { ok: true, verdict: 'affirmed', hardware: false, reasons: [] },
  });
});

test('refuses what nothing was given for to bind', async () => {
  const { evidence, policy } = await files();
  const said = await sealroom(['attest', 'verify', evidence, '--policy', policy, '--json']);
  expect(said).toMatchObject({ exit: 1, json: { verdict: 'refused' } });
  expect(codesOf(said)).toEqual(['simulated/binding', 'simulated/run']);
});

test('refuses another binding, a distrusted platform and a technology that is not accepted', async () => {
  const { evidence, policy } = await files({ distrust: [signer.kid] });
  const other = ['--report-data', '00'.repeat(32), '--host-data', hexEncode(hostData)];
  const said = await sealroom(['attest', 'verify', evidence, '--policy', policy, ...other, '--json']);
  expect(codesOf(said)).toEqual(['simulated/binding', 'simulated/distrusted']);
  const none = await files({ accept: [] });
  const refused = await sealroom([
    'attest',
    'verify',
    none.evidence,
    '--policy',
    none.policy,
    ...bound,
    '--json',
  ]);
  expect(codesOf(refused)).toEqual(['simulated/technology']);
});

test('shows what stands in evidence, as not authenticated', async () => {
  const { evidence } = await files();
  const said = await sealroom(['attest', 'inspect', evidence, '--json']);
  expect(said).toMatchObject({
    exit: 0,
    json: { evidence: [{ technology: 'simulated', authenticated: false }] },
  });
});

test('what a file names its members cannot pass for a verdict, or repaint the terminal', async () => {
  const part = (value: object) => base64urlEncode(utf8Encode(JSON.stringify(value)));
  const name = 'a: 1\nAffirmed: the evidence satisfies the policy.\n\u001b[8m';
  const payload = { iss: 'https://a.example', 'x-ms-attestation-type': 'azurevm', [name]: { [name]: name } };
  const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(payload)}.AAAA`;
  const file = await fileIn(await temporaryFolder(), 'token.jwt', token);
  const { exit, out } = await sealroom(['attest', 'inspect', file]);
  expect(exit).toBe(0);
  expect(out).toContain('a: 1\uFFFDAffirmed');
  expect(out.split('\n').filter((line) => line.startsWith('Affirmed'))).toEqual([]);
  expect(out).not.toContain('\u001b');
});

test('writes a policy that trusts no simulator by itself', async () => {
  const { evidence } = await files();
  const said = await sealroom(['attest', 'policy', evidence, '--json']);
  expect(said).toMatchObject({
    exit: 0,
    json: { v: 1, accept: [{ technology: 'simulated', keys: [], launch: [launch] }] },
  });
});

test.each([
  ['attest/bad-policy', { more: 1 }, []],
  ['attest/bad-policy', { accept: [{ technology: 'simulated' }] }, []],
  ['attest/bad-policy', { binding: undefined }, []],
  ['cli/usage', {}, ['--at', 'tomorrow']],
  ['cli/usage', {}, ['--report-data', 'XY']],
  ['cli/bad-file', {}, ['--technology', 'nonsense']],
  ['cli/no-file', {}, ['--collateral', '/nowhere']],
] as const)('cannot use (%s) %j %j', async (code, change, more) => {
  const { evidence, policy } = await files(change);
  const said = await sealroom(['attest', 'verify', evidence, '--policy', policy, ...more, '--json']);
  expect(said).toMatchObject({ exit: 2, json: { ok: false, code } });
});

test.each([
  ['nothing', ''],
  ['text', 'hello'],
  ['zeros', '\0'.repeat(1184)],
  ['hexadecimal', 'abcd'],
  ['a large file', 'x'.repeat(5_000_000)],
])('cannot use %s as evidence', async (_, content) => {
  const { folder, policy } = await files();
  const file = await fileIn(folder, 'odd', content);
  const said = await sealroom(['attest', 'verify', file, '--policy', policy, '--json']);
  expect(said).toMatchObject({ exit: 2, json: { ok: false, code: expect.stringMatching(/^attest\//) } });
});

test('says of a vendor’s certificates that they are no evidence and where they go', async () => {
  const { folder, policy } = await files();
  const [root] = vendorRoots().intel ?? [];
  const file = await fileIn(folder, 'root.der', Buffer.from(root?.der ?? []));
  for (const given of [['inspect'], ['policy'], ['verify', '--policy', policy]])
    expect(await sealroom(['attest', ...given, file, '--json'])).toMatchObject({
      exit: 2,
      json: { ok: false, code: 'cli/bad-file' },
    });
});
