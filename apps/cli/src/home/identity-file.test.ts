import { expect, test } from 'vitest';
import {
  addRecovery,
  createIdentityFile,
  encodeIdentityFile,
  type IdentityFile,
  parseIdentityFile,
  recover,
  unlock,
} from './identity-file.ts';
import { formatRecoveryCode, parseRecoveryCode } from './recovery-code.ts';

const COST = { memoryKiB: 19_456, passes: 1, lanes: 1 };
const CODE = new Uint8Array(16).fill(7);

const made = (recovery?: Uint8Array) =>
  createIdentityFile('sealroom/identity', {
    passphrase: 'correct horse',
    cost: COST,
    ...(recovery ? { recovery } : {}),
  });
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'opened',
    (error: { code?: string }) => error.code,
  );
const reread = (file: IdentityFile) =>
  parseIdentityFile(new TextEncoder().encode(encodeIdentityFile(file)), 'x');

test('opens with its passphrase, in whatever form its letters are composed', async () => {
  const { file, unlocked } = await createIdentityFile('sealroom/identity', {
    passphrase: 'caf\u00e9 caf\u00e9',
    cost: COST,
  });
  const opened = await unlock(reread(file), 'cafe\u0301 cafe\u0301');
  expect(opened.signer.kid).toBe(unlocked.signer.kid);
  expect(opened.receiving?.key).toBe(unlocked.receiving?.key);
  expect(opened.receiving?.secret).toEqual(unlocked.receiving?.secret);
});

test('a root receives nothing', async () => {
  const { file, unlocked } = await createIdentityFile('sealroom/root', {
    passphrase: 'correct horse',
    cost: COST,
  });
  expect(unlocked.receiving).toBeUndefined();
  expect(file.receiving).toBeNull();
});

test('does not open with another passphrase', async () => {
  const { file } = await made();
  expect(await codeOf(unlock(file, 'correct horsf'))).toBe('cli/locked');
});

test('holds no secret in clear', async () => {
  const { file, unlocked } = await made();
  const secret = Buffer.from(unlocked.receiving?.secret ?? new Uint8Array()).toString('base64url');
  expect(secret).toHaveLength(43);
  expect(encodeIdentityFile(file)).not.toContain(secret);
});

test.each([
  ['kid', (file: IdentityFile) => ({ ...file, kid: `sha256:${'0'.repeat(64)}` as const })],
  ['kind', (file: IdentityFile) => ({ ...file, kind: 'sealroom/root' as const })],
  ['receiving', (file: IdentityFile) => ({ ...file, receiving: null })],
  ['secrets', (file: IdentityFile) => ({ ...file, secrets: { ...file.secrets, nonce: 'AAAAAAAAAAAAAAAA' } })],
])('does not open when its %s was changed', async (_name, change) => {
  const { file } = await made();
  expect(await codeOf(unlock(change(file), 'correct horse'))).toBe('cli/locked');
});

test('the recovery code sets a new passphrase and keeps the keys', async () => {
  const { file, unlocked } = await made(CODE);
  const changed = await recover(reread(file), { code: CODE, passphrase: 'new words here', cost: COST });
  expect((await unlock(changed, 'new words here')).signer.kid).toBe(unlocked.signer.kid);
  expect(await codeOf(unlock(changed, 'correct horse'))).toBe('cli/locked');
  expect(await codeOf(recover(changed, { code: CODE, passphrase: 'third', cost: COST }))).toBe('opened');
});

test('another recovery code, or none made, opens nothing', async () => {
  const [withCode, without] = [await made(CODE), await made()];
  const other = new Uint8Array(16).fill(8);
  expect(await codeOf(recover(withCode.file, { code: other, passphrase: 'new words', cost: COST }))).toBe(
    'cli/locked',
  );
  expect(await codeOf(recover(without.file, { code: CODE, passphrase: 'new words', cost: COST }))).toBe(
    'cli/locked',
  );
});

test('a new recovery code replaces the older one', async () => {
  const { file } = await made(CODE);
  const other = new Uint8Array(16).fill(8);
  const changed = await addRecovery(file, { passphrase: 'correct horse', code: other });
  expect(await codeOf(recover(changed, { code: CODE, passphrase: 'new words', cost: COST }))).toBe(
    'cli/locked',
  );
  expect(await codeOf(recover(changed, { code: other, passphrase: 'new words', cost: COST }))).toBe('opened');
});

test.each([
  ['not JSON', 'x'],
  ['another kind', '{"v":1,"kind":"other"}'],
  ['no lock', undefined],
  ['a cost that would exhaust the machine', 'cost'],
])('refuses a file that is %s', async (_name, text) => {
  const { file } = await made();
  const [lock] = file.locks;
  const changed =
    text === 'cost'
      ? { ...file, locks: [{ ...lock, memoryKiB: 2 ** 31 }] }
      : text === undefined
        ? { ...file, locks: [] }
        : text;
  const bytes = new TextEncoder().encode(typeof changed === 'string' ? changed : JSON.stringify(changed));
  expect(() => parseIdentityFile(bytes, 'x')).toThrow(expect.objectContaining({ code: 'cli/bad-file' }));
});

test('a recovery code is 128 bits in seven groups, and forgives how it was written down', () => {
  const text = formatRecoveryCode(CODE);
  expect(text).toMatch(/^(?:[0-9A-Z]{4}-){6}[0-9A-Z]{4}$/);
  expect(parseRecoveryCode(text.toLowerCase().replaceAll('-', ' '))).toEqual(CODE);
  expect(parseRecoveryCode(text.replaceAll('1', 'l').replaceAll('0', 'o'))).toEqual(CODE);
});

test('a recovery code with one wrong letter is noticed nearly always', () => {
  const text = formatRecoveryCode(CODE);
  let missed = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '-') continue;
    const wrong = text.slice(0, at) + (text[at] === 'Z' ? 'Y' : 'Z') + text.slice(at + 1);
    try {
      parseRecoveryCode(wrong);
      missed++;
    } catch (error) {
      expect(error).toMatchObject({ code: 'cli/locked' });
    }
  }
  expect(missed).toBeLessThanOrEqual(1);
});
