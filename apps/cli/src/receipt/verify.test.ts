// `receipt verify`: exit codes and the check that is named.
import { join } from 'node:path';
import { encodeTrust, type Trust } from '@sealroom/contract';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { type PlayedRun, playWorld } from '@sealroom/testkit/receipt';
import { maaPlatform } from '@sealroom/testkit/token-rooms';
import { FakeMaa, MAA_ISSUER } from '@sealroom/testkit/vendors/azure-maa';
import { beforeAll, describe, expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';
import { EXIT } from '../error.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
let played: PlayedRun;
let other: PlayedRun;

beforeAll(async () => {
  played = await playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW);
  other = await playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW);
});

async function verify(receipt: Uint8Array, trust?: Trust, json = true) {
  const folder = await temporaryFolder();
  const file = await fileIn(folder, 'run.receipt.json', receipt);
  const pins = trust ? ['--trust', await fileIn(folder, 'trust.json', encodeTrust(trust))] : [];
  return sealroom(['receipt', 'verify', file, ...pins, ...(json ? ['--json'] : [])]);
}

test('by pinned parties it exits with 0', async () => {
  const said = await verify(played.receipt, played.trust);
  expect(said).toMatchObject({
    exit: EXIT.ok,
    json: { ok: true, verdict: 'pinned', hardwareAttested: false },
  });
});

test('without pins it is consistent only and exits with 3', async () => {
  const said = await verify(played.receipt);
  expect(said).toMatchObject({ exit: EXIT.consistent, json: { verdict: 'consistent' } });
});

test('says first that a simulated room was not hardware-attested', async () => {
  const { out } = await verify(played.receipt, played.trust, false);
  expect(out.startsWith('NOT HARDWARE-ATTESTED')).toBe(true);
});

test('a whole receipt of other keys never passes with pins', async () => {
  const said = await verify(other.receipt, played.trust);
  expect(said.exit).toBe(EXIT.refused);
  expect(said.json).toMatchObject({ ok: false, verdict: 'refused', code: 'receipt/pins-ledger' });
});

test.each([
  ['organisations', 'receipt/pins-organisation'],
  ['simulators', 'receipt/pins-simulator'],
  ['rooms', 'receipt/pins-simulator'],
] as const)('without %s among the pins it exits with 1', async (name, code) => {
  const said = await verify(played.receipt, { ...played.trust, [name]: [] });
  expect(said).toMatchObject({ exit: EXIT.refused, json: { code } });
});

test('the platform of each run can be listed, and a receipt that fails hides none of the others', async () => {
  const folder = await temporaryFolder();
  const one = await fileIn(folder, 'one.json', played.receipt);
  const two = await fileIn(folder, 'two.json', other.receipt);
  const all = await sealroom(['receipt', 'platforms', one, two, '--json']);
  const { runs } = all.json as { runs: { file: string; platform: string }[] };
  expect(all.exit).toBe(EXIT.ok);
  expect(runs.map(({ file }) => file)).toEqual([one, two]);
  const platform = runs[0]?.platform ?? '';
  const only = await sealroom(['receipt', 'platforms', one, two, '--platform', platform, '--json']);
  expect((only.json as { runs: unknown[] }).runs).toHaveLength(
    runs.filter((run) => run.platform === platform).length,
  );
  const none = await sealroom(['receipt', 'platforms', one, '--platform', 'another', '--json']);
  expect(none.json).toEqual({ ok: true, runs: [] });
  const trust = await fileIn(folder, 'trust.json', encodeTrust(played.trust));
  const pinned = await sealroom(['receipt', 'platforms', one, two, '--trust', trust, '--json']);
  expect(pinned).toMatchObject({
    exit: EXIT.refused,
    json: { runs: [{ ok: true }, { ok: false, code: 'receipt/pins-ledger' }] },
  });
});

test('a run on a platform that is distrusted since is found, and not hidden behind a refusal', async () => {
  const folder = await temporaryFolder();
  const file = await fileIn(folder, 'one.json', played.receipt);
  const { platform } = played.finished;
  const distrusting = { ...played.trust, distrust: [platform] };
  const trust = await fileIn(folder, 'trust.json', encodeTrust(distrusting));
  const options = ['--trust', trust, '--json'];
  const found = { ok: true, platform, platforms: [platform], distrusted: [platform], verdict: 'pinned' };
  for (const only of [[], ['--platform', platform]])
    expect(await sealroom(['receipt', 'platforms', file, ...only, ...options])).toMatchObject({
      exit: EXIT.ok,
      json: { runs: [found] },
    });
  const shown = await sealroom(['receipt', 'platforms', file, '--trust', trust]);
  expect(shown.out).toContain('DISTRUSTED');
  // To verify it is another question, and distrust is an answer to that.
  expect(await verify(played.receipt, distrusting)).toMatchObject({
    exit: EXIT.refused,
    json: { code: 'receipt/pins-simulator' },
  });
});

test('with a byte changed it exits with 1 and names the check', async () => {
  const changed = played.receipt.slice();
  const at = Math.floor(changed.length / 2);
  changed[at] = (changed[at] ?? 0) ^ 1;
  const said = await verify(changed, played.trust);
  expect(said).toMatchObject({ exit: EXIT.refused, json: { code: expect.stringMatching(/^receipt\//) } });
});

test('files that cannot be read are unusable input', async () => {
  const folder = await temporaryFolder();
  const nothing = await sealroom(['receipt', 'verify', join(folder, 'nothing'), '--json']);
  expect(nothing).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/no-file' } });
  const receipt = await fileIn(folder, 'r.json', played.receipt);
  const trust = await fileIn(folder, 't.json', '{}');
  const said = await sealroom(['receipt', 'verify', receipt, '--trust', trust, '--json']);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code: 'trust/malformed' } });
});

test('takes more collateral from a folder, and names one that is none', async () => {
  const folder = await temporaryFolder();
  const file = await fileIn(folder, 'r.json', played.receipt);
  const good = await sealroom(['receipt', 'verify', file, '--collateral', await temporaryFolder(), '--json']);
  expect(good).toMatchObject({
    exit: EXIT.consistent,
    json: { attestation: { technology: 'simulated', collateral: [], waivers: [] } },
  });
  const none = await sealroom(['receipt', 'verify', file, '--collateral', join(folder, 'nowhere'), '--json']);
  expect(none).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/no-file' } });
});

test('shows a receipt without asking who its parties are', async () => {
  const file = await fileIn(await temporaryFolder(), 'r.json', played.receipt);
  const said = await sealroom(['receipt', 'show', file, '--json']);
  expect(said).toMatchObject({ exit: EXIT.ok, json: { verdict: 'consistent', run: played.finished.run } });
});

describe('a room that a token service vouches for', () => {
  let maa: FakeMaa;
  let run: PlayedRun;
  beforeAll(async () => {
    maa = await FakeMaa.create(NOW);
    run = await playWorld(await createFakeLedger({ origin: 'ledger.test' }), NOW, {
      platform: await maaPlatform(maa, NOW),
      sensitivity: 'real',
    });
  });

  /** @param options KEYS stands for a file with the service's set */
  async function said(options: readonly string[], trust?: Trust) {
    const folder = await temporaryFolder();
    const keys = await fileIn(folder, 'keys.json', maa.jwks);
    const argv = options.map((one) => one.replace('KEYS', keys));
    const file = await fileIn(folder, 'run.receipt.json', run.receipt);
    const pins = trust ? ['--trust', await fileIn(folder, 'trust.json', encodeTrust(trust))] : [];
    return sealroom(['receipt', 'verify', file, ...pins, ...argv]);
  }

  test('is not called hardware-attested on the word of its vaults, which are named first', async () => {
    const { exit, out } = await said([]);
    expect(exit).toBe(EXIT.consistent);
    expect(out.startsWith('NOT HARDWARE-ATTESTED: the evidence is signed with a key')).toBe(true);
    expect(out.match(/^ {2}vault [0-9a-f]{12}: fetched .* believed until /gm)).toHaveLength(2);
    expect(await said(['--json'])).toMatchObject({
      json: { hardwareAttested: false, attestation: { basis: 'vaults' } },
    });
  });

  test('needs the issuer’s keys, or a trust file that believes its vaults', async () => {
    expect(await said(['--json'], run.trust)).toMatchObject({
      exit: EXIT.refused,
      json: { code: 'receipt/pins-key-set' },
    });
    expect(await said(['--json'], { ...run.trust, keySets: 'vaults' })).toMatchObject({
      exit: EXIT.ok,
      json: { verdict: 'pinned', hardwareAttested: false },
    });
    expect(await said(['--keys', `${MAA_ISSUER}=KEYS`, '--json'], run.trust)).toMatchObject({
      exit: EXIT.ok,
      json: { verdict: 'pinned', hardwareAttested: true, attestation: { basis: 'reader' } },
    });
  });

  test.each([
    ['cli/usage', ['KEYS']],
    ['cli/usage', [`${MAA_ISSUER}=KEYS`, `${MAA_ISSUER}=KEYS`]],
    ['cli/no-file', [`${MAA_ISSUER}=/nowhere/keys.json`]],
    ['attest/bad-collateral', [`${MAA_ISSUER}=${import.meta.filename}`]],
  ])('cannot be judged (%s) by keys that are none', async (code, argv) => {
    expect(await said(['--keys', ...argv, '--json'])).toMatchObject({ exit: 2, json: { code } });
  });
});
