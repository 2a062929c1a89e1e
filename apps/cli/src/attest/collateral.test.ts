// `attest collateral`: real files of vendors taken, listed, fetched over TLS by the vendors' paths, and used by `attest verify`.
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { startVendorServices, type VendorAnswers } from '@sealroom/testkit/vendors/services';
import { FakeMaa } from '@sealroom/testkit/vendors/azure-maa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fileIn, sealroom, temporaryFolder } from '../cli-for-tests.ts';

const tdx = sharedVectors('tdx') ?? '';
const IN_TIME = Date.parse('2025-06-25T00:00:00Z');
const run = (argv: readonly string[], now = IN_TIME) =>
  sealroom(['attest', 'collateral', ...argv, '--json'], { now });

test.each([
  ['cli/no-file', ['import', '/nowhere/file']],
  ['cli/usage', ['import']],
  ['cli/usage', ['import', '--keys', 'keys.json']],
  ['cli/usage', ['import', '--keys', 'http://a.example=keys.json']],
  ['cli/usage', ['import', '--until', '2025-06-26', '/nowhere']],
  ['cli/no-file', ['import', '--keys', 'https://a.example=/nowhere/keys.json']],
  ['cli/usage', ['list', '--within', 'soon']],
  ['cli/usage', ['list', '--within', '99999']],
  ['cli/no-file', ['fetch', '/nowhere/file']],
])('cannot use (%s) %j', async (code, argv) => {
  const folder = await temporaryFolder();
  const said = await run([...argv, '--folder', join(folder, 'kept')]);
  expect(said).toMatchObject({ exit: 2, json: { ok: false, code } });
});

test('names a file that is no collateral, and takes none of the others', async () => {
  const folder = await temporaryFolder();
  const bad = await fileIn(folder, 'notes.txt', 'words');
  const said = await run(['import', bad, '--folder', join(folder, 'kept')]);
  expect(said).toMatchObject({ exit: 2, json: { code: 'attest/bad-collateral' } });
  expect(said.out).toContain('notes.txt');
  expect(await readdir(join(folder, 'kept'))).toEqual([]);
});

test('an empty folder is listed as empty', async () => {
  const folder = await temporaryFolder();
  const said = await run(['list', '--folder', join(folder, 'kept')]);
  expect(said).toMatchObject({ exit: 0, json: { ok: true, pieces: [], bad: [] } });
});

test.each(['{"amd":"http://plain.example"}', '{"other":"https://a.example"}', '[]', 'words'])(
  'refuses %s as addresses of services',
  async (content) => {
    const folder = await temporaryFolder();
    const services = await fileIn(folder, 'services.json', content);
    const evidence = await fileIn(folder, 'evidence', 'x');
    const said = await run(['fetch', evidence, '--services', services, '--folder', join(folder, 'kept')]);
    expect(said).toMatchObject({ exit: 2, json: { code: 'cli/bad-file' } });
  },
);

type Bundle = { readonly [name: string]: string };

/** Intel's own collateral of June 2025 at the paths and in the forms of its service. */
function intelServes(bundle: Bundle): VendorAnswers {
  const text = (name: string) => bundle[name] ?? '';
  const chain = (name: string) => encodeURIComponent(text(name));
  const signed = (member: string, name: string) =>
    `{"${member}":${text(name)},"signature":"${text(`${name}_signature`)}"}`;
  const list = (name: string) => Buffer.from(text(name), 'hex');
  return new Map([
    [
      '/tdx/certification/v4/tcb?fmspc=b0c06f000000',
      {
        body: signed('tcbInfo', 'tcb_info'),
        headers: { 'TCB-Info-Issuer-Chain': chain('tcb_info_issuer_chain') },
      },
    ],
    [
      '/tdx/certification/v4/qe/identity',
      {
        body: signed('enclaveIdentity', 'qe_identity'),
        headers: { 'SGX-Enclave-Identity-Issuer-Chain': chain('qe_identity_issuer_chain') },
      },
    ],
    [
      '/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
      { body: list('pck_crl'), headers: { 'SGX-PCK-CRL-Issuer-Chain': chain('pck_crl_issuer_chain') } },
    ],
    ['/IntelSGXRootCA.der', { body: list('root_ca_crl') }],
  ]);
}

describe.skipIf(tdx === '')('with Intel’s own collateral', () => {
  const quote = join(tdx, 'phala-tdx_quote');
  const bundle = join(tdx, 'phala-tdx_quote_collateral.json');

  /** Checks of the quote under a policy that pins it. */
  async function outcomes(folder: string, kept: string): Promise<readonly string[]> {
    const pinned = await sealroom(['attest', 'policy', quote, '--technology', 'tdx', '--json'], {
      now: IN_TIME,
    });
    const policy = await fileIn(folder, 'policy.json', JSON.stringify(pinned.json));
    const argv = ['attest', 'verify', quote, '--policy', policy, '--collateral', kept, '--json'];
    const { json } = await sealroom(argv, { now: IN_TIME });
    return (json as { reasons: { code: string }[] }).reasons.map(({ code }) => code);
  }

  test('takes it, lists until when, and verify reads the same folder', async () => {
    const folder = await temporaryFolder();
    const kept = join(folder, 'kept');
    const taken = await run(['import', bundle, '--folder', kept]);
    expect(taken).toMatchObject({ exit: 0, json: { ok: true } });
    const { json } = await run(['list', '--folder', kept, '--within', '30']);
    const { pieces } = json as { pieces: { name: string; endsSoon: boolean; ended: boolean }[] };
    const info = pieces.find(({ name }) => name === 'intel-tcb-info_tdx_b0c06f000000');
    expect(info).toMatchObject({
      endsSoon: true,
      ended: false,
      notAfter: expect.stringMatching(/^2025-07-/),
    });
    expect(
      (await outcomes(folder, kept)).filter((code) => /revocation|tcb-info|qe-identity/.test(code)),
    ).toEqual([]);
    await mkdir(join(folder, 'empty'));
    const without = await outcomes(folder, join(folder, 'empty'));
    expect(without).toEqual(expect.arrayContaining(['tdx/revocation/unchecked', 'tdx/tcb-info/missing']));
  });

  test('tells in words what has ended', async () => {
    const folder = await temporaryFolder();
    await run(['import', bundle, '--folder', folder]);
    const said = await sealroom(['attest', 'collateral', 'list', '--folder', folder], { now: IN_TIME });
    expect(said.out).toContain('TDX TCB of b0c06f000000');
    const later = await run(['list', '--folder', folder], Date.parse('2026-11-22T10:00:00Z'));
    const { bad } = later.json as { bad: { code: string }[] };
    expect(new Set(bad.map(({ code }) => code))).toContain('attest/stale-collateral');
  });

  test('fetches it by Intel’s paths over TLS, and says what could not be had', async () => {
    const vendors = await startVendorServices(
      intelServes(JSON.parse(await readFile(bundle, 'utf8')) as Bundle),
    );
    onTestFinished(() => vendors.close());
    const folder = await temporaryFolder();
    const { url } = vendors;
    const services = await fileIn(
      folder,
      'services.json',
      JSON.stringify({ intel: url, intelCertificates: url }),
    );
    const ca = await fileIn(folder, 'ca.pem', vendors.caPem);
    const argv = ['fetch', quote, '--services', services, '--ca', ca];
    const said = await run([...argv, '--folder', join(folder, 'kept')]);
    expect(said).toMatchObject({ exit: 0, json: { ok: true, pieces: 5, unmet: [] } });
    vendors.answers.delete('/IntelSGXRootCA.der');
    const partly = await run([...argv, '--folder', join(folder, 'partly')]);
    expect(partly).toMatchObject({
      exit: 1,
      json: { ok: false, unmet: [{ need: 'intel-root-crl', code: 'collateral/status' }] },
    });
  });
});

describe('a key set of a token service', () => {
  const ISSUER = 'https://made-up.weu.attest.azure.net';
  const DAY = 24 * 3_600_000;

  async function keysFile() {
    const folder = await temporaryFolder();
    const maa = await FakeMaa.create(IN_TIME);
    return { kept: join(folder, 'kept'), keys: await fileIn(folder, 'keys.json', maa.jwks) };
  }

  test('is taken on the importer’s word alone, and is listed as that until it ends', async () => {
    const { kept, keys } = await keysFile();
    const said = await run(['import', '--keys', `${ISSUER}=${keys}`, '--folder', kept]);
    const until = new Date(IN_TIME + DAY).toISOString();
    const piece = { kind: 'key-set', subject: `keys of ${ISSUER}`, notAfter: until, vouchedForBy: 'import' };
    expect(said).toMatchObject({ exit: 0, json: { ok: true, pieces: [piece] } });
    const listed = await run(['list', '--folder', kept]);
    expect(listed).toMatchObject({ exit: 0, json: { pieces: [{ ...piece, ended: false }] } });
    const words = await sealroom(['attest', 'collateral', 'list', '--folder', kept], { now: IN_TIME });
    expect(words.out).toContain('vouched for by import');
    const later = await run(['list', '--folder', kept], IN_TIME + DAY);
    expect(later).toMatchObject({ json: { pieces: [{ ...piece, ended: true, endsSoon: true }] } });
  });

  test('is vouched for no longer than thirty days, for one issuer at a time, and not by a file alone', async () => {
    const { kept, keys } = await keysFile();
    const trust = ['--keys', `${ISSUER}=${keys}`];
    const until = async (time: string) => run(['import', ...trust, '--until', time, '--folder', kept]);
    for (const bad of ['soon', '2025-06-25', '2025-06-24', '2025-07-25T00:00:01Z', ''])
      expect(await until(bad)).toMatchObject({ exit: 2, json: { code: 'cli/usage' } });
    const twice = await run(['import', ...trust, ...trust, '--folder', kept]);
    expect(twice).toMatchObject({ exit: 2, json: { code: 'cli/usage' } });
    expect(await run(['import', keys, '--folder', kept])).toMatchObject({
      exit: 2,
      json: { code: 'attest/bad-collateral' },
    });
    const beside = await run(['import', dirname(keys), ...trust, '--folder', kept]);
    expect(beside).toMatchObject({ exit: 0, json: { pieces: [{ vouchedForBy: 'import' }] } });
    expect(await until('2025-07-25')).toMatchObject({
      exit: 0,
      json: { pieces: [{ notAfter: '2025-07-25T00:00:00.000Z' }] },
    });
  });
});
