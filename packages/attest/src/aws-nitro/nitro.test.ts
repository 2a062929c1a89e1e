// A made-up AWS that issues documents in the genuine format, and everything that can be wrong with them.
import { beforeAll, describe, expect, it } from 'vitest';
import { concat, hexDecode, hexEncode } from '@sealroom/bytes';
import { FakeNitro, type NitroOptions, nitroPcrs } from '@sealroom/testkit/vendors/aws-nitro';
import { judge } from '@sealroom/testkit/vendors/judge';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { policySchema } from '../policy.ts';
import type { Context } from '../types.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseNitro } from './parse.ts';
import { nitro } from './technology.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;
const reportData = new Uint8Array(32).fill(1);
const hostData = new Uint8Array(32).fill(2);
const binding = { reportData, hostData };
const pcr = (value: number) => new Uint8Array(48).fill(value);
const pcrHex = (value: number) => hexEncode(pcr(value));

let aws: FakeNitro;
let other: FakeNitro;
let context: Context;
let good: Uint8Array;

const entry = {
  technology: 'aws-nitro',
  pcrs: { 0: [pcrHex(1)], 1: [pcrHex(2)], 2: [pcrHex(3)], 8: [pcrHex(9)] },
  maxAgeSeconds: 300,
  revocation: 'required',
  platforms: ['aws-nitro:module:i-0-enc0'],
  runBinding: 'software',
};

const make = (options: NitroOptions = {}) => aws.document({ userData: reportData, ...options });
const crlFiles = (ders: readonly Uint8Array[]) =>
  readCollateral(ders.map((bytes, i) => ({ name: `${i}.crl`, bytes })));

async function reasons(bytes: Uint8Array, change: object = {}, world: Partial<Context> = {}) {
  const wanted = { entry: { ...entry, ...change }, context: { ...context, ...world }, binding };
  return (await judge('aws-nitro', bytes, wanted)).reasons;
}

beforeAll(async () => {
  aws = await FakeNitro.create(NOW);
  other = await FakeNitro.create(NOW);
  context = {
    at: NOW,
    collateral: crlFiles(await aws.crls()),
    roots: { aws: [parseCertificate(aws.root)] },
  };
  good = await make();
});

describe('a Nitro document', () => {
  it('is affirmed when everything is right, tagged or not', async () => {
    const { verdict, appraisal } = await judge('aws-nitro', good, { entry, context, binding });
    expect(verdict).toBe('affirmed');
    expect(appraisal.claims?.platform).toBe('aws-nitro:module:i-0-enc0');
    expect(appraisal.used.map(({ kind }) => kind)).toContain('crl');
    expect(appraisal.checks.map(({ id }) => id)).toContain('aws-nitro/revocation/short-lived');
    expect(await reasons(await make({ tagged: true }))).toEqual([]);
    expect(nitro.detect(good) && nitro.detect(await make({ tagged: true }))).toBe(true);
    expect(nitro.detect(good.slice(1))).toBe(false);
  });

  it('is affirmed when its map is of open length, with any of the members that may be absent', async () => {
    const open = await make({ open: true });
    expect(parseNitro(open)).toMatchObject({ moduleId: 'i-0-enc0', timestamp: NOW, userData: reportData });
    expect(await reasons(open)).toEqual([]);
    const without = (text: string) => (content: Uint8Array) => {
      const hex = hexEncode(content);
      expect(hex).toContain(text);
      return hexDecode(hex.replace(text, ''));
    };
    // The texts nonce and public_key, and null.
    for (const text of ['656e6f6e6365f6', '6a7075626c69635f6b6579f6'])
      expect(await reasons(await make({ open: true, payload: without(text) }))).toEqual([]);
  });

  it('is refused when a map of open length has no end, two, a member twice, or stands inside another', async () => {
    const changes: ((content: Uint8Array) => Uint8Array)[] = [
      (content) => content.slice(0, -1),
      (content) => concat(content, Uint8Array.of(0xff)),
      (content) => concat(content.slice(0, -1), hexDecode('656e6f6e6365f6ff')),
      (content) => hexDecode(hexEncode(content).replace('6470637273b0', '6470637273bf')),
      () => hexDecode('bfff'),
      () => hexDecode('bf'),
      (content) => concat(Uint8Array.of(0xbf), content, Uint8Array.of(0xff)),
    ];
    for (const [index, payload] of changes.entries())
      expect(await reasons(await make({ open: true, payload })), `case ${index}`).toEqual(['malformed']);
  });

  it('of open length is refused when any bit of what is signed, or of the signature, is another', async () => {
    const open = await make({ open: true });
    for (let at = 0; at < open.length; at += 7) {
      const changed = open.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect((await reasons(changed)).length, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  it('can be pinned, and the pinned policy affirms it', async () => {
    expect(await reasons(good, nitro.pin(parseNitro(good)))).toEqual([]);
  });

  it('is refused for a debug enclave, whichever register of the code is zero, even where 3 and 4 are not', async () => {
    const zeros: (readonly [number, Uint8Array])[] = [0, 1, 2].map((index) => [index, pcr(0)]);
    expect(await reasons(await make({ pcrs: nitroPcrs(zeros) }))).toEqual(['debug', 'pcr0', 'pcr1', 'pcr2']);
    for (const index of [0, 1, 2]) {
      const pcrs = nitroPcrs([[index, pcr(0)]]);
      expect(await reasons(await make({ pcrs }))).toEqual(['debug', `pcr${index}`]);
    }
    const without = nitroPcrs();
    without.delete(0);
    expect(await reasons(await make({ pcrs: without }))).toEqual(['debug', 'pcr0']);
  });

  it('is refused for other code, another signer, another binding and another platform, each by its own check', async () => {
    for (const index of [0, 1, 2, 8])
      expect(await reasons(await make({ pcrs: nitroPcrs([[index, pcr(0x77)]]) }))).toEqual([`pcr${index}`]);
    expect(await reasons(await make({ userData: new Uint8Array(32) }))).toEqual(['binding', 'run']);
    expect(await reasons(await make({ userData: null }))).toEqual(['binding', 'run']);
    expect(await reasons(await make({ userData: reportData.slice(0, 31) }))).toEqual(['binding', 'run']);
    expect(await reasons(good, { platforms: [] })).toEqual(['platform']);
    const distrust = ['aws-nitro:module:i-0-enc0'];
    const judged = await judge('aws-nitro', good, { entry, context, binding, distrust });
    expect(judged.reasons).toEqual(['distrusted']);
  });

  it('accepts nothing where the lists are empty', async () => {
    const pcrs = { 0: [], 1: [], 2: [] };
    expect(await reasons(good, { pcrs })).toEqual(['pcr0', 'pcr1', 'pcr2']);
  });

  it('is refused when it is old, from the future, or of a time when its certificates were not valid', async () => {
    expect(await reasons(await make({ timestamp: NOW - 301_000 }))).toEqual(['document-time', 'age']);
    expect(await reasons(good, {}, { at: NOW + 301_000 })).toEqual(['age']);
    expect(await reasons(await make({ timestamp: NOW + 61_000 }))).toEqual(['not-yet-valid']);
    expect(await reasons(await make({ timestamp: NOW + 4 * HOUR }))).toEqual([
      'document-time',
      'not-yet-valid',
    ]);
  });

  it('is refused by a verifier whose clock is an hour off, or when its leaf has expired', async () => {
    expect(await reasons(good, {}, { at: NOW + HOUR })).toEqual(['age']);
    expect(await reasons(good, {}, { at: NOW - HOUR })).toEqual(['chain/not-yet-valid', 'not-yet-valid']);
    expect(await reasons(good, { maxAgeSeconds: 86_400 }, { at: NOW + 4 * HOUR })).toEqual(['chain/expired']);
  });

  it('is refused under another root, under none, and when a root only comes with it', async () => {
    const others = { aws: [parseCertificate(other.root)] };
    expect(await reasons(good, {}, { roots: others })).toContain('chain/signature');
    expect(await reasons(good, {}, { roots: {} })).toContain('chain/no-path');
    expect(await reasons(await other.document({ userData: reportData }))).toContain('chain/signature');
  });

  it('is refused when the bundle is reversed, short, or holds another root', async () => {
    const { cabundle } = aws;
    expect(await reasons(await make({ cabundle: cabundle.toReversed() }))).toEqual(['cabundle']);
    expect(await reasons(await make({ cabundle: cabundle.slice(1) }))).toEqual(['cabundle']);
    expect(await reasons(await make({ cabundle: [other.root, ...cabundle.slice(1)] }))).toEqual(['cabundle']);
    expect(await reasons(await make({ cabundle: [...cabundle, other.root] }))).toEqual(['cabundle']);
    const short = await reasons(await make({ cabundle: cabundle.slice(0, 3) }));
    expect(short).toEqual(['chain/no-path', 'cabundle']);
  });

  it('is refused when an authority stands as the leaf, when it is another enclave’s, and when another key signed', async () => {
    expect(await reasons(await make({ certificate: await aws.leaf({ ca: true }) }))).toContain('leaf');
    expect(await reasons(await make({ certificate: await aws.leaf({ moduleId: 'i-0-enc1' }) }))).toEqual([
      'leaf',
    ]);
    expect(await reasons(await make({ moduleId: 'i-0-enc1' }))).toEqual(['leaf']);
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, [
      'sign',
      'verify',
    ]);
    expect(await reasons(await make({ signer: pair.privateKey }))).toEqual(['signature']);
    const asLeaf = await make({ certificate: aws.cabundle[3] ?? new Uint8Array() });
    expect(await reasons(asLeaf)).toEqual(['cabundle', 'leaf', 'signature']);
  });

  it('is refused without current lists unless the policy waives it, and always when a certificate is revoked', async () => {
    const none = { collateral: NO_COLLATERAL };
    const waiver = { revocation: { waived: 'no list can be had for this time' } };
    expect(new Set(await reasons(good, {}, none))).toEqual(new Set(['revocation/unchecked']));
    expect(await reasons(good, waiver, none)).toEqual([]);
    for (const serial of [2, 3]) {
      const collateral = crlFiles(await aws.crls([serial]));
      expect(await reasons(good, {}, { collateral })).toEqual(['revocation/revoked']);
      expect(await reasons(good, waiver, { collateral })).toEqual(['revocation/revoked']);
    }
    const stale = { collateral: crlFiles(await aws.crls([], NOW - 48 * HOUR)) };
    expect(new Set(await reasons(good, {}, stale))).toEqual(new Set(['revocation/unchecked']));
    const foreign = { collateral: crlFiles(await other.crls()) };
    expect(new Set(await reasons(good, {}, foreign))).toEqual(new Set(['revocation/unchecked']));
  });

  it('asks for a list of a leaf that lives longer than two days', async () => {
    const certificate = await aws.leaf({ notAfter: NOW + 72 * HOUR });
    expect(await reasons(await make({ certificate }))).toContain('revocation/unchecked');
  });

  it('binds the run by a register that was extended once, and by nothing else', async () => {
    const change = { runBinding: undefined, hostData: 'manifest', runRegister: 16 };
    const run = async (value: Uint8Array | undefined) =>
      reasons(await make({ pcrs: nitroPcrs(value ? [[16, value]] : []) }), change);
    const once = await FakeNitro.extendedOnce(hostData);
    expect(await run(once)).toEqual([]);
    expect(await run(await FakeNitro.extendedOnce(new Uint8Array(32)))).toEqual(['run']);
    expect(await run(undefined)).toEqual(['run']);
    const twice = new Uint8Array([...once, ...hostData]);
    expect(await run(new Uint8Array(await crypto.subtle.digest('SHA-384', twice)))).toEqual(['run']);
    expect(await run(new Uint8Array([...hostData, ...new Uint8Array(16)]))).toEqual(['run']);
  });
});

describe('the entry', () => {
  const fits = (change: object) =>
    policySchema.safeParse({ v: 1, binding: 'room', accept: [{ ...entry, ...change }] }).success;

  it('needs registers, age, revocation, platforms and how the run is bound', () => {
    expect(fits({})).toBe(true);
    for (const name of ['pcrs', 'maxAgeSeconds', 'revocation', 'platforms', 'runBinding'])
      expect(fits({ [name]: undefined }), name).toBe(false);
    for (const index of [0, 1, 2]) expect(fits({ pcrs: { ...entry.pcrs, [index]: undefined } })).toBe(false);
  });

  it('refuses registers of zeros for code, registers that do not exist, and members that are not known', () => {
    expect(fits({ pcrs: { ...entry.pcrs, 0: [pcrHex(0)] } })).toBe(false);
    expect(fits({ pcrs: { ...entry.pcrs, 8: [pcrHex(0)] } })).toBe(true);
    expect(fits({ pcrs: { ...entry.pcrs, 32: [pcrHex(1)] } })).toBe(false);
    expect(fits({ pcrs: { ...entry.pcrs, 8: ['00'] } })).toBe(false);
    expect(fits({ debug: true })).toBe(false);
    expect(fits({ maxAgeSeconds: 0 })).toBe(false);
    expect(fits({ revocation: { waived: '' } })).toBe(false);
    expect(fits({ hostData: 'manifest' })).toBe(false);
    expect(fits({ runRegister: 16 })).toBe(false);
    expect(fits({ runBinding: undefined, hostData: 'manifest', runRegister: 15 })).toBe(false);
  });
});

describe('bytes of a document', () => {
  it('are refused when cut short at any byte, and with any byte behind them', async () => {
    for (let length = 0; length < good.length; length++)
      expect(() => parseNitro(good.slice(0, length)), `length ${length}`).toThrow(
        expect.objectContaining({ name: 'AttestError' }),
      );
    expect(await reasons(new Uint8Array([...good, 0]))).toEqual(['malformed']);
  });

  it('are refused when any bit of what is signed, or of the signature, is another', async () => {
    for (let at = 0; at < good.length; at += 11) {
      const changed = good.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect((await reasons(changed)).length, `byte ${at}`).toBeGreaterThan(0);
    }
  });

  it('are refused when they are 10 MB long', async () => {
    expect(await reasons(new Uint8Array(10 * 1024 * 1024).fill(0x84))).toEqual(['malformed']);
  });

  it('are refused with other headers, digests, members, registers, times and names than AWS writes', async () => {
    const members = (name: string, value: null | number | string | Uint8Array | Map<number, Uint8Array>) =>
      make({ members: new Map([[name, value]]) });
    const bad = [
      make({ header: new Uint8Array([0xa1, 0x01, 0x26]) }),
      make({ header: new Uint8Array([0xa1, 0x01, 0x38, 0x32]) }),
      make({ header: new Uint8Array() }),
      members('digest', 'SHA256'),
      members('extra', 1),
      members('timestamp', -1),
      members('timestamp', 'now'),
      members('module_id', ''),
      members('module_id', 'i-0 enc0'),
      members('user_data', new Uint8Array(4097)),
      members('user_data', 'text'),
      members('cabundle', null),
      members('certificate', new Uint8Array(1025)),
      members('pcrs', new Map()),
      make({ pcrs: new Map([[32, pcr(1)]]) }),
      make({ pcrs: new Map([[0, new Uint8Array(32)]]) }),
      make({ cabundle: [] }),
    ];
    for (const [index, bytes] of bad.entries())
      expect(await reasons(await bytes), `case ${index}`).toEqual(['malformed']);
  });
});
