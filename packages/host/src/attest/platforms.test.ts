// Confidential Space against a launcher of our own, Nitro against a helper of our own, and detection against folders of our own.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64urlDecode, base64urlEncode, hexEncode, utf8Decode } from '@sealroom/bytes';
import { cborEncode } from '@sealroom/cose';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { confidentialSpace } from './confidential-space.ts';
import { detectProvider } from './detect.ts';
import { nitro, NSM_HELPER } from './nitro.ts';

const B = new Uint8Array(32).fill(5);
const run = new Uint8Array(32).fill(6);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-platform-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function listening(server: Server, path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(path, resolve);
  return promise;
}

describe('Confidential Space', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function launcher(
    answer: (body: string) => { status?: number; text: string } | undefined,
  ): Promise<string> {
    server = createServer((incoming, response) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.once('end', () => {
        const good = incoming.method === 'POST' && incoming.url === '/v1/token';
        const answered = good ? answer(Buffer.concat(parts).toString()) : { status: 404, text: '' };
        if (!answered) return;
        response.writeHead(answered.status ?? 200).end(answered.text);
      });
    });
    const socketPath = join(folder, 'teeserver.sock');
    await listening(server, socketPath);
    return socketPath;
  }

  test('gives the token that its launcher makes over the hexadecimal form of B', async () => {
    let asked = '';
    const socketPath = await launcher((body) => {
      asked = body;
      return { text: 'aGVhZA.Ym9keQ.c2ln\n' };
    });
    const provider = confidentialSpace({ socketPath, audience: 'https://vault.example' });
    const { technology, body } = await provider.provide(B, run);
    expect(technology).toBe('gcp-confidential-space');
    expect(utf8Decode(base64urlDecode(body))).toBe('aGVhZA.Ym9keQ.c2ln');
    expect(JSON.parse(asked)).toEqual({
      audience: 'https://vault.example',
      token_type: 'PKI',
      nonces: [hexEncode(B)],
    });
  });

  test('takes nothing else for a token', async () => {
    const code = async (answer: { status?: number; text: string } | undefined) => {
      const socketPath = await launcher(() => answer);
      const provider = confidentialSpace({ socketPath, audience: 'a', timeoutMs: 500 });
      const refused = await provider.provide(B, run).then(
        () => 'no refusal',
        (error: { code: string }) => error.code,
      );
      server?.closeAllConnections();
      server?.close();
      return refused;
    };
    expect(await code({ text: 'no token' })).toBe('provider/malformed');
    expect(await code({ text: '' })).toBe('provider/malformed');
    expect(await code({ status: 500, text: 'a.b.c' })).toBe('provider/refused');
    expect(await code({ status: 302, text: 'a.b.c' })).toBe('provider/refused');
    expect(await code({ text: 'a'.repeat(200_000) })).toBe('provider/too-large');
    expect(await code(undefined)).toBe('provider/unavailable');
  });

  test('says so when there is no launcher, or no audience', async () => {
    const provider = confidentialSpace({ socketPath: join(folder, 'none'), audience: 'a' });
    await expect(provider.provide(B, run)).rejects.toMatchObject({ code: 'provider/unavailable' });
    expect(() => confidentialSpace({ audience: '' })).toThrow(
      expect.objectContaining({ code: 'provider/refused' }),
    );
  });
});

describe('A Nitro enclave', () => {
  /** A helper that answers one message after another and notes what it was asked. */
  async function helper(
    answers: readonly Uint8Array[],
  ): Promise<{ words: string[]; asked: () => Promise<string[]> }> {
    const script = join(folder, 'helper.mjs');
    const list = JSON.stringify(answers.map((one) => Buffer.from(one).toString('base64')));
    await writeFile(
      script,
      `import { appendFileSync, existsSync, readFileSync } from 'node:fs';
       const seen = ${JSON.stringify(join(folder, 'asked'))};
       const before = existsSync(seen) ? readFileSync(seen, 'utf8').trim().split('\\n').length : 0;
       appendFileSync(seen, readFileSync(0).toString('base64') + '\\n');
       const answer = ${list}[before];
       if (answer === undefined) process.exit(3);
       process.stdout.write(Buffer.from(answer, 'base64'));`,
    );
    return {
      words: [process.execPath, script],
      asked: async () => {
        const { readFile } = await import('node:fs/promises');
        return (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n');
      },
    };
  }

  const says = (name: string, members: object) =>
    cborEncode(new Map([[name, new Map(Object.entries(members))]]));
  const text = (...messages: Uint8Array[]) => messages.map((one) => Buffer.from(one).toString('base64'));
  const document = new Uint8Array([1, 2, 3]);

  test('names the run in its register, locks it, and gives the module’s document over B', async () => {
    const { words, asked } = await helper([
      says('DescribePCR', { lock: false, data: new Uint8Array(48) }),
      says('ExtendPCR', { data: new Uint8Array(48) }),
      cborEncode('LockPCR'),
      says('Attestation', { document }),
    ]);
    const evidence = await nitro({ helper: words }).provide(B, run);
    expect(evidence).toEqual({ technology: 'aws-nitro', body: base64urlEncode(document) });
    expect(await asked()).toEqual(
      text(
        says('DescribePCR', { index: 16 }),
        says('ExtendPCR', { index: 16, data: run }),
        says('LockPCR', { index: 16 }),
        says('Attestation', { user_data: B, nonce: null, public_key: null }),
      ),
    );
  });

  test('refuses a register that holds something else, and does not extend one that holds the run', async () => {
    const other = says('DescribePCR', { lock: true, data: new Uint8Array(48).fill(1) });
    const { words } = await helper([other]);
    await expect(nitro({ helper: words }).provide(B, run)).rejects.toMatchObject({
      code: 'provider/refused',
    });
    await rm(join(folder, 'asked'));
    const held = new Uint8Array(
      await crypto.subtle.digest('SHA-384', new Uint8Array([...new Uint8Array(48), ...run])),
    );
    const again = await helper([
      says('DescribePCR', { lock: true, data: held }),
      says('Attestation', { document }),
    ]);
    await nitro({ helper: again.words }).provide(B, run);
    expect(await again.asked()).toHaveLength(2);
  });

  test.each([
    ['an error', says('Error', {}), 'provider/refused'],
    ['an error as AWS writes it', cborEncode(new Map([['Error', 'InvalidOperation']])), 'provider/refused'],
    ['another answer', says('GetRandom', { random: B }), 'provider/refused'],
    ['no document', says('Attestation', {}), 'provider/malformed'],
    ['no CBOR', new Uint8Array([0xff]), 'provider/malformed'],
    ['nothing', new Uint8Array(), 'provider/malformed'],
    ['too much', new Uint8Array(50_000), 'provider/unavailable'],
  ])('does not take %s for a document', async (_, answer, code) => {
    const { words } = await helper([answer]);
    await expect(nitro({ helper: words, runRegister: null }).provide(B, run)).rejects.toMatchObject({ code });
  });

  test('gives its helper no secret that stands in this process’s environment', async () => {
    const seen = join(folder, 'environment');
    const script = join(folder, 'curious.mjs');
    const answer = Buffer.from(says('Attestation', { document })).toString('base64');
    await writeFile(
      script,
      `import { writeFileSync } from 'node:fs';
       writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env));
       process.stdout.write(Buffer.from('${answer}', 'base64'));`,
    );
    vi.stubEnv('SEALROOM_NODE_SECRET', 'a secret');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    await nitro({ helper: [process.execPath, script], runRegister: null }).provide(B, run);
    const { readFile } = await import('node:fs/promises');
    const names = Object.keys(JSON.parse(await readFile(seen, 'utf8')) as object);
    expect(names.filter((name) => name.startsWith('SEALROOM'))).toEqual([]);
    expect(names).toContain('PATH');
  });

  test('does not wait for a helper that neither answers nor ends when it is asked to', async () => {
    const script = join(folder, 'stubborn.mjs');
    await writeFile(script, `process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);`);
    await expect(
      nitro({ helper: [process.execPath, script], timeoutMs: 500 }).provide(B, run),
    ).rejects.toMatchObject({ code: 'provider/unavailable' });
  });

  test('says so when the helper is not there or fails, and when a register is none of an enclave’s', async () => {
    for (const helperWords of [['/nonexistent/helper'], [process.execPath, '-e', 'process.exit(1)']])
      await expect(nitro({ helper: helperWords }).provide(B, run)).rejects.toMatchObject({
        code: 'provider/unavailable',
      });
    expect(() => nitro({ runRegister: 4 })).toThrow(expect.objectContaining({ code: 'provider/refused' }));
  });

  test('has a helper that fails, and says nothing, where the device is no Nitro Secure Module', () => {
    const [program = '', ...words] = NSM_HELPER;
    const { status, stdout } = spawnSync(program, [...words, '/dev/null'], { input: 'a message' });
    expect(status).toBe(1);
    expect(stdout).toHaveLength(0);
  });
});

describe('Detection', () => {
  const places = () => ({
    launcher: join(folder, 'launcher'),
    nsm: join(folder, 'nsm'),
    tsm: join(folder, 'tsm'),
    tpm: join(folder, 'tpm'),
  });

  test('finds nothing on a machine that has nothing, and says so', async () => {
    await expect(detectProvider({ places: places() })).rejects.toMatchObject({ code: 'provider/none' });
  });

  test('takes the launcher of Confidential Space first, then the Nitro device', async () => {
    await writeFile(places().nsm, '');
    expect((await detectProvider({ places: places() })).name).toBe('aws-nitro');
    await writeFile(places().launcher, '');
    await expect(detectProvider({ places: places() })).rejects.toMatchObject({ code: 'provider/refused' });
    expect((await detectProvider({ places: places(), audience: 'a' })).name).toBe('confidential-space');
  });

  test('passes over a configfs-tsm that no driver reports through, and tells of a TPM that cannot be used', async () => {
    await mkdir(places().tsm);
    await expect(detectProvider({ places: places() })).rejects.toMatchObject({ code: 'provider/none' });
    await writeFile(places().tpm, '');
    await expect(detectProvider({ places: places() })).rejects.toMatchObject({
      code: 'provider/unavailable',
    });
  });

  test('writes no command into what is named as the TPM and is none', async () => {
    const file = join(folder, 'letter.txt');
    await writeFile(file, 'Dear reader');
    for (const tpm of [file, folder, join(folder, 'nothing')])
      await expect(detectProvider({ places: places(), tpm })).rejects.toMatchObject({
        code: 'provider/unavailable',
      });
    expect(await readFile(file, 'utf8')).toBe('Dear reader');
  });
});
