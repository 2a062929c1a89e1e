// The home folder through the commands that need no hub: identities, pins, trust.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ed25519Signer, generateSecret } from '@sealroom/cose';
import { expect, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';
import { EXIT } from '../error.ts';
import { pinLedger, pinOrganisation, readPins } from './pins.ts';

const ORG = `sha256:${'ab'.repeat(32)}` as const;
const AT = '2026-11-22T10:00:00Z';

async function homeOf(org: string = ORG): Promise<{ home: string; passphrase: string }> {
  const home = await temporaryFolder();
  await fileIn(home, 'settings.json', JSON.stringify({ v: 1, org }));
  return { home, passphrase: await fileIn(home, 'pass', 'correct horse\n') };
}

test('an identity is made without its root, and only its owner may read the file', async () => {
  const { home, passphrase } = await homeOf();
  const request = join(home, 'request.json');
  const argv = [
    'identity',
    'create',
    '--name',
    'Ada',
    '--uses',
    'contract,approve',
    '--request-out',
    request,
  ];
  const said = await sealroom([...argv, '--home', home, '--passphrase-file', passphrase, '--json']);
  expect(said).toMatchObject({ exit: EXIT.ok, json: { ok: true, vouched: false } });
  expect((await stat(join(home, 'identity.sealroom'))).mode & 0o777).toBe(0o600);
  const asked: unknown = JSON.parse(await readFile(request, 'utf8'));
  expect(asked).toMatchObject({ name: 'Ada', org: ORG, uses: ['contract', 'approve'] });
  expect(said.out + said.err).not.toContain('correct horse');
});

test('an unknown use is refused before any key is made', async () => {
  const { home, passphrase } = await homeOf();
  const argv = ['identity', 'create', '--name', 'Ada', '--uses', 'everything'];
  const said = await sealroom([...argv, '--home', home, '--passphrase-file', passphrase, '--json']);
  expect(said).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/usage', done: [] } });
});

test('the recovery code is shown once at a terminal and sets a new passphrase', async () => {
  const { home } = await homeOf();
  const request = join(home, 'request.json');
  const created = await sealroom(
    ['identity', 'create', '--name', 'Ada', '--request-out', request, '--home', home],
    {
      answers: { secrets: ['correct horse', 'correct horse'] },
    },
  );
  const code = /(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}/.exec(created.out)?.[0] ?? '';
  expect(code).not.toBe('');
  const recovered = await sealroom(['identity', 'recover', '--home', home], {
    answers: { secrets: [code, 'other words', 'other words'] },
  });
  expect(recovered.exit).toBe(EXIT.ok);
  const wrong = await fileIn(home, 'old', 'correct horse');
  const renewed = ['identity', 'recovery', '--home', home, '--recovery-file', join(home, 'code')];
  expect((await sealroom([...renewed, '--passphrase-file', wrong, '--json'])).json).toMatchObject({
    code: 'cli/locked',
  });
  const right = await fileIn(home, 'new', 'other words');
  expect((await sealroom([...renewed, '--passphrase-file', right, '--json'])).exit).toBe(EXIT.ok);
  expect((await stat(join(home, 'code'))).mode & 0o777).toBe(0o600);
});

test('two different passphrases make no identity', async () => {
  const { home } = await homeOf();
  const said = await sealroom(['identity', 'create', '--name', 'Ada', '--home', home], {
    answers: { secrets: ['correct horse', 'correct house'] },
  });
  expect(said.exit).toBe(EXIT.usage);
  expect(said.err).toContain('Nothing was changed.');
});

test('an organisation is pinned by its whole id only', async () => {
  const home = await temporaryFolder();
  const half = await sealroom([
    'org',
    'pin',
    ORG.slice(0, 30),
    '--checked',
    'out-of-band',
    '--home',
    home,
    '--json',
  ]);
  expect(half).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/usage' } });
  const silent = await sealroom(['org', 'pin', ORG, '--home', home, '--json']);
  expect(silent).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/no-terminal' } });
  const denied = await sealroom(['org', 'pin', ORG, '--home', home], { answers: { confirm: false } });
  expect(denied.exit).toBe(EXIT.refused);
  expect((await readPins(home)).organisations).toEqual([]);
  const pinned = await sealroom([
    'org',
    'pin',
    ORG,
    '--checked',
    'out-of-band',
    '--name',
    'Vendor',
    '--home',
    home,
    '--json',
  ]);
  expect(pinned.json).toMatchObject({ ok: true, org: ORG, checked: 'out-of-band' });
  expect((await sealroom(['org', 'list', '--home', home, '--json'])).json).toMatchObject([
    { org: ORG, name: 'Vendor' },
  ]);
});

test('one’s own organisation stays one’s own when it is pinned again', async () => {
  const home = await temporaryFolder();
  await pinOrganisation(home, { org: ORG, name: 'Own', checked: 'own', at: AT });
  await pinOrganisation(home, { org: ORG, name: 'Own', checked: 'out-of-band', at: AT });
  expect((await readPins(home)).organisations).toMatchObject([{ checked: 'own' }]);
});

test('a ledger is pinned once; another key is refused', async () => {
  const home = await temporaryFolder();
  const [one, other] = [await ed25519Signer(generateSecret()), await ed25519Signer(generateSecret())];
  const pin = { origin: 'ledger.test', key: one.key, checked: 'fingerprint' as const, at: AT };
  await pinLedger(home, pin);
  await pinLedger(home, { ...pin, checked: 'first-use' });
  await expect(pinLedger(home, { ...pin, key: other.key })).rejects.toMatchObject({
    code: 'cli/ledger-changed',
    exit: 1,
  });
  expect((await readPins(home)).ledger).toEqual(pin);
});

test('a trust file holds what was pinned, and nothing before anything was', async () => {
  const home = await temporaryFolder();
  const out = join(home, 'trust.json');
  const none = await sealroom(['trust', 'export', '--out', out, '--home', home, '--json']);
  expect(none).toMatchObject({ exit: EXIT.usage, json: { code: 'cli/no-ledger-pin' } });
  const { key } = await ed25519Signer(generateSecret());
  await pinLedger(home, { origin: 'ledger.test', key, checked: 'fingerprint', at: AT });
  await pinOrganisation(home, { org: ORG, name: 'Vendor', checked: 'out-of-band', at: AT });
  expect((await sealroom(['trust', 'export', '--out', out, '--home', home, '--json'])).exit).toBe(EXIT.ok);
  const trust: unknown = JSON.parse(await readFile(out, 'utf8'));
  expect(trust).toMatchObject({
    ledger: { origin: 'ledger.test', key },
    organisations: [ORG],
    simulators: [],
    rooms: [],
  });
  expect(trust).not.toHaveProperty('keySets');
  const argv = ['trust', 'export', '--vault-keys', '--overwrite', '--out', out, '--home', home, '--json'];
  expect(await sealroom(argv)).toMatchObject({ exit: EXIT.ok });
  expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ keySets: 'vaults' });
});
