// Paths and lists of made-up vendors: what one of them would never issue, and what somebody puts beside the evidence.
import {
  authorityExtensions,
  type CertificateExtension,
  distinguishedName,
  issueCertificate,
  issueCrl,
  type IssuerKey,
  spkiOf,
  vendorKeys,
} from '@sealroom/testkit/vendors/issue-certificates';
import { der, derInteger, derSequence } from '@sealroom/testkit/vendors/write-der';
import { describe, expect, it } from 'vitest';
import { type Certificate, parseCertificate } from './certificate.ts';
import { verifyChain } from './chain.ts';
import { checkRevocation, crlProblem, parseCrl } from './crl.ts';

const AT = Date.parse('2026-06-01T12:00:00Z');
const DAY = 86_400_000;
const [BEGIN, END] = [AT - DAY, AT + DAY];
const SCHEME = 'ECDSA-SHA256';
const named = (name: string) => distinguishedName([['CN', name]]);
const keyOf = async (name: string): Promise<IssuerKey> => ({
  name: named(name),
  pair: await vendorKeys(SCHEME),
  scheme: SCHEME,
});

const root = await keyOf('root');
const middle = await keyOf('middle');
const lower = await keyOf('lower');
const end = await keyOf('end');
const stranger = await keyOf('stranger');

type Change = {
  readonly extensions?: readonly CertificateExtension[];
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly serial?: number;
};

async function issue(issuer: IssuerKey, subject: IssuerKey, change: Change = {}): Promise<Certificate> {
  const spki = await spkiOf(subject.pair);
  const { extensions = [], notBefore = BEGIN, notAfter = END, serial = 7 } = change;
  const bytes = await issueCertificate(issuer, {
    subject: subject.name,
    spki,
    serial,
    notBefore,
    notAfter,
    extensions,
  });
  return parseCertificate(bytes);
}

const authority = async (of: IssuerKey, pathLength?: number, crlSign = true) =>
  authorityExtensions(await spkiOf(of.pair), { ...(pathLength !== undefined && { pathLength }), crlSign });

const anchor = await issue(root, root, { extensions: await authority(root) });
const between = await issue(root, middle, { extensions: await authority(middle) });
const below = await issue(middle, lower, { extensions: await authority(lower) });
const leaf = await issue(middle, end);
const deep = await issue(lower, end);

async function problems(of: Certificate, intermediates: readonly Certificate[], at = AT): Promise<string[]> {
  const chain = await verifyChain(of, { intermediates, anchors: [anchor], at });
  return chain.problems.map(({ code }) => code);
}

describe('a path', () => {
  it('leads over one authority, or two, to the root, in whatever order they are given', async () => {
    expect(await problems(leaf, [between])).toEqual([]);
    expect(await problems(deep, [below, between])).toEqual([]);
    expect(await problems(deep, [between, below, leaf, deep])).toEqual([]);
  });

  it('is good from the first millisecond of a certificate to the last, and no longer', async () => {
    for (const [at, expected] of [
      [BEGIN, []],
      [END, []],
      [BEGIN - 1, ['not-yet-valid', 'not-yet-valid']],
      [END + 1, ['expired', 'expired']],
      [AT - 25 * 3_600_000, ['not-yet-valid', 'not-yet-valid']],
    ] as const)
      expect(await problems(leaf, [between], at), String(at)).toEqual(expected);
  });

  it('goes over no certificate that is no authority, may not sign, allows no such length, or has what is not understood', async () => {
    const critical: CertificateExtension = { oid: '2.5.29.30', critical: true, value: derSequence() };
    const usage = { oid: '2.5.29.15', critical: true, value: der(0x03, new Uint8Array([7, 0x80])) };
    const own = await authority(middle);
    const noUsage = own.filter(({ oid }) => oid !== '2.5.29.15');
    const noConstraints = own.filter(({ oid }) => oid !== '2.5.29.19');
    const bad: readonly (readonly [readonly CertificateExtension[], string])[] = [
      [noConstraints, 'not-a-ca'],
      [[], 'not-a-ca'],
      [[...noUsage, usage], 'key-usage'],
      [[...own, critical], 'critical-extension'],
    ];
    for (const [extensions, code] of bad)
      expect(await problems(leaf, [await issue(root, middle, { extensions })])).toEqual([code]);
    const short = await issue(root, middle, { extensions: await authority(middle, 0) });
    expect(await problems(leaf, [short])).toEqual([]);
    expect(await problems(deep, [below, short])).toEqual(['path-length']);
    const odd = await issue(middle, end, { extensions: [critical] });
    expect(await problems(odd, [between])).toEqual(['critical-extension']);
  });

  it('does not begin where names agree and keys do not, and does not lead around in a circle', async () => {
    const twin = { ...middle, pair: stranger.pair };
    const forged = await issue(stranger, twin, { extensions: await authority(twin) });
    expect(await problems(await issue(twin, end), [between, forged])).toEqual(['signature']);
    const one = await issue(stranger, lower, { extensions: await authority(lower) });
    const two = await issue(lower, stranger, { extensions: await authority(stranger) });
    expect(await problems(await issue(lower, end), [one, two])).toEqual(['no-path']);
    const self = await issue(stranger, stranger, { extensions: await authority(stranger) });
    expect(await problems(await issue(stranger, end), [self])).toEqual(['no-path']);
  });

  it('leads to the root that is pinned and not to another certificate of its name and key', async () => {
    // Whoever has no key of the vendor can write such a certificate all the same: nobody looks at its signature.
    const copy = {
      ...(await issue(stranger, root, { extensions: await authority(stranger) })),
      issuer: root.name,
    };
    const misled = { ...between, authorityKeyId: copy.subjectKeyId };
    const chain = await verifyChain(leaf, { intermediates: [copy, misled], anchors: [anchor], at: AT });
    expect(chain.problems).toEqual([]);
    expect(chain.path.at(-1)).toBe(anchor);
  });

  it('is not a certificate alone that has the name and key of a root, but for the pinned one', async () => {
    const copy = await issue(stranger, root, { extensions: [], notAfter: BEGIN });
    expect(await problems(copy, [])).not.toEqual([]);
    expect(await problems(copy, [anchor])).not.toEqual([]);
    expect(await problems(anchor, [])).toEqual([]);
    expect(await problems(parseCertificate(anchor.der), [])).toEqual([]);
  });

  it('is not found among very many certificates of its issuer’s name, and that ends', async () => {
    const twins = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const twin = { ...middle, pair: await vendorKeys(SCHEME) };
        return issue(twin, twin, { extensions: (await authority(twin)).slice(0, 2) });
      }),
    );
    const plain = await issue(root, middle, { extensions: (await authority(middle)).slice(0, 2) });
    expect(await problems(leaf, twins)).toEqual(['signature']);
    expect(await problems(leaf, [...twins, plain])).toEqual([]);
  });

  it('needs names that are the same bytes: another string type is another name', async () => {
    const printable = middle.name.slice();
    printable[printable.indexOf(0x0c)] = 0x13;
    const spelt = { ...middle, name: printable };
    expect(await problems(leaf, [await issue(root, spelt, { extensions: await authority(middle) })])).toEqual(
      ['no-path'],
    );
  });
});

describe('a list', () => {
  const list = async (change: Partial<Parameters<typeof issueCrl>[1]> = {}, by = root) =>
    parseCrl(await issueCrl(by, { serials: [], thisUpdate: BEGIN, nextUpdate: END, ...change }));
  const partial = (oid: string, critical: boolean, value: Uint8Array) => [{ oid, critical, value }];

  it('counts from its first millisecond until before its end', async () => {
    const crl = await list();
    expect(await crlProblem(crl, anchor, BEGIN)).toBeUndefined();
    expect(await crlProblem(crl, anchor, END - 1)).toBeUndefined();
    expect(await crlProblem(crl, anchor, END)).toBe('stale');
    expect(await crlProblem(crl, anchor, BEGIN - 1)).toBe('future');
    expect(await crlProblem(await list({ nextUpdate: undefined }), anchor, AT)).toBe('no-next-update');
  });

  // RFC 5280 wants both marked critical; a list that is not whole is none here either way.
  it.each([true, false])(
    'that is only part of one does not count, marked critical or not (%s)',
    async (critical) => {
      const scope = derSequence(der(0x82, new Uint8Array([0xff])));
      const delta = await list({ extensions: partial('2.5.29.27', critical, derInteger(1)) });
      const scoped = await list({ extensions: partial('2.5.29.28', critical, scope) });
      for (const crl of [delta, scoped]) expect(await crlProblem(crl, anchor, AT)).toBe('critical-extension');
    },
  );

  it('of others’ certificates, or with entries that are not understood, does not count', async () => {
    const entryExtensions = partial('2.5.29.29', true, derSequence());
    expect(await crlProblem(await list({ serials: [1], entryExtensions }), anchor, AT)).toBe(
      'critical-extension',
    );
    expect(
      await crlProblem(await list({ extensions: partial('1.2.3.4', true, derSequence()) }), anchor, AT),
    ).toBe('critical-extension');
    expect(
      await crlProblem(await list({ extensions: partial('2.5.29.20', false, derInteger(9)) }), anchor, AT),
    ).toBe(undefined);
  });

  it('names a certificate also where it says that it is to be taken off again', async () => {
    const reason = partial('2.5.29.21', false, der(0x0a, new Uint8Array([8])));
    const crl = await list({ serials: [7], entryExtensions: reason });
    const { problems: found } = await checkRevocation([between, anchor], { crls: [crl], at: AT });
    expect(found.map(({ code }) => code)).toEqual(['revoked']);
  });

  it('of the issuer’s name and another key, or of an issuer that may not sign lists, does not count', async () => {
    const forged = await list({}, { ...root, pair: stranger.pair });
    expect(await crlProblem(forged, anchor, AT)).toBe('signature');
    const mute = await issue(root, root, { extensions: await authority(root, undefined, false) });
    expect(await crlProblem(await list(), mute, AT)).toBe('key-usage');
    const found = await checkRevocation([between, anchor], { crls: [forged], at: AT });
    expect(found.problems.map(({ code }) => code)).toEqual(['unchecked']);
  });

  it('with fields that no list has, or in another order, is none', async () => {
    const good = await issueCrl(root, { serials: [], thisUpdate: BEGIN, nextUpdate: END });
    const bad = expect.objectContaining({ code: 'attest/bad-crl' });
    // 17 = UTCTime; a third one, or one with seconds that are none.
    const at = good.indexOf(0x17);
    const odd = good.slice();
    odd[at + 2 + 11] = 0x58;
    expect(() => parseCrl(odd)).toThrow(bad);
    const octets = good.slice();
    octets[at] = 0x04;
    expect(() => parseCrl(octets)).toThrow(bad);
    expect(parseCrl(good).nextUpdate).toBe(END);
  });
});
