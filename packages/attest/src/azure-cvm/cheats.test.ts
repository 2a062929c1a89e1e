// The whole chain under made-up vendors: a fake AMD signs the report, its report data binds the claims, the claims name the key. Each
// cheat is refused by a check of its own.
import { base64urlEncode, type Bytes, hexDecode, hexEncode, sha256 } from '@sealroom/bytes';
import { FakeHcl, type HclOptions } from '@sealroom/testkit/vendors/azure-cvm';
import { type FakeAmd, fakeAmd, type SnpEndorsement } from '@sealroom/testkit/vendors/sev-snp';
import { beforeAll, expect, test } from 'vitest';
import { appraiseEvidence, isReason } from '../appraise.ts';
import { readCollateral } from '../collateral.ts';
import { parsePolicy } from '../policy.ts';
import { parseCertificate } from '../x509/certificate.ts';
import type { AzureEntry } from './entry.ts';
import { parseAzure } from './parse.ts';
import { azureCvm } from './technology.ts';

const NOW = Date.parse('2026-11-25T12:00:00Z');
const nonce = new Uint8Array(32).fill(3);
const run = new Uint8Array(32).fill(9);
const of = (byte: string) => byte.repeat(32);
let amd: FakeAmd;
let vcek: SnpEndorsement;
let machine: FakeHcl;
let registers: { [index: string]: string };
let good: Bytes;

type Fields = Parameters<FakeAmd['report']>[1];

async function evidence(options: HclOptions = {}, fields: Fields = {}, key = vcek): Promise<Bytes> {
  return machine.evidence({
    extraData: nonce,
    registers,
    report: (reportData) => amd.report(key, { reportData, ...fields }),
    vcek: [key.certificate],
    ...options,
  });
}

beforeAll(async () => {
  amd = await fakeAmd('Milan', NOW);
  vcek = await amd.endorse('VCEK');
  machine = await FakeHcl.create(NOW);
  const extended = hexEncode(await sha256(new Uint8Array(32), run));
  registers = { 0: of('a0'), 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9'), 13: extended };
  good = await evidence();
});

function entryOf(): AzureEntry {
  const { pcrs, ...entry } = azureCvm.pin(parseAzure(good));
  const { 13: _, ...values } = pcrs.values;
  return {
    ...entry,
    pcrs: { ...pcrs, values },
    runBinding: undefined,
    hostData: 'manifest',
    runRegister: 13,
  };
}

async function reasons(
  bytes: Uint8Array,
  { entry = entryOf(), at = NOW, serials = [] as number[], distrust = [] as string[] } = {},
): Promise<string[]> {
  const policy = {
    v: 1,
    binding: { reportData: hexEncode(nonce), run: hexEncode(run) },
    accept: [entry],
    distrust,
  };
  const files = [amd.askCertificate, await amd.revocationList({ serials })];
  const appraisal = await appraiseEvidence(
    { technology: 'azure-cvm', body: base64urlEncode(bytes) },
    parsePolicy(JSON.stringify(policy)),
    {
      context: {
        at,
        collateral: readCollateral(files.map((file) => ({ name: 'file', bytes: file }))),
        roots: { amd: [parseCertificate(amd.root)] },
      },
    },
  );
  const failed = appraisal.checks.filter(isReason).map(({ id }) => id);
  expect(appraisal.verdict).toBe(failed.length === 0 ? 'affirmed' : 'refused');
  return failed;
}

test('is affirmed when every link holds, with revocation checked', async () => {
  expect(await reasons(good)).toEqual([]);
});

test('is refused when the hardware is in debug, older than the floor, of another measurement or another chip', async () => {
  expect(await reasons(await evidence({}, { policy: 0xb001fn }))).toEqual(['sev-snp/debug']);
  expect(await reasons(await evidence({}, { measurement: new Uint8Array(48) }))).toEqual(['sev-snp/launch']);
  const guests = await evidence({}, { vmpl: 1 });
  expect(await reasons(guests)).toEqual(['sev-snp/vmpl']);
  expect(azureCvm.pin(azureCvm.parse(guests)).hardware).toMatchObject({ vmpl: 0 });
  const old = { fmc: 0, bootloader: 1, tee: 0, snp: 1, microcode: 1 };
  const failed = await reasons(await evidence({}, { launch: old }));
  expect(failed).toEqual(['sev-snp/tcb/launch']);
  expect(await reasons(await evidence({}, { chipId: new Uint8Array(64).fill(1) }))).toContain('sev-snp/chip');
});

test('is refused when its host launched the right paravisor with data of its own', async () => {
  const launched = await evidence({}, { hostData: new Uint8Array(32).fill(6) });
  expect(await reasons(launched)).toEqual(['sev-snp/host-data']);
  const { hardware } = azureCvm.pin(azureCvm.parse(launched));
  expect(hardware).toMatchObject({ runBinding: 'software', launchData: ['06'.repeat(32)] });
  expect(await reasons(launched, { entry: { ...entryOf(), hardware } })).toEqual([]);
  expect(await reasons(good, { entry: { ...entryOf(), hardware } })).toEqual(['sev-snp/host-data']);
});

test('is refused with another guest under the right paravisor (15)', async () => {
  const other = { ...registers, 9: of('bb') };
  expect(await reasons(await evidence({ registers: other }))).toEqual(['azure-cvm/pcr/9']);
});

test('is refused when the digest of the right values is signed for other registers, or for another bank (14)', async () => {
  // The same number of registers, others among them; then the right ones of SHA-384.
  for (const selection of ['00000001000b033f0000', '00000001000c03912320'])
    expect(await reasons(await evidence({ selection: hexDecode(selection) })), selection).toEqual([
      'azure-cvm/pcr-selection',
    ]);
  const { pcrs } = entryOf();
  const [eight = ''] = pcrs.values['8'] ?? [];
  const swapped = { ...registers, 8: of('a9'), 9: eight };
  expect(await reasons(await evidence({ registers: swapped }))).toEqual([
    'azure-cvm/pcr/8',
    'azure-cvm/pcr/9',
  ]);
});

test('is refused when the quote is signed by a key that no hardware vouches for (16)', async () => {
  const stranger = await FakeHcl.create(NOW);
  const keys = stranger.keys();
  const runtime = await sha256(machine.runtime());
  const reportData = new Uint8Array(64);
  reportData.set(runtime);
  expect(await reasons(await evidence({ keys, reportData }))).toEqual([
    'azure-cvm/runtime-claims',
    'azure-cvm/quote-signature',
  ]);
  expect(await reasons(await evidence({ keys }))).toEqual(['azure-cvm/quote-signature']);
});

test('is refused without the claims’ digest, for another nonce, an empty one, and another run', async () => {
  expect(await reasons(await evidence({ reportData: new Uint8Array(64) }))).toEqual([
    'azure-cvm/runtime-claims',
  ]);
  expect(await reasons(await evidence({ extraData: run }))).toEqual(['azure-cvm/binding']);
  expect(await reasons(await evidence({ extraData: new Uint8Array() }))).toEqual(['azure-cvm/nonce']);
  const other = { ...registers, 13: of('00') };
  expect(await reasons(await evidence({ registers: other }))).toEqual(['azure-cvm/run']);
  const twice = hexEncode(await sha256(await sha256(new Uint8Array(32), run), run));
  expect(await reasons(await evidence({ registers: { ...registers, 13: twice } }))).toEqual([
    'azure-cvm/run',
  ]);
});

test('is refused when the chip is distrusted, by the name that it has in every technology', async () => {
  const [platform = ''] = entryOf().hardware.platforms as readonly string[];
  expect(platform).toMatch(/^sev-snp:chip:/);
  expect(await reasons(good, { distrust: [platform] })).toEqual(['azure-cvm/distrusted']);
});

test('is refused when a signing key was revoked, and outside the time of the certificates', async () => {
  expect(await reasons(good, { serials: [0x10001] })).toEqual(['sev-snp/revocation/revoked']);
  expect(await reasons(good, { at: Date.parse('2060-01-01T00:00:00Z') })).toContain('sev-snp/chain/expired');
});

function without(index: string): object {
  const { pcrs } = entryOf();
  const { [index]: _, ...values } = pcrs.values;
  return { ...pcrs, values };
}

test('has an entry that must say hardware, registers, floor, configuration and run', () => {
  const bad: readonly object[] = [
    { hardware: undefined },
    { pcrs: undefined },
    { pcrs: without('8') },
    { pcrs: without('9') },
    { minFirmware: undefined },
    { secureBoot: undefined },
    { console: undefined },
    { hostData: undefined, runRegister: undefined },
    { runRegister: 23 },
    { runRegister: undefined },
    { more: true },
    { hardware: { ...entryOf().hardware, runBinding: undefined, hostData: 'manifest' } },
    { hardware: { ...entryOf().hardware, vmpl: 2 } },
  ];
  for (const change of bad) {
    const text = JSON.stringify({ v: 1, binding: 'room', accept: [{ ...entryOf(), ...change }] });
    expect(() => parsePolicy(text), JSON.stringify(change)).toThrow(
      expect.objectContaining({ code: 'attest/bad-policy' }),
    );
  }
});
