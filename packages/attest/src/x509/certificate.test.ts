// Certificates in forms that DER does not have, or with fields that no certificate has: what one reader passes over another acts
// on, so that they are none. Nobody signed these; that is for chain.ts to find.
import { concat, hexDecode, utf8Encode } from '@sealroom/bytes';
import { distinguishedName, spkiOf, vendorKeys } from '@sealroom/testkit/vendors/issue-certificates';
import {
  der,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derTime,
} from '@sealroom/testkit/vendors/write-der';
import { expect, it } from 'vitest';
import { type Certificate, parseCertificate } from './certificate.ts';
import { parseCrl } from './crl.ts';

const ECDSA = derSequence(derOid('1.2.840.10045.4.3.2'));
const NAME = distinguishedName([['CN', 'someone']]);
const SPKI = await spkiOf(await vendorKeys('ECDSA-SHA256'));
const BEGIN = Date.parse('2026-01-01T00:00:00Z');
const END = Date.parse('2050-01-01T00:00:00Z');
const NOTHING = new Uint8Array();

type Fields = 'version' | 'serial' | 'validity' | 'subject' | 'rest' | 'outer';

function certificate(change: { readonly [field in Fields]?: Uint8Array } = {}): Uint8Array<ArrayBuffer> {
  const {
    version = der(0xa0, derInteger(2)),
    serial = derInteger(5),
    validity = derSequence(derTime(BEGIN), derTime(END)),
    subject = NAME,
    rest = NOTHING,
    outer = ECDSA,
  } = change;
  const tbs = derSequence(version, serial, ECDSA, NAME, validity, subject, SPKI, rest);
  const signature = derSequence(derInteger(1), derInteger(1));
  return derSequence(tbs, outer, der(0x03, new Uint8Array(1), signature));
}

const extensions = (...list: readonly Uint8Array[]) => der(0xa3, derSequence(...list));
const extension = (oid: string, value: Uint8Array, critical: Uint8Array = NOTHING) =>
  derSequence(derOid(oid), critical, derOctets(value));
const HARMLESS = extensions(extension('1.2.3.4', NOTHING));
const bad = expect.objectContaining({ code: 'attest/bad-certificate' });

it('is read when it is as it should be, with times of both kinds', () => {
  const read: Certificate = parseCertificate(certificate({ rest: HARMLESS }));
  expect([read.serial, read.notBefore, read.notAfter, read.ca]).toEqual(['05', BEGIN, END, false]);
  expect(parseCertificate(certificate({ serial: hexDecode('02020080') })).serial).toBe('0080');
  expect(parseCertificate(certificate({ serial: hexDecode('020100') })).serial).toBe('00');
  const zones: readonly (readonly [string, string])[] = [
    ['491231235959Z', '2049-12-31T23:59:59.000Z'],
    ['500101000000Z', '1950-01-01T00:00:00.000Z'],
  ];
  for (const [text, time] of zones) {
    const validity = derSequence(der(0x17, utf8Encode(text)), derTime(END));
    expect(new Date(parseCertificate(certificate({ validity })).notBefore).toISOString()).toBe(time);
  }
});

// The frame is not signed, so that only one can be right: whoever changed it would make another certificate of one.
it('is refused, as a list is, in a frame that is no SEQUENCE', () => {
  const good = certificate({ rest: HARMLESS });
  const list = (tag: number) => {
    const tbs = derSequence(derInteger(1), ECDSA, NAME, derTime(BEGIN), derTime(END));
    return der(tag, tbs, ECDSA, der(0x03, new Uint8Array(1), derSequence(derInteger(1), derInteger(1))));
  };
  expect(parseCrl(list(0x30)).nextUpdate).toBe(END);
  for (const tag of [0x10, 0x31, 0x61, 0x70, 0xa0, 0xb0, 0xbc, 0xf0]) {
    expect(() => parseCertificate(concat(Uint8Array.of(tag), good.subarray(1))), `tag ${tag}`).toThrow(bad);
    expect(() => parseCrl(list(tag)), `list, tag ${tag}`).toThrow(
      expect.objectContaining({ code: 'attest/bad-crl' }),
    );
  }
});

// A serial in two forms would not be found in a list that has the other.
it.each(['0200', '02020005', '0202ffff', '2203020105', '040105'])(
  'with the serial number %s is none',
  (hex) => {
    expect(() => parseCertificate(certificate({ serial: hexDecode(hex) }))).toThrow(bad);
  },
);

// The library took some of these for 1899, and others for the time of the machine's own zone.
it.each([
  [0x17, '260101000000+0100'],
  [0x17, '2601010000Z'],
  [0x17, '26010100000Z'],
  [0x17, '2x0101000000Z'],
  [0x17, '260230000000Z'],
  [0x17, '20260101000000Z'],
  [0x17, ''],
  [0x18, '20260101000000'],
  [0x18, '20260101000000.5Z'],
  [0x18, '20260101000000+0000'],
  [0x18, '20261301000000Z'],
  [0x18, '20260101240000Z'],
  [0x18, '20260101000060Z'],
  [0x18, '20260101000000ZZ'],
  [0x18, '260101000000Z'],
  [0x04, '20260101000000Z'],
])('that begins at a time of type %i written %j is none', (tag, text) => {
  const time = der(tag, utf8Encode(text));
  expect(() => parseCertificate(certificate({ validity: derSequence(time, derTime(END)) }))).toThrow(bad);
  expect(() => parseCertificate(certificate({ validity: derSequence(derTime(BEGIN), time) }))).toThrow(bad);
});

const TRUE = der(0x01, new Uint8Array([0xff]));

it.each([
  ['a truth of 01', { rest: extensions(extension('1.2.3.4', NOTHING, hexDecode('010101'))) }],
  ['a truth of two bytes', { rest: extensions(extension('1.2.3.4', NOTHING, hexDecode('0102ffff'))) }],
  ['a truth of none', { rest: extensions(extension('1.2.3.4', NOTHING, hexDecode('0100'))) }],
  ['an authority whose truth is 01', { rest: extensions(extension('2.5.29.19', hexDecode('3003010101'))) }],
  [
    'something behind an extension',
    { rest: extensions(extension('2.5.29.19', concat(derSequence(), TRUE))) },
  ],
  ['an extension twice', { rest: extensions(extension('1.2.3.4', NOTHING), extension('1.2.3.4', NOTHING)) }],
  ['extensions twice', { rest: concat(HARMLESS, HARMLESS) }],
  ['something behind its extensions', { rest: concat(HARMLESS, derInteger(1)) }],
  ['extensions before an identifier', { rest: concat(HARMLESS, der(0x82, new Uint8Array([0, 1]))) }],
  ['a third time', { validity: derSequence(derTime(BEGIN), derTime(END), derTime(END)) }],
  ['one time', { validity: derSequence(derTime(BEGIN)) }],
  ['another algorithm outside', { outer: derSequence(derOid('1.2.840.10045.4.3.3')) }],
  ['version 1', { version: NOTHING }],
  ['version 2', { version: der(0xa0, derInteger(1)) }],
  ['version 4', { version: der(0xa0, derInteger(3)) }],
] as const)('with %s is none', (_, change) => {
  expect(() => parseCertificate(certificate(change))).toThrow(bad);
});

it('is none in the forms of BER: of indefinite length, of longer lengths than needed, in parts, or with bytes behind it', () => {
  const whole = certificate();
  const content = whole.subarray(4);
  const length = content.length;
  for (const bytes of [
    concat(new Uint8Array([0x30, 0x80]), content, new Uint8Array(2)),
    concat(new Uint8Array([0x30, 0x83, 0, length >> 8, length & 0xff]), content),
    concat(whole, new Uint8Array(1)),
    certificate({ subject: hexDecode('3000').map((byte, i) => (i === 0 ? 0x10 : byte)) }),
    certificate({ rest: extensions(extension('2.5.29.15', hexDecode('23050303020104'))) }),
  ])
    expect(() => parseCertificate(bytes)).toThrow(bad);
});

it('of 10 MB is refused before it is looked at', () => {
  expect(() => parseCertificate(new Uint8Array(10_000_000).fill(0x30))).toThrow(
    expect.objectContaining({ code: 'attest/too-large' }),
  );
});

it('leaves out a name that stands twice, so that none of the two counts', () => {
  const subject = distinguishedName([
    ['CN', 'SEV-VCEK'],
    ['CN', 'SEV-VLEK'],
    ['O', 'one'],
  ]);
  const { subjectNames } = parseCertificate(certificate({ subject }));
  expect([...subjectNames]).toEqual([['2.5.4.10', 'one']]);
});
