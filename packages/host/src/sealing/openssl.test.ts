// Wrapped keys against the openssl command line.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateCek, generateKekPair, importKek, importKekSecret, unwrapKey, wrapKey } from '@sealroom/seal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const present = spawnSync('openssl', ['version']).status === 0;
const wanted = present || process.env['CI'] === 'true';
if (!wanted) console.log('skipped: the openssl command is not here');

describe.skipIf(!wanted)('openssl', () => {
  let folder: string;
  let secret: CryptoKey;
  let publicDer: Uint8Array<ArrayBuffer>;
  const cek = generateCek();
  const at = (name: string) => join(folder, name);
  const run = (...given: string[]) => {
    const { status, stderr } = spawnSync('openssl', given, { cwd: folder, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  };
  const oaep = (hash: string) =>
    ['rsa_padding_mode:oaep', `rsa_oaep_md:${hash}`, `rsa_mgf1_md:${hash}`].flatMap((option) => [
      '-pkeyopt',
      option,
    ]);
  const publicKey = ['-pubin', '-inkey', 'kek.der', '-keyform', 'DER'];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openssl-'));
    const pair = await generateKekPair();
    publicDer = pair.publicDer;
    secret = await importKekSecret(pair.privatePkcs8);
    await writeFile(at('kek.der'), pair.publicDer);
    await writeFile(at('secret.der'), pair.privatePkcs8);
    await writeFile(at('cek.key'), cek);
  });
  afterAll(async () => rm(folder, { recursive: true }));

  test('wraps a key that we unwrap', async () => {
    run('pkeyutl', '-encrypt', ...publicKey, ...oaep('sha256'), '-in', 'cek.key', '-out', 'wcek');
    expect(await unwrapKey(secret, await readFile(at('wcek')))).toEqual(cek);
  });

  test('unwraps a key that we wrapped', async () => {
    await writeFile(at('ours'), await wrapKey(await importKek(publicDer), cek));
    const key = ['-inkey', 'secret.der', '-keyform', 'DER'];
    run('pkeyutl', '-decrypt', ...key, ...oaep('sha256'), '-in', 'ours', '-out', 'opened');
    expect(new Uint8Array(await readFile(at('opened')))).toEqual(cek);
  });

  test('makes a KEK and its PEM form, which we read', async () => {
    run('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072', '-out', 'key.pem');
    run('pkey', '-in', 'key.pem', '-pubout', '-out', 'public.pem');
    run('pkey', '-in', 'key.pem', '-pubout', '-outform', 'DER', '-out', 'public.der');
    const [pem, der] = [await readFile(at('public.pem')), await readFile(at('public.der'))];
    expect((await importKek(new Uint8Array(pem))).fingerprint).toBe(
      (await importKek(new Uint8Array(der))).fingerprint,
    );
  });

  test.each([
    ['SHA-1 OAEP', oaep('sha1')],
    ['PKCS#1 v1.5', ['-pkeyopt', 'rsa_padding_mode:pkcs1']],
  ])('wraps with %s, which is refused like any other failure', async (_name, padding) => {
    run('pkeyutl', '-encrypt', ...publicKey, ...padding, '-in', 'cek.key', '-out', 'old');
    const old = unwrapKey(secret, await readFile(at('old')));
    await expect(old).rejects.toMatchObject({ code: 'seal/unwrap-failed' });
  });
});
