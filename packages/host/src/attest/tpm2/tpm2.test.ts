// Against a software TPM, and against tpm2-tools: what they quote we verify, and what we quote they verify.
import { readFile, writeFile } from 'node:fs/promises';
import { createPublicKey } from 'node:crypto';
import { join } from 'node:path';
import {
  appraiseEvidence,
  isReason,
  NO_COLLATERAL,
  parsePolicy,
  parseTpmKey,
  readCollateral,
} from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, canonicalBytes, hexEncode, sha256 } from '@sealroom/bytes';
import { FakeTpm } from '@sealroom/testkit/vendors/tpm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AK_TEMPLATE,
  createPrimary,
  flushContext,
  HANDLE,
  nvRead,
  pcrExtend,
  pcrRead,
  quote,
} from './commands.ts';
import { PLACES, tpm2 } from './provider.ts';
import { hasSwtpm, startSwtpm, type Swtpm } from './swtpm-for-tests.ts';
import { tpmSocket, type TpmTransport } from './transport.ts';

const here = hasSwtpm();
const AK = 0x8101_0007;
const nonce = new Uint8Array(32).fill(0x4e);
const run = new Uint8Array(32).fill(0x52);
const BOOT = [0, 4, 7, 8, 9];

type Document = {
  ak?: string;
  akCertificates?: string[];
  quote: { message: string; signature: string };
  pcrs: { values: { [index: string]: string } };
};

function documentOf(body: string): Document {
  return JSON.parse(new TextDecoder().decode(base64urlDecode(body))) as Document;
}

async function failures(
  body: string,
  ak: object,
  { at = 0, roots = {}, binding = nonce } = {},
): Promise<string[]> {
  const { values } = documentOf(body).pcrs;
  const pinned = Object.fromEntries(BOOT.map((index) => [index, [values[index]]]));
  const policy = {
    v: 1,
    binding: { reportData: hexEncode(binding), run: hexEncode(run) },
    accept: [
      {
        technology: 'tpm',
        ak,
        pcrs: { bank: 'sha256', values: pinned },
        minFirmware: '0'.repeat(16),
        platforms: { any: 'accepted' },
        hostData: 'manifest',
        runRegister: 13,
      },
    ],
  };
  const { checks } = await appraiseEvidence(
    { technology: 'tpm', body },
    parsePolicy(JSON.stringify(policy)),
    {
      context: { at, collateral: NO_COLLATERAL, roots },
    },
  );
  return checks.filter(isReason).map(({ id }) => id);
}

async function nameOf(ak: string | undefined): Promise<string> {
  return hexEncode(await sha256(base64urlDecode(ak ?? '')));
}

describe.skipIf(!here)('A TPM', () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm();
    for (const index of BOOT)
      await swtpm.tool('tpm2_pcrextend', `${index}:sha256=${`0${index % 10}`.repeat(32)}`);
    await swtpm.tool('tpm2_createek', '-c', 'ek.ctx', '-G', 'rsa', '-u', 'ek.pub');
    await swtpm.tool(
      'tpm2_createak',
      '-C',
      'ek.ctx',
      '-c',
      'ak.ctx',
      '-G',
      'rsa',
      '-g',
      'sha256',
      '-s',
      'rsassa',
      '-u',
      'ak.pem',
      '-f',
      'pem',
      '-n',
      'ak.name',
    );
    await swtpm.tool('tpm2_flushcontext', '-t');
    await swtpm.tool('tpm2_evictcontrol', '-c', 'ak.ctx', `0x${AK.toString(16)}`);
  }, 120_000);
  afterAll(() => swtpm.stop());

  const using = async <T>(body: (tpm: TpmTransport) => Promise<T>): Promise<T> => {
    const tpm = await swtpm.open();
    try {
      return await body(tpm);
    } finally {
      await tpm.close();
    }
  };

  test('gives evidence that is affirmed: with a key of its own, the same each time, and with a persistent one', async () => {
    const provider = await tpm2({ open: swtpm.open });
    expect(provider).toMatchObject({ name: 'tpm2', technology: 'tpm' });
    const first = await provider.provide(nonce, run);
    const names = [await nameOf(documentOf(first.body).ak)];
    expect(await failures(first.body, { names })).toEqual([]);
    const second = await provider.provide(nonce, run);
    expect(documentOf(second.body).ak).toBe(documentOf(first.body).ak);
    expect(await failures(second.body, { names })).toEqual([]);
    expect(await failures(second.body, { names }, { binding: run })).toEqual(['tpm/binding']);
    const persistent = await tpm2({ open: swtpm.open, keyHandle: AK });
    const third = await persistent.provide(nonce, run);
    expect(await failures(third.body, { names })).toContain('tpm/ak-pinned');
    const own = await nameOf(documentOf(third.body).ak);
    expect(await failures(third.body, { names: [own] })).toEqual([]);
    const name = hexEncode(new Uint8Array(await readFile(join(swtpm.folder, 'ak.name'))));
    expect(`000b${own}`).toBe(name);
  });

  test.each([
    ['ecc', 'ecdsa', 0x8101_0008],
    ['rsa', 'rsapss', 0x8101_0009],
  ])('gives evidence that is affirmed with a key of %s and %s', async (kind, scheme, handle) => {
    const context = `${scheme}.ctx`;
    await swtpm.tool(
      'tpm2_createak',
      '-C',
      'ek.ctx',
      '-c',
      context,
      '-G',
      kind,
      '-g',
      'sha256',
      '-s',
      scheme,
    );
    await swtpm.tool('tpm2_flushcontext', '-t');
    await swtpm.tool('tpm2_evictcontrol', '-c', context, `0x${handle.toString(16)}`);
    const { body } = await (await tpm2({ open: swtpm.open, keyHandle: handle })).provide(nonce, run);
    const names = [await nameOf(documentOf(body).ak)];
    expect(await failures(body, { names })).toEqual([]);
    expect(await failures(body, { names }, { binding: run })).toEqual(['tpm/binding']);
  });

  test('refuses a run register that holds another run, and names that can be reset', async () => {
    const provider = await tpm2({ open: swtpm.open, runRegister: 12 });
    await provider.provide(nonce, run);
    await expect(provider.provide(nonce, nonce)).rejects.toMatchObject({ code: 'provider/refused' });
    await using((tpm) => pcrExtend(tpm, 11, run));
    await using((tpm) => pcrExtend(tpm, 11, run));
    const twice = await tpm2({ open: swtpm.open, runRegister: 11 });
    await expect(twice.provide(nonce, run)).rejects.toMatchObject({ code: 'provider/refused' });
    await expect(tpm2({ open: swtpm.open, runRegister: 16 })).rejects.toMatchObject({
      code: 'provider/refused',
    });
  });

  test('signs quotes that tpm2_checkquote verifies, and only with their nonce', async () => {
    const signed = await using((tpm) => quote(tpm, AK, { nonce, indices: [0, 4, 7, 23] }));
    await writeFile(join(swtpm.folder, 'ours.msg'), signed.message);
    await writeFile(join(swtpm.folder, 'ours.sig'), signed.signature);
    const check = (qualification: Uint8Array) =>
      swtpm.tool(
        'tpm2_checkquote',
        '-u',
        'ak.pem',
        '-m',
        'ours.msg',
        '-s',
        'ours.sig',
        '-g',
        'sha256',
        '-q',
        hexEncode(qualification),
      );
    await expect(check(nonce)).resolves.toContain('');
    await expect(check(run)).rejects.toThrow();
  });

  test('signs quotes with tpm2_quote that we verify, and not when a register is changed beside them', async () => {
    const list = `sha256:${[...BOOT, 13].join(',')}`;
    await swtpm.tool(
      'tpm2_quote',
      '-c',
      `0x${AK.toString(16)}`,
      '-l',
      list,
      '-q',
      hexEncode(nonce),
      '-m',
      'theirs.msg',
      '-s',
      'theirs.sig',
      '-g',
      'sha256',
    );
    const [message, signature] = await Promise.all(
      ['theirs.msg', 'theirs.sig'].map(async (name) =>
        base64urlEncode(await readFile(join(swtpm.folder, name))),
      ),
    );
    const read = await using((tpm) => pcrRead(tpm, [...BOOT, 13]));
    const values = Object.fromEntries([...read].map(([index, value]) => [String(index), hexEncode(value)]));
    const key = documentOf(
      (await (await tpm2({ open: swtpm.open, keyHandle: AK })).provide(nonce, run)).body,
    ).ak;
    const make = (changed: object) =>
      base64urlEncode(
        canonicalBytes({
          v: 1,
          ak: key,
          quote: { message, signature },
          pcrs: { bank: 'sha256', values: { ...values, ...changed } },
        }),
      );
    const names = [await nameOf(key)];
    expect(await failures(make({}), { names })).toEqual([]);
    expect(await failures(make({ 13: '00'.repeat(32) }), { names })).toContain('tpm/pcr-digest');
    const pem = await readFile(join(swtpm.folder, 'ak.pem'), 'utf8');
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    expect(hexEncode(parseTpmKey(base64urlDecode(key ?? '')).spki)).toBe(hexEncode(new Uint8Array(der)));
  });

  test('reads registers, more at once than it gives in one answer, as tpm2_pcrread does', async () => {
    const all = Array.from({ length: 24 }, (_, index) => index);
    const read = await using((tpm) => pcrRead(tpm, all));
    await swtpm.tool(
      'tpm2_pcrread',
      'sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23',
      '-o',
      'pcrs.bin',
    );
    const theirs = new Uint8Array(await readFile(join(swtpm.folder, 'pcrs.bin')));
    expect(all.map((index) => hexEncode(read.get(index) ?? new Uint8Array())).join('')).toBe(
      hexEncode(theirs),
    );
  });

  test('reads what lies in its memory, whole, and says when nothing does', async () => {
    const content = new Uint8Array(1500).map((_, index) => index % 251);
    await writeFile(join(swtpm.folder, 'nv.bin'), content);
    await swtpm.tool(
      'tpm2_nvdefine',
      '0x01800010',
      '-C',
      'o',
      '-s',
      '1500',
      '-a',
      'ownerread|ownerwrite|authread',
    );
    await swtpm.tool('tpm2_nvwrite', '0x01800010', '-C', 'o', '-i', 'nv.bin');
    expect(await using((tpm) => nvRead(tpm, 0x0180_0010))).toEqual(content);
    expect(await using((tpm) => nvRead(tpm, 0x0180_0011))).toBeUndefined();
    await swtpm.tool('tpm2_nvdefine', '0x01800012', '-C', 'o', '-s', '8', '-a', 'ownerread|ownerwrite');
    await expect(using((tpm) => nvRead(tpm, 0x0180_0012))).rejects.toMatchObject({
      code: 'provider/refused',
    });
  });

  test('gives a certified key as Google’s clouds keep it: template and certificate in memory', async () => {
    const now = Date.parse('2026-06-01T00:00:00Z');
    const vendor = await FakeTpm.create(now);
    const spki = await using(async (tpm) => {
      const { handle, publicArea } = await createPrimary(tpm, HANDLE.endorsement, AK_TEMPLATE);
      await flushContext(tpm, handle);
      return parseTpmKey(publicArea).spki;
    });
    const certificate = await vendor.authority.issue({ subject: 'vm', spki, purposes: ['2.23.133.8.3'] });
    const store = async (index: number, bytes: Uint8Array) => {
      const at = `0x${index.toString(16)}`;
      const padded = new Uint8Array(bytes.length + 64);
      padded.set(bytes);
      const content = index === PLACES.google.certificate ? padded : bytes;
      await writeFile(join(swtpm.folder, at), content);
      await swtpm.tool(
        'tpm2_nvdefine',
        at,
        '-C',
        'o',
        '-s',
        String(content.length),
        '-a',
        'ownerread|ownerwrite|authread',
      );
      await swtpm.tool('tpm2_nvwrite', at, '-C', 'o', '-i', at);
    };
    await store(PLACES.google.template, AK_TEMPLATE);
    await store(PLACES.google.certificate, certificate);
    const { body } = await (await tpm2({ open: swtpm.open })).provide(nonce, run);
    expect(documentOf(body).akCertificates).toHaveLength(1);
    const [root] = readCollateral([{ name: 'root', bytes: vendor.root }]).certificates;
    if (!root) throw new Error('The root cannot be read.');
    const ak = { vendors: ['google-tpm'], revocation: { waived: 'a made-up vendor has no list' } };
    expect(await failures(body, ak, { at: now, roots: { 'google-tpm': [root] } })).toEqual([]);
    expect(await failures(body, ak, { at: now })).toContain('tpm/ak-chain/no-path');
    for (const index of [PLACES.google.template, PLACES.google.certificate])
      await swtpm.tool('tpm2_nvundefine', `0x${index.toString(16)}`, '-C', 'o');
  });

  test('says so when a key is not there', async () => {
    const provider = await tpm2({ open: swtpm.open, keyHandle: 0x8101_0099, runRegister: null });
    await expect(provider.provide(nonce, run)).rejects.toMatchObject({ code: 'provider/unavailable' });
  });
});

describe('A TPM that is broken', () => {
  const answering = (bytes: Uint8Array): TpmTransport => ({
    send: async () => bytes,
    close: async () => undefined,
  });
  const code = async (bytes: Uint8Array) =>
    quote(answering(bytes), AK, { nonce, indices: [0] }).then(
      () => 'no refusal',
      (error: { code: string }) => error.code,
    );

  test('is not believed: answers cut short, of another form, or with a response code', async () => {
    const answer = new Uint8Array([
      0x80, 0x02, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2, 1, 2, 0, 0, 1, 0, 0, 0,
    ]);
    expect(await code(answer)).toBe('no refusal');
    for (let length = 0; length < answer.length; length += 1)
      expect(await code(answer.slice(0, length))).toBe('provider/malformed');
    expect(await code(new Uint8Array([...answer, 0]))).toBe('provider/malformed');
    expect(await code(answer.map((byte, at) => (at === 1 ? 1 : byte)))).toBe('provider/malformed');
    expect(await code(answer.map((byte, at) => (at === 9 ? 1 : byte)))).toBe('provider/refused');
    const registers = pcrRead(answering(answer), [1]);
    await expect(registers).rejects.toMatchObject({ code: 'provider/malformed' });
  });

  test('is told from one that is not there', async () => {
    await expect(tpm2({ open: () => tpmSocket({ path: '/nonexistent/tpm' }) })).rejects.toMatchObject({
      code: 'provider/unavailable',
    });
  });
});
