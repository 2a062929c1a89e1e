// The layers above the hardware, on hardware that always vouches: what its report data says is read from the report itself.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  hexEncode,
  sha256,
  utf8Encode,
} from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { FakeHcl } from '@sealroom/testkit/vendors/azure-cvm';
import { beforeAll, describe, expect, test } from 'vitest';
import { isReason } from '../appraise.ts';
import { NO_COLLATERAL } from '../collateral.ts';
import { AttestError } from '../error.ts';
import type { Claims, Technology } from '../types.ts';
import type { AzureEntry } from './entry.ts';
import type { HardwareTable } from './hardware.ts';
import { type HardwareName, parseHclReport } from './hcl.ts';
import { type AzureEvidence, parseAzure } from './parse.ts';
import { readPem } from '../x509/pem.ts';
import { spkiOfRsa } from '../x509/signature.ts';
import { azureCvmOn } from './technology.ts';

const folder = sharedVectors('azure-vtpm');
const context = { at: 0, collateral: NO_COLLATERAL, roots: {} };
const REPORT_DATA: { readonly [name in HardwareName]: number } = { 'sev-snp': 0x50, tdx: 48 + 520 };

function hardware(name: HardwareName): HardwareTable[HardwareName] {
  const claims = (bytes: Uint8Array): Claims => ({
    technology: name as Technology,
    hardware: true,
    debug: false,
    launch: 'launch',
    hostData: undefined,
    reportData: new Uint8Array(bytes.slice(REPORT_DATA[name], REPORT_DATA[name] + 64)),
    platform: 'chip',
    signed: {},
  });
  return {
    parse: (bytes) => {
      if (bytes.length === 0) throw new AttestError('attest/malformed', 'There is no report.');
      return bytes;
    },
    verify: async (parsed) => ({ checks: [], claims: claims(parsed as Uint8Array), used: [] }),
    appraise: async () => [],
    pin: () => ({ technology: name, platforms: ['chip'] }),
  };
}

const azure = azureCvmOn({ 'sev-snp': hardware('sev-snp'), tdx: hardware('tdx') });
type Changes = { readonly [member: string]: unknown };

/** All of one technology's checks that keep the evidence from being affirmed. */
async function reasons(evidence: AzureEvidence, change: Changes = {}, run?: Uint8Array): Promise<string[]> {
  const entry = { ...(evidence.quote && azure.pin(evidence)), ...change } as AzureEntry;
  const { checks, claims } = await azure.verify(evidence, entry, context);
  const appraised = claims ? await azure.appraise(claims, entry, context) : [];
  const holds = run === undefined || !claims || ((await azure.holdsRun?.(claims, entry, run)) ?? false);
  const failed = [...checks, ...appraised].filter(isReason).map(({ id }) => id);
  return holds ? failed : [...failed, 'azure-cvm/run'];
}

describe.skipIf(folder === undefined)('Genuine evidence', () => {
  const read = (name: string) => new Uint8Array(readFileSync(join(folder ?? '', name)));

  test.each([
    ['coco-snp-evidence-v0.json', 'challenge'],
    ['coco-snp-evidence-v1.json', 'challenge'],
    ['coco-snp-evidence-v2.json', undefined],
    ['coco-tdx-evidence-v0.json', 'challenge'],
    ['coco-tdx-evidence-v1.json', 'challenge'],
  ])('of %s holds link by link', async (name, challenge) => {
    const bytes = read(name);
    expect(azure.detect(bytes)).toBe(true);
    const evidence = azure.parse(bytes);
    expect(await reasons(evidence)).toEqual([]);
    const { claims } = await azure.verify(evidence, azure.pin(evidence), context);
    const { extraData = '' } = claims?.signed ?? {};
    if (challenge) expect(extraData).toBe(hexEncode(utf8Encode(challenge)));
    else expect(extraData).toHaveLength(96);
  });

  test('is refused when any byte of the claims, of the quote or of a register has changed', async () => {
    const text = JSON.parse(new TextDecoder().decode(read('coco-snp-evidence-v0.json'))) as {
      quote: { message: number[]; signature: number[]; pcrs: number[][] };
      report: number[];
    };
    const flip = (list: number[], at: number) => list.map((byte, i) => (i === at ? byte ^ 4 : byte));
    const genuine = azure.parse(utf8Encode(JSON.stringify(text)));
    const entry = azure.pin(genuine);
    const judge = async (changed: object) => {
      let evidence: AzureEvidence;
      try {
        evidence = azure.parse(utf8Encode(JSON.stringify({ ...text, ...changed })));
      } catch (error) {
        expect(error).toBeInstanceOf(AttestError);
        return ['azure-cvm/malformed'];
      }
      return reasons(evidence, entry);
    };
    const { quote, report } = text;
    for (let at = 0; at < quote.message.length; at += 1)
      expect(
        (await judge({ quote: { ...quote, message: flip(quote.message, at) } })).length,
        `message ${at}`,
      ).toBeGreaterThan(0);
    for (let at = 0; at < 256; at += 5)
      expect(await judge({ quote: { ...quote, signature: flip(quote.signature, at) } })).toContain(
        'azure-cvm/quote-signature',
      );
    for (let index = 0; index < 24; index += 1) {
      const pcrs = quote.pcrs.map((value, i) => (i === index ? flip(value, 7) : value));
      expect(await judge({ quote: { ...quote, pcrs } })).toContain('azure-cvm/pcr-digest');
    }
    const start = report.indexOf(0x7b, 0x4c0);
    for (let at = start; at < start + 1100; at += 13)
      expect((await judge({ report: flip(report, at) })).length, `claims ${at}`).toBeGreaterThan(0);
    for (let at = 0x70; at < 0xb0 - 32; at += 3)
      expect(await judge({ report: flip(report, at) })).toContain('azure-cvm/runtime-claims');
  });

  test('whose quote is of another machine is refused', async () => {
    const one = azure.parse(read('coco-snp-evidence-v1.json'));
    const other = azure.parse(read('coco-snp-evidence-v2.json'));
    expect(await reasons({ ...one, quote: other.quote })).toContain('azure-cvm/quote-signature');
  });

  test('whose trust domain’s quote is of another report is refused', async () => {
    const tdx = azure.parse(read('coco-tdx-evidence-v1.json'));
    const tdQuote = tdx.tdQuote?.slice();
    if (!tdQuote) throw new Error('The vector holds no quote.');
    tdQuote[REPORT_DATA.tdx] = 0;
    const failed = await reasons({ ...tdx, tdQuote });
    expect(failed).toContain('azure-cvm/runtime-claims');
    expect(failed).toContain('azure-cvm/td-report');
  });

  test.each(['kinvolk-hcl-report-snp.bin', 'openpcc-azure-snp-hcl-report.bin'])(
    'of %s is read, and without a quote is no evidence of a run',
    async (name) => {
      const evidence = azure.parse(read(name));
      expect(() => azure.pin(evidence)).toThrow(AttestError);
      const whole = azure.pin(azure.parse(read('coco-snp-evidence-v1.json')));
      expect(await reasons(evidence, whole)).toContain('azure-cvm/quote');
    },
  );

  test('of a machine without secure boot is told from one with it', () => {
    expect(parseHclReport(read('kinvolk-hcl-report-tdx.bin')).claims.secureBoot).toBe(false);
    expect(parseHclReport(read('coco-tdx-hcl-report.bin')).claims.secureBoot).toBe(true);
  });

  test('names its key as other tools write it', async () => {
    const pem = new TextDecoder().decode(read('kinvolk-akpub.pem'));
    const [block] = readPem(pem);
    if (!block) throw new Error('The vector holds no key.');
    const { n = '' } = createPublicKey(pem).export({ format: 'jwk' });
    expect(spkiOfRsa(base64urlDecode(n))).toEqual(block.bytes);
    const claims = read('kinvolk-var-data.bin');
    const hcl = parseHclReport(await (await FakeHcl.create()).hclReport({ claims }));
    expect(hcl.claims).toMatchObject({ secureBoot: true, consoleEnabled: true, tpmEnabled: true });
    expect(hcl.runtime).toEqual(claims);
  });

  test('is cut short or has bytes behind its end: refused', () => {
    const report = read('coco-snp-hcl-report.bin');
    const end = report.findLastIndex((byte) => byte !== 0);
    for (let length = 0; length <= end; length += 1)
      expect(() => parseAzure(report.slice(0, length)), `length ${length}`).toThrow(AttestError);
    const more = report.slice();
    more[report.length - 1] = 1;
    expect(() => parseAzure(more)).toThrow(AttestError);
    expect(() => parseAzure(new Uint8Array(10_000_000))).toThrow(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });
});

describe('Made-up evidence', () => {
  const nonce = new Uint8Array(32).fill(3);
  const run = new Uint8Array(32).fill(9);
  const of = (byte: string) => byte.repeat(32);
  let machine: FakeHcl;
  let registers: { [index: string]: string };
  beforeAll(async () => {
    machine = await FakeHcl.create();
    const extended = hexEncode(await sha256(new Uint8Array(32), run));
    registers = { 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9'), 13: extended };
  });

  const made = async (change: Parameters<FakeHcl['evidence']>[0] = {}): Promise<Bytes> =>
    machine.evidence({ extraData: nonce, registers, ...change });
  const parsed = async (change: Parameters<FakeHcl['evidence']>[0] = {}) => azure.parse(await made(change));
  const values = { 4: [of('a4')], 7: [of('a7')], 8: [of('a8')], 9: [of('a9')] };
  const pcrs = { bank: 'sha256', values };
  const entry = { pcrs, hostData: 'manifest', runBinding: undefined, runRegister: 13 };

  test('is affirmed when all links hold', async () => {
    expect(await reasons(await parsed(), entry, run)).toEqual([]);
  });

  test('is refused for each link that does not', async () => {
    expect(await reasons(await parsed({ reportData: new Uint8Array(64) }), entry)).toContain(
      'azure-cvm/runtime-claims',
    );
    const trailing = new Uint8Array(64).fill(1);
    trailing.set(await sha256(machine.runtime()));
    expect(await reasons(await parsed({ reportData: trailing }), entry)).toContain(
      'azure-cvm/runtime-claims',
    );
    expect(await reasons(await parsed({ extraData: new Uint8Array() }), entry)).toContain('azure-cvm/nonce');
    const other = await FakeHcl.create();
    const { quote: quoted } = azure.parse(await other.evidence({ extraData: nonce, registers }));
    expect(await reasons({ ...(await parsed()), quote: quoted }, entry)).toContain(
      'azure-cvm/quote-signature',
    );
    const unquoted = { ...azure.pin(await parsed()), ...entry };
    expect(await reasons({ ...(await parsed()), quote: undefined }, unquoted)).toContain('azure-cvm/quote');
    const tdx = { ...entry, hardware: { technology: 'tdx', platforms: ['chip'] } };
    expect(await reasons(await parsed(), tdx)).toContain('azure-cvm/hardware');
  });

  test('is refused for what its registers hold, although the paravisor is the right one', async () => {
    for (const index of ['4', '7', '8', '9'])
      expect(
        await reasons(await parsed({ registers: { ...registers, [index]: of('bb') } }), entry),
      ).toContain(`azure-cvm/pcr/${index}`);
    expect(await reasons(await parsed({ registers: { ...registers, 13: of('00') } }), entry, run)).toEqual([
      'azure-cvm/run',
    ]);
    expect(
      await reasons(await parsed({ firmwareVersion: '0'.repeat(16) }), {
        ...entry,
        minFirmware: '0000000000000001',
      }),
    ).toEqual(['azure-cvm/firmware']);
  });

  test('is refused without secure boot, without its TPM, with a console and on another chip, unless accepted', async () => {
    const strict = { ...entry, secureBoot: 'required', console: 'forbidden' };
    const lax = { ...entry, secureBoot: 'accepted', console: 'accepted' };
    const judge = async (configuration: object, rules: object) =>
      reasons(await parsed({ configuration }), rules as Changes);
    expect(await judge({ 'secure-boot': false }, strict)).toContain('azure-cvm/secure-boot');
    expect(await judge({ 'secure-boot': false }, lax)).toEqual([]);
    expect(await judge({ 'console-enabled': true }, strict)).toEqual(['azure-cvm/console']);
    expect(await judge({ 'console-enabled': true }, lax)).toEqual([]);
    expect(await judge({ 'tpm-enabled': false }, lax)).toEqual(['azure-cvm/tpm-enabled']);
    const hardware = { technology: 'sev-snp', platforms: ['another chip'] };
    expect(await judge({}, { ...entry, hardware })).toEqual(['azure-cvm/platform']);
  });

  test('is refused with no key, two keys or another kind of key in the claims', async () => {
    const [key] = machine.keys();
    for (const keys of [
      [],
      [key, key],
      [{ ...key, kid: 'other' }],
      [{ ...key, kty: 'EC' }],
      [{ ...key, e: 'Aw' }],
      [{ ...key, n: 'AQAB' }],
    ])
      await expect(parsed({ keys }), JSON.stringify(keys).slice(0, 60)).rejects.toThrow(AttestError);
    await expect(parsed({ configuration: { 'secure-boot': 'yes' } })).rejects.toThrow(AttestError);
  });

  test('is refused with members that are missing, odd or too many', async () => {
    const whole = JSON.parse(new TextDecoder().decode(await made())) as Changes;
    for (const change of [
      { v: 2 },
      { more: 1 },
      { hclReport: undefined },
      { pcrs: undefined },
      { quote: {} },
    ])
      expect(() => azure.parse(canonicalBytes({ ...whole, ...change }))).toThrow(AttestError);
    const tdQuote = base64urlEncode(new Uint8Array(600));
    expect(() => azure.parse(canonicalBytes({ ...whole, tdQuote }))).toThrow(AttestError);
  });
});
