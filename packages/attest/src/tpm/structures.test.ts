// The TPM's own structures, from genuine quotes in the shared vectors, alone and taken apart.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import { parseAzure } from '../azure-cvm/parse.ts';
import { parseHclReport } from '../azure-cvm/hcl.ts';
import { parseTdxQuote } from '../tdx/parse.ts';
import { collectChecks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { noteQuote, readQuote } from './quote.ts';
import { readRegisters } from './registers.ts';
import { parseQuoteInfo, parseTpmKey, parseTpmSignature } from './structures.ts';

const folder = sharedVectors('azure-vtpm');

describe.skipIf(folder === undefined)('A genuine quote', () => {
  const bytes = (name: string) => new Uint8Array(readFileSync(join(folder ?? '', name)));
  const json = (name: string) =>
    JSON.parse(new TextDecoder().decode(bytes(name))) as {
      message: string;
      signature: string;
      pcrs: string[];
    };
  const message = () => bytes('coco-snp-tpm-quote.msg');
  /** RSASSA with SHA-256, as a TPM writes it around the signature alone. */
  const wrapped = (signature: Uint8Array) => concat(hexDecode('0014000b0100'), signature);

  test('says its nonce, its registers and the state of its TPM', () => {
    expect(parseQuoteInfo(message())).toMatchObject({
      extraData: utf8Encode('challenge'),
      bank: 'sha256',
      selected: [0, 1, 2, 3, 4, 5, 6, 7, 14],
      firmwareVersion: '2020031200120003',
      safe: true,
      restartCount: 0,
    });
  });

  test.each([
    ['coco-snp-tpm-quote-v1.json', 'coco-snp-hcl-report.bin'],
    ['coco-tdx-tpm-quote-v1.json', 'coco-tdx-hcl-report.bin'],
  ])('%s is signed by the key of %s, and by no other', async (name, report) => {
    const { message: signed, signature, pcrs } = json(name);
    const values = Object.fromEntries(pcrs.map((value, index) => [String(index), value]));
    const quote = readQuote(
      hexDecode(signed),
      wrapped(hexDecode(signature)),
      readRegisters('sha256', values),
    );
    const judge = async (file: string) => {
      const checks = collectChecks('tpm');
      await noteQuote(checks, quote, parseHclReport(bytes(file)).claims.ak);
      return checks.list.filter(({ outcome }) => outcome === 'fail').map(({ id }) => id);
    };
    expect(await judge(report)).toEqual([]);
    expect(await judge('openpcc-azure-snp-hcl-report.bin')).toEqual(['tpm/quote-signature']);
  });

  test('whose key is not at hand is signed by none of those that are', async () => {
    const quote = readQuote(message(), wrapped(bytes('coco-snp-tpm-quote.sig')), readRegisters('sha256', {}));
    for (const file of [
      'coco-snp-hcl-report.bin',
      'coco-tdx-hcl-report.bin',
      'openpcc-azure-snp-hcl-report.bin',
    ]) {
      const checks = collectChecks('tpm');
      await noteQuote(checks, quote, parseHclReport(bytes(file)).claims.ak);
      expect(checks.list.map(({ id, outcome }) => [id, outcome])).toEqual([
        ['tpm/quote-signature', 'fail'],
        ['tpm/nonce', 'pass'],
        ['tpm/pcr-selection', 'fail'],
      ]);
    }
  });

  test('of a trust domain stands apart as it stands in the evidence', () => {
    const { tdQuote } = parseAzure(bytes('coco-tdx-evidence-v0.json'));
    const apart = bytes('coco-tdx-td-quote.bin');
    expect(hexEncode(parseTdxQuote(apart).report.reportData)).toBe(
      hexEncode(parseTdxQuote(tdQuote ?? new Uint8Array()).report.reportData),
    );
  });

  test('is refused when cut short anywhere or when bytes follow', () => {
    const whole = message();
    for (let length = 0; length < whole.length; length += 1)
      expect(() => parseQuoteInfo(whole.slice(0, length)), `length ${length}`).toThrow(AttestError);
    expect(() => parseQuoteInfo(concat(whole, new Uint8Array(1)))).toThrow(AttestError);
    expect(() => parseQuoteInfo(new Uint8Array(10_000))).toThrow(
      expect.objectContaining({ code: 'attest/too-large' }),
    );
  });
});

describe('Signatures and keys', () => {
  const malformed = expect.objectContaining({ code: 'attest/malformed' });

  test('are of the algorithms that are accepted and no other', () => {
    const rsa = (scheme: string, hash: string) => hexDecode(`${scheme}${hash}0004aabbccdd`);
    expect(parseTpmSignature(rsa('0014', '000b')).scheme).toEqual({ kind: 'PKCS1', hash: 'SHA-256' });
    expect(parseTpmSignature(rsa('0016', '000c')).scheme).toEqual({ kind: 'PSS', hash: 'SHA-384' });
    for (const [scheme, hash] of [
      ['0014', '0004'],
      ['0005', '000b'],
      ['0010', '000b'],
      ['001a', '000b'],
    ] as const)
      expect(() => parseTpmSignature(rsa(scheme, hash)), scheme + hash).toThrow(malformed);
    const ecdsa = parseTpmSignature(hexDecode('0018000b000201020003030405'));
    expect(ecdsa.signature).toHaveLength(64);
    expect(hexEncode(ecdsa.signature)).toBe(`${'00'.repeat(30)}0102${'00'.repeat(29)}030405`);
    expect(() => parseTpmSignature(hexDecode(`0018000b0031${'01'.repeat(49)}000101`))).toThrow(malformed);
  });

  test('on curves have the length of the curve', () => {
    const key = (curve: string, x: string, kdf = '0010') =>
      hexDecode(`0023000b00050072000000100018000b${curve}${kdf}${x}${x}`);
    expect(parseTpmKey(key('0003', `0020${'11'.repeat(32)}`)).spki).toHaveLength(91);
    expect(parseTpmKey(key('0004', `0030${'11'.repeat(48)}`)).spki).toHaveLength(120);
    expect(() => parseTpmKey(key('0005', `0020${'11'.repeat(32)}`))).toThrow(malformed);
    expect(() => parseTpmKey(key('0003', `0021${'11'.repeat(33)}`))).toThrow(malformed);
    expect(() => parseTpmKey(key('0003', `0020${'11'.repeat(32)}`, '0020'))).toThrow(malformed);
  });

  test('of RSA have the modulus that they say, and the exponent that everyone has', () => {
    const key = (bits: string, exponent: string, modulus: string) =>
      hexDecode(`0001000b00050072000000100014000b${bits}${exponent}${modulus}`);
    const modulus = `0100${'c1'.repeat(256)}`;
    expect(parseTpmKey(key('0800', '00000000', modulus)).attestation).toBe(true);
    expect(parseTpmKey(key('0800', '00010001', modulus)).attestation).toBe(true);
    for (const bad of [
      key('0800', '00000003', modulus),
      key('0c00', '00000000', modulus),
      key('0400', '00000000', `0080${'c1'.repeat(128)}`),
      key('0800', '00000000', `0100${'01'.repeat(256)}`),
    ])
      expect(() => parseTpmKey(bad)).toThrow(malformed);
  });
});
