// A made-up provider that issues tokens in the genuine format, and everything that can be wrong with them.
import { hexDecode, hexEncode, type JsonObject, utf8Encode } from '@sealroom/bytes';
import {
  FakeMaa,
  MAA_ISSUER,
  MAA_LAUNCH,
  MAA_POLICY,
  MAA_RUNTIME,
  SNP_CLAIMS,
  TDX_CLAIMS,
} from '@sealroom/testkit/vendors/azure-maa';
import { judge } from '@sealroom/testkit/vendors/judge';
import { beforeAll, describe, expect, it } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { readKeySet } from '../jwt/key-set.ts';
import { policySchema } from '../policy.ts';
import type { Context } from '../types.ts';
import { parseMaa } from './parse.ts';
import { maa } from './technology.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const reportData = new Uint8Array(32).fill(1);
const hostData = new Uint8Array(32).fill(2);
const binding = { reportData, hostData };

let provider: FakeMaa;
let other: FakeMaa;
let context: Context;

const snpTee = {
  type: 'sevsnpvm',
  launch: [MAA_LAUNCH],
  minimumTcb: { bootloader: 4, tee: 0, snp: 24, microcode: 219 },
};
const zeros = '00'.repeat(48);
const tdxTee = {
  type: 'tdxvm',
  mrtd: [MAA_LAUNCH],
  rtmrs: [[zeros], ['01'.repeat(48)], ['02'.repeat(48)], ['03'.repeat(48)]],
  minimumTcb: '06010700000000000000000000000000',
  tcbStatus: ['UpToDate'],
};
const entry = {
  technology: 'azure-maa',
  issuer: MAA_ISSUER,
  keys: 'published' as unknown,
  policyHash: [MAA_POLICY],
  form: 'guest',
  guest: { registers: [4, 7, 11, 12], console: 'forbidden' } as object | undefined,
  compliance: ['azure-compliant-cvm'],
  tee: snpTee as object,
  maxAgeSeconds: 300,
  revocation: 'required' as unknown,
  platforms: { any: 'accepted' } as unknown,
  runBinding: 'software' as string | undefined,
};

const keySet = (fake: FakeMaa, change: object = {}) =>
  readKeySet({
    issuer: MAA_ISSUER,
    text: fake.jwks,
    fetchedAt: NOW - HOUR,
    notAfter: NOW + 24 * HOUR,
    ...change,
  });

async function reasons(bytes: Uint8Array, change: object = {}, world: Partial<Context> = {}) {
  const wanted = { entry: { ...entry, ...change }, context: { ...context, ...world }, binding };
  return (await judge('azure-maa', bytes, wanted)).reasons;
}

/** The hardware's claims with some of the VM's configuration changed. */
function configured(change: JsonObject): JsonObject {
  const configuration = MAA_RUNTIME['vm-configuration'] as JsonObject;
  return { 'x-ms-runtime': { ...MAA_RUNTIME, 'vm-configuration': { ...configuration, ...change } } };
}

/** A guest's token with changed claims at its top and of its hardware. */
async function guest(change: JsonObject = {}, tee: JsonObject = {}, header: JsonObject = {}) {
  const payload = provider.guest(reportData);
  const inner = { ...(payload['x-ms-isolation-tee'] as JsonObject), ...tee };
  return provider.token({ ...payload, 'x-ms-isolation-tee': inner, ...change }, header);
}

beforeAll(async () => {
  provider = await FakeMaa.create(NOW);
  other = await FakeMaa.create(NOW);
  context = { at: NOW, collateral: NO_COLLATERAL, roots: {}, keySets: [await keySet(provider)] };
});

describe('a token of Azure Attestation', () => {
  it('is affirmed for a VM when everything is right', async () => {
    const bytes = await guest();
    const { verdict, appraisal } = await judge('azure-maa', bytes, { entry, context, binding });
    expect(verdict).toBe('affirmed');
    expect(appraisal.claims?.platform).toBe('azure-maa:vm:70f5ce9a-2bdc-4b6b-8401-e9b964d3aeb7');
    expect(appraisal.used.map(({ kind }) => kind)).toEqual(['key-set']);
    expect(maa.detect(bytes)).toBe(true);
    expect(await reasons(bytes, maa.pin(parseMaa(bytes)))).toEqual([]);
  });

  it('is affirmed for TDX, and for a container whose host data names the run', async () => {
    expect(
      await reasons(await provider.token(provider.guest(reportData, TDX_CLAIMS)), { tee: tdxTee }),
    ).toEqual([]);
    const manifest = { ...SNP_CLAIMS, 'x-ms-sevsnpvm-hostdata': '02'.repeat(32) };
    const direct = { form: 'direct', guest: undefined, runBinding: undefined, hostData: 'manifest' };
    expect(await reasons(await provider.token(provider.direct(reportData, manifest)), direct)).toEqual([]);
    expect(await reasons(await provider.token(provider.direct(reportData)), direct)).toEqual(['run']);
    const config = { ...TDX_CLAIMS, tdx_mrconfigid: '02'.repeat(32) + '00'.repeat(16) };
    const tdx = await provider.token(provider.direct(reportData, config));
    expect(await reasons(tdx, { ...direct, tee: tdxTee })).toEqual([]);
    expect(await reasons(tdx, maa.pin(parseMaa(tdx)))).toEqual(['platform']);
  });

  it('is refused when it tells of no isolated environment, or of one in another place', async () => {
    const payload = provider.guest(reportData);
    const { 'x-ms-isolation-tee': _, ...flat } = payload;
    expect(await reasons(await provider.token(flat))).toContain('isolation');
    expect(await reasons(await provider.token(provider.direct(reportData)))).toContain('isolation');
    expect(await reasons(await guest({}, { 'x-ms-attestation-type': 'sgx' }))).toContain('isolation');
    expect(await reasons(await guest({ 'x-ms-isolation-tee': 'sevsnpvm' }))).toContain('isolation');
    expect(await reasons(await guest({ 'x-ms-attestation-type': 'tpm' }))).toContain('isolation');
    expect(await reasons(await guest({ 'x-ms-attestation-type': 'sevsnpvm' }))).toContain('isolation');
  });

  it('is refused for a run that nobody named, also when its host data are zeros', async () => {
    const bytes = await provider.token(provider.direct(reportData));
    const manifest = { form: 'direct', guest: undefined, runBinding: undefined, hostData: 'manifest' };
    const nothing = { reportData, hostData: new Uint8Array() };
    const found = await judge('azure-maa', bytes, {
      entry: { ...entry, ...manifest },
      context,
      binding: nothing,
    });
    expect(found.reasons).toEqual(['run']);
  });

  it('shows what its client chose at no more length than it has', async () => {
    const names = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [String(index), 1]));
    const runtime = { nonce: hexEncode(reportData), ['long'.repeat(10_000)]: names };
    const payload = { ...provider.direct(reportData), 'x-ms-runtime': runtime };
    const bytes = await provider.token(payload);
    const direct = { form: 'direct', guest: undefined };
    const { verdict, appraisal } = await judge('azure-maa', bytes, {
      entry: { ...entry, ...direct },
      context,
      binding,
    });
    expect(verdict).toBe('affirmed');
    const shown = Object.keys(appraisal.claims?.signed ?? {});
    expect(shown).toContain('x-ms-runtime.nonce');
    expect(shown.join('').length).toBeLessThan(bytes.length);
  });

  it('is affirmed with a console that the entry accepts', async () => {
    const open = { guest: { registers: [4], console: 'accepted' } };
    expect(await reasons(await guest({}, configured({ 'console-enabled': true })), open)).toEqual([]);
  });

  const cheats: readonly (readonly [string, JsonObject, JsonObject, readonly string[]])[] = [
    ['a debuggable guest', {}, { 'x-ms-sevsnpvm-is-debuggable': true }, ['debug']],
    ['a guest that says debugging is off as text', {}, { 'x-ms-sevsnpvm-is-debuggable': 'false' }, ['debug']],
    ['a debugger in the VM', { 'x-ms-azurevm-kerneldebug-enabled': true }, {}, ['guest-debug']],
    ['test signing', { 'x-ms-azurevm-testsigning-enabled': true }, {}, ['guest-debug']],
    ['no secure boot', { secureboot: false }, {}, ['secure-boot']],
    ['another launch measurement', {}, { 'x-ms-sevsnpvm-launchmeasurement': zeros }, ['launch']],
    ['registers that nobody looked at', { 'x-ms-azurevm-attested-pcrs': [4, 7, 11] }, {}, ['registers']],
    ['no word on registers', { 'x-ms-azurevm-attested-pcrs': null }, {}, ['registers']],
    ['registers as text', { 'x-ms-azurevm-attested-pcrs': ['4', '7', '11', '12'] }, {}, ['registers']],
    ['a console', {}, configured({ 'console-enabled': true }), ['console']],
    ['no word on a console', {}, configured({ 'console-enabled': null }), ['console']],
    ['a VM that measures nothing', {}, configured({ 'tpm-enabled': false }), ['tpm-enabled']],
    ['an old boot loader', {}, { 'x-ms-sevsnpvm-bootloader-svn': 3 }, ['tcb']],
    ['old SNP firmware', {}, { 'x-ms-sevsnpvm-snpfw-svn': 23 }, ['tcb']],
    ['old microcode', {}, { 'x-ms-sevsnpvm-microcode-svn': 218 }, ['tcb']],
    ['a version as text', {}, { 'x-ms-sevsnpvm-snpfw-svn': '24' }, ['tcb']],
    ['another compliance status', {}, { 'x-ms-compliance-status': 'none' }, ['compliance']],
    ['another provider policy', { 'x-ms-policy-hash': 'A'.repeat(43) }, {}, ['policy']],
    ['VMPL 1', {}, { 'x-ms-sevsnpvm-vmpl': 1 }, ['vmpl']],
    ['host data of its launcher', {}, { 'x-ms-sevsnpvm-hostdata': '01'.repeat(32) }, ['host-data']],
    ['no word on host data', {}, { 'x-ms-sevsnpvm-hostdata': null }, ['host-data']],
    ['host data cut short', {}, { 'x-ms-sevsnpvm-hostdata': '00'.repeat(31) }, ['host-data']],
    ['a guest that may be migrated', {}, { 'x-ms-sevsnpvm-migration-allowed': true }, ['migration']],
    ['the TPM of another VM', { 'x-ms-azurevm-vmid': 'other' }, {}, ['vm']],
    ['another nonce', { 'x-ms-runtime': { 'client-payload': { nonce: 'AAAA' } } }, {}, ['binding', 'run']],
    ['no nonce', { 'x-ms-runtime': {} }, {}, ['binding', 'run']],
    ['a nonce at another place', { nonce: '01'.repeat(32), 'x-ms-runtime': {} }, {}, ['binding', 'run']],
    [
      'a nonce that is no Base64',
      { 'x-ms-runtime': { 'client-payload': { nonce: '%' } } },
      {},
      ['binding', 'run'],
    ],
    ['another issuer', { iss: 'https://evil.weu.attest.azure.net' }, {}, ['issuer']],
    ['an issuer with a slash behind', { iss: `${MAA_ISSUER}/` }, {}, ['issuer']],
  ];

  it.each(cheats)('is refused for %s', async (_name, top, tee, expected) => {
    expect(await reasons(await guest(top, tee))).toEqual(expected);
  });

  const tdxCheats: readonly (readonly [string, JsonObject, readonly string[]])[] = [
    ['debugging', { tdx_td_attributes_debug: true }, ['debug']],
    ['another bit of the debug byte', { tdx_td_attributes: '1000001000000000' }, ['debug']],
    ['no word on attributes', { tdx_td_attributes: null }, ['debug', 'migration']],
    ['a guest that may be migrated', { tdx_td_attributes: '0000003000000000' }, ['migration']],
    ['another MRTD', { tdx_mrtd: zeros }, ['launch']],
    ['another RTMR', { tdx_rtmr2: zeros }, ['rtmr2']],
    ['an old component, though others are newer', { tdx_tee_tcb_svn: '05ff07ff'.padEnd(32, 'f') }, ['tcb']],
    ['an old status', { attester_tcb_status: 'OutOfDate' }, ['tcb-status']],
    ['no status', { attester_tcb_status: null }, ['tcb-status']],
    ['the other technology', SNP_CLAIMS, ['tee']],
    ['a configuration of its launcher', { tdx_mrconfigid: '01'.repeat(48) }, ['host-data']],
    ['no configuration', { tdx_mrconfigid: null }, ['host-data']],
    ['an owner whom its launcher named', { tdx_mrowner: '01'.repeat(48) }, ['owner']],
    ['no word on an owner', { tdx_mrowner: null }, ['owner']],
    ['a configuration of the owner’s', { tdx_mrownerconfig: '01'.repeat(48) }, ['owner']],
  ];

  it.each(tdxCheats)('is refused on TDX for %s', async (_name, tee, expected) => {
    const bytes = await provider.token(provider.guest(reportData, { ...TDX_CLAIMS, ...tee }));
    const found = await reasons(bytes, { tee: tdxTee });
    for (const id of expected) expect(found).toContain(id);
  });

  // The container's own policy, and so its code, is what the host data name.
  it('is refused for a container whose host launched the same image with other data', async () => {
    const direct = { form: 'direct', guest: undefined };
    const snp = async (data: string, change: object = {}) => {
      const claims = { ...SNP_CLAIMS, 'x-ms-sevsnpvm-hostdata': data };
      return reasons(await provider.token(provider.direct(reportData, claims)), { ...direct, ...change });
    };
    expect(await snp('00'.repeat(32))).toEqual([]);
    expect(await snp('0a'.repeat(32))).toEqual(['host-data']);
    expect(await snp('0A'.repeat(32), { launchData: ['0b'.repeat(32), '0a'.repeat(32)] })).toEqual([]);
    expect(await snp('00'.repeat(32), { launchData: ['0a'.repeat(32)] })).toEqual(['host-data']);
    expect(await snp('00'.repeat(32), { launchData: [] })).toEqual(['host-data']);
    const td = async (claims: JsonObject, change: object = {}) => {
      const bytes = await provider.token(provider.direct(reportData, { ...TDX_CLAIMS, ...claims }));
      const pinned = maa.pin(parseMaa(bytes));
      const any = { ...pinned, platforms: { any: 'accepted' } };
      expect(await reasons(bytes, any)).toEqual([]);
      return reasons(bytes, { ...direct, tee: tdxTee, ...change });
    };
    const data = '0c'.repeat(48);
    expect(await td({ tdx_mrconfigid: data })).toEqual(['host-data']);
    expect(await td({ tdx_mrconfigid: data }, { launchData: [data] })).toEqual([]);
    expect(await td({ tdx_mrowner: data, tdx_mrownerconfig: data })).toEqual(['owner']);
    const named = { tee: { ...tdxTee, mrOwner: [data] } };
    expect(await td({ tdx_mrowner: data }, named)).toEqual([]);
    expect(await td({ tdx_mrownerconfig: data }, named)).toEqual(['owner']);
    expect(await td({}, named)).toEqual(['owner']);
    const run = { runBinding: undefined, hostData: 'manifest' };
    const started = { tdx_mrconfigid: '02'.repeat(32) + '00'.repeat(16) };
    expect(await td(started, run)).toEqual([]);
    expect(await td({ ...started, tdx_mrownerconfig: data }, run)).toEqual(['owner']);
  });

  it('is refused from another key, an unknown one, and when a key set only comes with it', async () => {
    const foreign = await other.token(other.guest(reportData));
    expect(await reasons(foreign)).toEqual(['signature']);
    expect(await reasons(await guest({}, {}, { kid: 'made-up-2' }))).toEqual([
      'key-set/unknown-key',
      'revocation',
      'signature',
    ]);
    const offered = readCollateral([{ name: 'keys.json', bytes: utf8Encode(other.jwks) }]);
    expect(await reasons(foreign, {}, { keySets: [], collateral: offered })).toContain('key-set');
    const elsewhere = await keySet(other, { issuer: 'https://other.weu.attest.azure.net' });
    expect(await reasons(foreign, {}, { keySets: [elsewhere] })).toContain('key-set');
  });

  it('is refused under a key set that is stale or from the future', async () => {
    const old = await keySet(provider, { notAfter: NOW });
    const future = await keySet(provider, { fetchedAt: NOW + HOUR });
    for (const set of [old, future])
      expect(await reasons(await guest(), {}, { keySets: [set] })).toEqual([
        'key-set/stale',
        'revocation',
        'signature',
      ]);
  });

  it('is affirmed under a pinned key that any document may supply, with the waiver, and under no other key', async () => {
    const collateral = readCollateral([
      { name: 'other.json', bytes: utf8Encode('{"a":1}') },
      { name: 'keys.json', bytes: utf8Encode(provider.jwks) },
    ]);
    const world = { keySets: undefined, collateral };
    const waived = { waived: 'the provider says nothing of withdrawn keys' };
    const pinned = { keys: [provider.signer.thumbprint], revocation: waived };
    expect(await reasons(await guest(), pinned, world)).toEqual([]);
    expect(await reasons(await guest(), { ...pinned, revocation: 'required' }, world)).toEqual([
      'revocation/unchecked',
    ]);
    const wrong = { keys: [other.signer.thumbprint], revocation: waived };
    expect(await reasons(await guest(), wrong, world)).toEqual(['pinned-key', 'signature']);
    expect(await reasons(await guest(), { keys: [], revocation: waived }, world)).toContain('pinned-key');
    expect(await reasons(await guest(), pinned, { keySets: [] })).toContain('pinned-key');
  });

  it('is refused when it has expired, is old, from the future, without times, or valid for too long', async () => {
    const at = NOW / 1000;
    const times = async (change: JsonObject) => reasons(await guest(change));
    expect(await times({ exp: at })).toEqual(['times', 'expired']);
    expect(await times({ iat: at - 301, nbf: at - 301, exp: at + 100 })).toEqual(['age']);
    expect(await times({ iat: at + 61, nbf: at + 61 })).toEqual(['not-yet-valid']);
    expect(await times({ nbf: at + 61 })).toEqual(['not-yet-valid']);
    expect(await times({ exp: at + 28_801 })).toEqual(['times']);
    for (const name of ['iat', 'nbf', 'exp']) expect(await times({ [name]: null }), name).toContain('times');
    expect(await times({ exp: `${at + 60}` })).toContain('times');
    expect(await times({ iat: 9_007_199_254_740_991, nbf: 9_007_199_254_740_991 })).toContain('times');
    expect(await reasons(await guest(), {}, { at: NOW - HOUR })).toContain('not-yet-valid');
    expect(await reasons(await guest(), {}, { at: NOW + HOUR })).toEqual(['age']);
    const late = { at: NOW + 8 * HOUR };
    expect(await reasons(await guest(), { maxAgeSeconds: 28_800 }, late)).toEqual(['expired']);
  });

  it('is refused on a platform that is not listed, or distrusted', async () => {
    expect(await reasons(await guest(), { platforms: [] })).toEqual(['platform']);
    const distrust = ['azure-maa:vm:70f5ce9a-2bdc-4b6b-8401-e9b964d3aeb7'];
    const judged = await judge('azure-maa', await guest(), { entry, context, binding, distrust });
    expect(judged.reasons).toEqual(['distrusted']);
  });
});

describe('the bytes of a token', () => {
  it('are refused with another algorithm than RS256, whatever it is', async () => {
    for (const alg of ['none', 'None', 'HS256', 'PS256', 'ES256', 'RS384', ''])
      expect(await reasons(await guest({}, {}, { alg })), alg).toEqual(['algorithm']);
  });

  it('are refused when the header brings a key, says where it is, or changes how it is read', async () => {
    for (const header of [
      { jwk: provider.signer.jwk },
      { x5u: 'https://evil.example/c' },
      { crit: ['b64'] },
      { b64: false },
      { zip: 'DEF' },
      { typ: 'JOSE' },
      { kid: 1 },
      { alg: 1 },
      { x5c: [] },
      { x5c: ['%'] },
      { x5c: ['AAAA'] },
      { x5c: 'AAAA' },
    ] as JsonObject[])
      expect(await reasons(await guest({}, {}, header)), JSON.stringify(header)).toEqual(['malformed']);
  });

  it('are refused with a member twice, as the last one would be taken for the first', async () => {
    const text = JSON.stringify(provider.guest(reportData));
    const twice = `{"x-ms-policy-hash":"${'A'.repeat(43)}",${text.slice(1)}`;
    expect(await reasons(await provider.token(twice))).toEqual(['malformed']);
    for (const payload of ['[]', 'null', '"a"', '{', '', '{"iss":1}', '\ufeff{}'])
      expect(await reasons(await provider.token(payload)), payload).toEqual(['malformed']);
  });

  it('are refused when cut short, with anything behind them, and when any bit has changed', async () => {
    const bytes = await guest();
    for (let length = 0; length < bytes.length; length++)
      expect(await reasons(bytes.slice(0, length)), `length ${length}`).not.toEqual([]);
    for (const tail of ['.', '=', '\n', '.e30', 'AAAA'])
      expect(await reasons(new Uint8Array([...bytes, ...utf8Encode(tail)])), tail).not.toEqual([]);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
      expect(await reasons(changed), `byte ${at}`).not.toEqual([]);
    }
  });

  it('are refused when they are 10 MB long, or no ASCII', async () => {
    expect(await reasons(new Uint8Array(10 * 1024 * 1024).fill(0x41))).toEqual(['malformed']);
    expect(await reasons(new Uint8Array(1024 * 1024).fill(0x41))).toEqual(['malformed']);
    expect(await reasons(hexDecode('ff2e2e'))).toEqual(['malformed']);
  });
});

describe('the entry', () => {
  const fits = (change: object) =>
    policySchema.safeParse({ v: 1, binding: 'room', accept: [{ ...entry, ...change }] }).success;

  it('needs every member, and refuses what it does not know', () => {
    expect(fits({})).toBe(true);
    for (const name of Object.keys(entry).filter((one) => one !== 'technology'))
      expect(fits({ [name]: undefined }), name).toBe(false);
    expect(fits({ debug: true })).toBe(false);
    expect(fits({ issuer: 'http://made-up.example' })).toBe(false);
    expect(fits({ issuer: `${MAA_ISSUER}/x` })).toBe(false);
    expect(fits({ keys: ['short'] })).toBe(false);
    expect(fits({ keys: 'chain' })).toBe(false);
    expect(fits({ tee: { ...snpTee, minimumTcb: { bootloader: 4 } } })).toBe(false);
    expect(fits({ tee: { ...tdxTee, rtmrs: [[]] } })).toBe(false);
    expect(fits({ hostData: 'manifest' })).toBe(false);
    expect(fits({ guest: { registers: [], console: 'forbidden' } })).toBe(false);
    expect(fits({ guest: { registers: [4] } })).toBe(false);
    expect(fits({ form: 'direct' })).toBe(false);
    expect(fits({ form: 'direct', guest: undefined })).toBe(true);
    expect(fits({ launchData: ['00'.repeat(32)] })).toBe(true);
    expect(fits({ launchData: ['00'] })).toBe(false);
    expect(fits({ launchData: 'any' })).toBe(false);
    expect(fits({ launchData: [], runBinding: undefined, hostData: 'manifest' })).toBe(false);
  });
});
