// Bytes that are no evidence, or not quite.
import { concat } from '@sealroom/bytes';
import {
  goodSnpReport,
  SNP_GUIDS,
  snpCertificateTable,
  snpReportBytes,
} from '@sealroom/testkit/vendors/sev-snp';
import { describe, expect, test } from 'vitest';
import { vendorRoots } from '../index.ts';
import { looksLikeSnp, parseSnpEvidence } from './parse.ts';
import { PRODUCTS, productOfProcessor, readTcb, writeTcb } from './products.ts';
import { GUEST_BITS, PLATFORM_BITS, parseSnpReport } from './report.ts';
import { readCertificateTable } from './table.ts';

const SIGNATURE = (() => {
  const area = new Uint8Array(512);
  area.fill(1, 0, 48);
  area.fill(2, 72, 120);
  return area;
})();
const report = (version: 2 | 3 | 4 | 5) =>
  concat(snpReportBytes('Milan', { ...goodSnpReport('Milan'), version }), SIGNATURE);
const good = report(5);
const ark = vendorRoots().amd?.[0]?.der ?? new Uint8Array();

const malformed = expect.objectContaining({ code: 'attest/malformed' });
const refuses = (bytes: Uint8Array, words = '') =>
  expect(() => parseSnpEvidence(bytes), words).toThrowError(malformed);

/** Bytes that no version uses, and those that only later ones do; they are [from, to). */
const RESERVED: Readonly<Record<2 | 3 | 4 | 5, readonly (readonly [number, number])[]>> = {
  2: [
    [0x4c, 0x50],
    [0x188, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [0x1f8, 0x2a0],
  ],
  3: [
    [0x4c, 0x50],
    [0x18b, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [0x1f8, 0x2a0],
  ],
  4: [
    [0x4c, 0x50],
    [0x18b, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [0x1f8, 0x2a0],
  ],
  5: [
    [0x4c, 0x50],
    [0x18b, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [0x208, 0x2a0],
  ],
};

describe('a report', () => {
  test('is read in each version, and its fields are where the specification puts them', () => {
    for (const version of [2, 3, 4, 5] as const)
      expect(parseSnpReport(report(version)).version).toBe(version);
    const read = parseSnpReport(good);
    expect(read.processor).toEqual({ family: 0x19, model: 1, stepping: 1 });
    expect(read.minimumAbi).toEqual({ major: 0, minor: 0x1f });
    expect([...read.guestBits]).toEqual(['smt']);
    expect([...read.platformBits]).toEqual(['smt', 'ecc', 'alias-check-complete']);
    expect(read.current).toEqual({ major: 1, minor: 55, build: 40 });
    expect(read.mitigations).toEqual({ launch: 0x0bn, current: 0x0bn });
    expect(read.signature.slice(0, 1)).toEqual(new Uint8Array([1]));
    expect(parseSnpReport(report(2)).processor).toBeUndefined();
  });

  test('is refused when it is cut at any byte, or when anything follows it that is no table', () => {
    for (let length = 0; length < good.length; length++) refuses(good.slice(0, length), `length ${length}`);
    refuses(concat(good, new Uint8Array([1])));
    expect(() => parseSnpReport(concat(good, new Uint8Array(1)))).toThrowError(malformed);
    // Zeros behind it are an empty table, as the kernel gives one.
    expect(parseSnpEvidence(concat(good, new Uint8Array(4096))).certificates).toEqual([]);
  });

  test.each([2, 3, 4, 5] as const)('of version %i is refused when a reserved byte is not zero', (version) => {
    for (const [from, to] of RESERVED[version])
      for (let at = from; at < to; at++) {
        const changed = report(version);
        changed[at] = 1;
        refuses(changed, `byte ${at}`);
      }
    const reserved = RESERVED[version];
    for (const at of [0x188, 0x1a0, 0x1f8, 0x207].filter(
      (one) => !reserved.some(([from, to]) => one >= from && one < to),
    )) {
      const changed = report(version);
      changed[at] = 1;
      expect(parseSnpReport(changed).version).toBe(version);
    }
  });

  test('is refused when a byte beside r and s is not zero, or when there is no signature', () => {
    for (let at = 0x2a0; at < good.length; at++) {
      const cell = (at - 0x2a0) % 72;
      if (at < 0x2a0 + 144 && cell < 48) continue;
      const changed = good.slice();
      changed[at] = 0x80;
      refuses(changed, `byte ${at}`);
    }
    refuses(concat(good.slice(0, 0x2a0), new Uint8Array(512)));
  });

  test('is refused for unknown versions, algorithms, flags and policies', () => {
    const changes: readonly (readonly [number, number])[] = [
      [0, 0],
      [0, 1],
      [0, 6],
      [0, 255],
      [3, 1],
      [0x34, 0],
      [0x34, 2],
      [0x37, 1],
      [0x48, 0x20],
      [0x4b, 1],
      // Bit 17 of the guest policy must be set, and those from 26 on must not.
      [0x0a, 0x01],
      [0x0b, 0x04],
      [0x0f, 0x80],
    ];
    for (const [at, value] of changes) {
      const changed = good.slice();
      changed[at] = value;
      refuses(changed, `byte ${at} = ${value}`);
    }
  });

  test('may set bits of PLATFORM_INFO that are not known yet', () => {
    const changed = good.slice();
    changed[0x40] = 0x65;
    expect(parseSnpReport(changed).platformInfo).toBe(0x65n);
  });

  test('names each bit once', () => {
    for (const [name, bit] of Object.entries(GUEST_BITS)) {
      const fields = { ...goodSnpReport('Milan'), policy: (1n << 17n) | (1n << BigInt(bit)) };
      expect([...parseSnpReport(concat(snpReportBytes('Milan', fields), SIGNATURE)).guestBits]).toEqual([
        name,
      ]);
    }
    for (const [name, bit] of Object.entries(PLATFORM_BITS)) {
      const fields = { ...goodSnpReport('Milan'), platformInfo: 1n << BigInt(bit) };
      expect([...parseSnpReport(concat(snpReportBytes('Milan', fields), SIGNATURE)).platformBits]).toEqual([
        name,
      ]);
    }
  });
});

describe('evidence', () => {
  const GUID = Object.values(SNP_GUIDS);

  test('carries certificates in a table, whose GUIDs may be in either order of bytes', () => {
    const mixed = '8d75da63-64e6-6445-adc5-f4b93be8accd';
    for (const guid of [...GUID, mixed]) {
      const body = concat(good, snpCertificateTable([[guid, ark]]));
      expect(
        parseSnpEvidence(body).certificates.map(({ der }) => der),
        guid,
      ).toEqual([ark]);
    }
    const other = snpCertificateTable([['ecae0c0f-9502-43b1-afa2-0ae2e0d565b6', new Uint8Array([1])]]);
    expect(parseSnpEvidence(concat(good, other)).certificates).toEqual([]);
  });

  test('is refused when its table has no end, or entries that overlap, leave it or hide something', () => {
    const table = snpCertificateTable([
      [SNP_GUIDS.VCEK, ark],
      [SNP_GUIDS.ARK, ark],
    ]);
    const change = (at: number, value: number) => {
      const changed = table.slice();
      new DataView(changed.buffer).setUint32(at, value, true);
      return concat(good, changed);
    };
    refuses(change(16, 0), 'an entry over the header');
    refuses(change(16, 80), 'an entry that begins late');
    refuses(change(20, 0), 'an empty entry');
    refuses(change(20, ark.length + 1), 'entries that overlap');
    refuses(change(20, ark.length - 1), 'a byte that nothing names');
    refuses(change(40, 0xffffffff), 'an offset beyond the table');
    refuses(change(44, 0xffffffff), 'a length beyond the table');
    refuses(change(48, 1), 'no end');
    refuses(concat(good, table.slice(0, 24)), 'a header that is cut');
    refuses(concat(good, table, new Uint8Array([1])), 'a byte behind the padding');
    const last = 72 + 2 * ark.length;
    for (let length = 1; length < last; length += length < 80 ? 1 : 61)
      refuses(concat(good, table.slice(0, length)), `length ${length}`);
    expect(readCertificateTable(table.slice(0, last))).toHaveLength(2);
    const many = Array.from({ length: 40 }, () => [SNP_GUIDS.ARK, ark] as const);
    expect(() => readCertificateTable(snpCertificateTable(many))).toThrowError(malformed);
  });

  test('is refused when what the table calls a certificate is none', () => {
    refuses(concat(good, snpCertificateTable([[SNP_GUIDS.VCEK, new Uint8Array(100).fill(0x30)]])));
  });

  test('is refused when it is Azure’s JSON with other members, other encodings or no report', () => {
    const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
    const pem = (label: string) => `-----BEGIN ${label}-----\n${base64(ark)}\n-----END ${label}-----\n`;
    const json = (members: object) => new TextEncoder().encode(JSON.stringify(members));
    const whole = {
      evidence: base64(good),
      endorsements: base64(new TextEncoder().encode(pem('CERTIFICATE'))),
    };
    expect(parseSnpEvidence(json(whole)).certificates).toHaveLength(1);
    expect(looksLikeSnp(json(whole))).toBe(true);
    const bad: readonly object[] = [
      {},
      [],
      { ...whole, evidence: 1 },
      { ...whole, endorsements: undefined },
      { ...whole, more: 'x' },
      { ...whole, endorsed_tcb: 1 },
      { ...whole, evidence: base64(good.slice(1)) },
      { ...whole, evidence: `${whole.evidence}=` },
      { ...whole, endorsements: '/w==' },
      { ...whole, endorsements: base64(new TextEncoder().encode('-----BEGIN CERTIFICATE-----')) },
      { ...whole, endorsements: base64(new TextEncoder().encode(pem('CERTIFICATE').replace('MII', 'MIJ'))) },
    ];
    for (const members of bad) {
      refuses(json(members), JSON.stringify(members).slice(0, 60));
      expect(looksLikeSnp(json(members))).toBe(false);
    }
    refuses(new TextEncoder().encode('{"evidence":"","evidence":""}'));
    refuses(new Uint8Array([0x7b, 0xff]));
  });

  test('of 10 MB is refused before it is looked at', () => {
    const large = expect.objectContaining({ code: 'attest/too-large' });
    for (const first of [2, 0x7b]) {
      const bytes = new Uint8Array(10_000_000);
      bytes[0] = first;
      expect(() => parseSnpEvidence(bytes)).toThrowError(large);
      expect(looksLikeSnp(bytes)).toBe(false);
    }
  });
});

describe('a product', () => {
  test('has its own layout of TCB versions', () => {
    const tcb = { fmc: 1, bootloader: 2, tee: 3, snp: 4, microcode: 5 };
    expect([...writeTcb(tcb, 'Turin')]).toEqual([1, 2, 3, 4, 0, 0, 0, 5]);
    expect([...writeTcb({ ...tcb, fmc: 0 }, 'Milan')]).toEqual([2, 3, 0, 0, 0, 0, 4, 5]);
    for (const product of PRODUCTS) {
      const whole = product === 'Turin' ? tcb : { ...tcb, fmc: 0 };
      expect(readTcb(writeTcb(whole, product), product)).toEqual({ tcb: whole, plain: true });
      expect(readTcb(new Uint8Array(8).fill(1), product).plain).toBe(false);
    }
  });

  test('is told by family and model, of all steppings, and unknown ones are none', () => {
    const table: readonly (readonly [number, number, string | undefined])[] = [
      [0x19, 0x00, 'Milan'],
      [0x19, 0x0f, 'Milan'],
      [0x19, 0x10, 'Genoa'],
      [0x19, 0x1f, 'Genoa'],
      [0x19, 0x20, undefined],
      [0x19, 0x9f, undefined],
      [0x19, 0xa0, 'Genoa'],
      [0x19, 0xaf, 'Genoa'],
      [0x19, 0xb0, undefined],
      [0x1a, 0x00, 'Turin'],
      [0x1a, 0x11, 'Turin'],
      [0x1a, 0x12, undefined],
      [0x17, 0x31, undefined],
      [0, 0, undefined],
    ];
    for (const [family, model, product] of table)
      expect(productOfProcessor(family, model), `${family}/${model}`).toBe(product);
  });
});
