// Cheats with keys, dates, revocation and bytes: each is refused by a check of its own. The numbers in brackets are those of the
// reported bugs of peers.
import { base64urlEncode, bytesEqual, concat, hexEncode } from '@sealroom/bytes';
import {
  fakeAmd,
  SNP_GUIDS,
  SNP_TCB,
  snpCertificateTable,
  snpChipId,
} from '@sealroom/testkit/vendors/sev-snp';
import { beforeAll, describe, expect, test } from 'vitest';
import { appraiseEvidence, isReason, readCollateral } from '../index.ts';
import { parseCertificate } from '../x509/certificate.ts';
import {
  bothIssuers,
  NOW,
  HOUR,
  DAY,
  reportData,
  hostData,
  binding,
  vendor,
  vcek,
  vlek,
  policyOf,
  judge,
  reasons,
  VLEK_ENTRY,
  VLEK_FIELDS,
  fakeRoots,
  listOf,
  makeVendors,
  type Given,
} from './judge-for-tests.ts';

beforeAll(makeVendors);

describe('endorsement keys in another’s place', () => {
  test('a provider’s key is not taken for a chip’s, nor a chip’s for a provider’s (1)', async () => {
    expect(await reasons({ key: vlek('Milan'), entry: VLEK_ENTRY })).toEqual(['signing-key']);
    expect(await reasons({ fields: { flags: 0x04 }, entry: VLEK_ENTRY })).toEqual(['signing-key']);
    expect(await reasons({ fields: { flags: 7 << 2 } })).toEqual(['signing-key']);
    expect(await reasons({ fields: { flags: 3 << 2 } })).toEqual(['signing-key']);
    expect(await reasons({ fields: { flags: 0x02 } })).toEqual(['signing-key']);
  });

  test('the two signing keys do not issue each other’s kind (1)', async () => {
    const { ask, asvk } = vendor('Milan');
    const byAsvk = await vendor('Milan').endorse('VCEK', { issuer: asvk });
    expect(await reasons({ key: byAsvk })).toEqual(['ladder']);
    const byAsk = await vendor('Milan').endorse('VLEK', { issuer: ask });
    expect(await reasons({ key: byAsk, fields: VLEK_FIELDS, entry: VLEK_ENTRY })).toEqual(['ladder']);
    const byArk = await vendor('Milan').endorse('VCEK', { issuer: vendor('Milan').ark });
    expect(await reasons({ key: byArk })).toEqual(['ladder', 'product/root']);
  });

  test('a certificate without its chip, with a chip and a provider, or with a wrong name is none (1, 2)', async () => {
    const HWID = '1.3.6.1.4.1.3704.1.4';
    const provider = { oid: '1.3.6.1.4.1.3704.1.5', value: new Uint8Array([0x16, 1, 0x61]) };
    const bad = [
      await vendor('Milan').endorse('VCEK', { change: (all) => all.filter(({ oid }) => oid !== HWID) }),
      await vendor('Milan').endorse('VCEK', { change: (all) => [...all, provider] }),
      await vendor('Milan').endorse('VLEK', { commonName: 'SEV-VCEK' }),
      await vendor('Milan').endorse('VCEK', { hwid: new Uint8Array(63) }),
      await vendor('Milan').endorse('VCEK', { hwid: new Uint8Array(8) }),
      await vendor('Milan').endorse('VCEK', { product: 'Naples' }),
      await vendor('Milan').endorse('VCEK', { commonName: 'SEV-Milan' }),
      await vendor('Milan').endorse('VCEK', {
        change: (all) => [...all, { oid: HWID, value: snpChipId('Milan') }],
      }),
      await vendor('Milan').endorse('VCEK', {
        change: (all) => all.filter(({ oid }) => !oid.endsWith('.3.3')),
      }),
      await vendor('Turin').endorse('VCEK', {
        change: (all) => all.filter(({ oid }) => !oid.endsWith('.3.9')),
      }),
    ];
    for (const key of bad.slice(0, 7)) expect(await reasons({ key })).toEqual(['endorsement-key']);
    // An extension that stands twice makes it no certificate at all.
    const [twice, unknowing, layout] = bad.slice(7);
    if (!twice || !unknowing || !layout) throw new Error('Not all were made.');
    expect(() => parseCertificate(twice.certificate)).toThrowError(
      expect.objectContaining({ code: 'attest/bad-certificate' }),
    );
    expect(await reasons({ key: unknowing })).toEqual(['endorsement-key']);
    expect(await reasons({ key: layout, product: 'Turin' })).toEqual(['endorsement-key']);
  });

  test('the chip may be wrapped into an OCTET STRING, exactly', async () => {
    const wrap = (...head: number[]) => concat(new Uint8Array(head), snpChipId('Milan'));
    expect(await reasons({ key: await vendor('Milan').endorse('VCEK', { hwid: wrap(4, 64) }) })).toEqual([]);
    expect(await reasons({ key: await vendor('Milan').endorse('VCEK', { hwid: wrap(5, 64) }) })).toEqual([
      'endorsement-key',
    ]);
  });

  test('another product’s certificates, processor or layout do not fit', async () => {
    // Milan's key says Genoa, or the processor is another.
    const lying = await vendor('Milan').endorse('VCEK', { product: 'Genoa' });
    expect(await reasons({ key: lying })).toEqual(['ladder', 'product/root', 'product']);
    expect(await reasons({ fields: { processor: [0x19, 0x11, 1] } })).toEqual(['product']);
    expect(await reasons({ fields: { processor: [0x1b, 0x01, 1] } })).toEqual(['product']);
    for (const model of [0x10, 0xa0, 0xaf])
      expect(await reasons({ product: 'Genoa', fields: { processor: [0x19, model, 2] } })).toEqual([]);
    const stray = (bytes: Uint8Array) => bytes.set([9], 0x38 + 3);
    expect(await reasons({ fields: { patch: stray } })).toEqual(['tcb-layout']);
  });

  test('an unpinned vendor, or a root that only comes beside the report, vouches for nothing', async () => {
    const other = await fakeAmd('Milan', NOW);
    const key = await other.endorse('VCEK');
    const beside = [key.certificate, other.askCertificate, other.root, await other.revocationList()];
    // The same names under other keys: the path ends with a signature that is not that of the pinned root.
    expect(await reasons({ key, beside })).toEqual(['chain/signature']);
    const table = snpCertificateTable([
      [SNP_GUIDS.VCEK, key.certificate],
      [SNP_GUIDS.ASK, other.askCertificate],
      [SNP_GUIDS.ARK, other.root],
    ]);
    const after = (body: Uint8Array) => concat(body, table);
    expect(await reasons({ key, beside: [], after })).toEqual(['chain/signature']);
  });

  test('of several, the one of chip and TCB is taken, wherever it stands', async () => {
    const product = 'Turin';
    const others = [
      await vendor(product).endorse('VCEK', { hwid: new Uint8Array(8).fill(1) }),
      await vendor(product).endorse('VCEK', { tcb: { ...SNP_TCB, snp: 1 } }),
      await vendor(product).endorse('VCEK', { notAfter: NOW - DAY, pair: vcek(product).pair }),
      vlek(product),
    ].map(({ certificate }) => certificate);
    const needed = [...bothIssuers(product), listOf(product)];
    expect(await reasons({ product, beside: [vcek(product).certificate, ...others, ...needed] })).toEqual([]);
    expect(await reasons({ product, beside: [...others, vcek(product).certificate, ...needed] })).toEqual([]);
    expect(await reasons({ product, beside: [...others, ...needed] })).toEqual(['chain/expired']);
  });

  test('of several providers’ keys of one TCB, the one that signed is taken and named', async () => {
    const key = await vendor('Milan').endorse('VLEK', { provider: 'CN=second.example' });
    const beside = [vlek('Milan').certificate, key.certificate, ...bothIssuers('Milan'), listOf('Milan')];
    const given = { key, beside, fields: VLEK_FIELDS };
    expect(await reasons({ ...given, entry: VLEK_ENTRY })).toEqual(['vlek']);
    expect(await reasons({ ...given, entry: { vlek: { cspIds: ['CN=second.example'] } } })).toEqual([]);
    const { claims } = await judge({ ...given, entry: VLEK_ENTRY });
    expect(claims?.platform).toBe('sev-snp:provider:CN=second.example');
  });
});

describe('dates and revocation', () => {
  test('a verifier’s clock an hour off refuses what began or ended within that hour', async () => {
    const key = await vendor('Milan').endorse('VCEK', { notBefore: NOW - 1000, notAfter: NOW + 1000 });
    expect(await reasons({ key })).toEqual([]);
    expect(await reasons({ key, at: NOW - HOUR })).toEqual(['chain/not-yet-valid']);
    expect(await reasons({ key, at: NOW + HOUR })).toEqual(['chain/expired']);
  });

  const without = (given: Given) => ({
    ...given,
    beside: [vcek('Milan').certificate, ...bothIssuers('Milan'), ...(given.beside ?? [])],
  });

  test('a revoked signing key or root is refused, also where revocation is waived (1, 5)', async () => {
    const revoking = async (serial: number) =>
      without({ beside: [await vendor('Milan').revocationList({ serials: [serial] })] });
    const waived = { revocation: { waived: 'a test of revocation' } };
    for (const serial of [0x10001, 0x10000]) {
      expect(await reasons(await revoking(serial))).toEqual(['revocation/revoked']);
      expect(await reasons({ ...(await revoking(serial)), entry: waived })).toEqual(['revocation/revoked']);
    }
    expect(await reasons(await revoking(0x10101))).toEqual([]);
    const key = vlek('Milan');
    const list = await vendor('Milan').revocationList({ serials: [0x10101] });
    const beside = [key.certificate, ...bothIssuers('Milan'), list];
    expect(await reasons({ key, beside, fields: VLEK_FIELDS, entry: VLEK_ENTRY })).toEqual([
      'revocation/revoked',
    ]);
  });

  test('a list that is absent, stale, from the future, endless or another’s counts as none (5, 6)', async () => {
    const { ask } = vendor('Milan');
    const bad = [
      [],
      [await vendor('Milan').revocationList({ nextUpdate: NOW - 1000 })],
      [await vendor('Milan').revocationList({ thisUpdate: NOW + HOUR })],
      [await vendor('Milan').revocationList({ nextUpdate: undefined })],
      [await vendor('Milan').revocationList({ issuer: { ...ask, name: vendor('Milan').ark.name } })],
      [await vendor('Milan').revocationList({ issuer: ask })],
      [listOf('Genoa')],
    ];
    const waived = { revocation: { waived: 'no list can be had here' } };
    for (const [index, beside] of bad.entries()) {
      const given = without({ beside });
      expect(await reasons(given), `list ${index}`).toEqual(['revocation/unchecked', 'revocation/unchecked']);
      const { verdict, checks } = await judge({ ...given, entry: waived });
      expect(verdict).toBe('affirmed');
      expect(checks.filter(({ outcome }) => outcome === 'skipped').map((one) => one.waived)).toEqual([
        'no list can be had here',
        'no list can be had here',
      ]);
    }
  });

  test('a good list is found among bad ones, and a revocation in any good one counts', async () => {
    const stale = await vendor('Milan').revocationList({ nextUpdate: NOW - 1000, serials: [0x10001] });
    expect(await reasons(without({ beside: [stale, listOf('Milan')] }))).toEqual([]);
    const revoking = await vendor('Milan').revocationList({ serials: [0x10001] });
    expect(await reasons(without({ beside: [listOf('Milan'), revoking] }))).toEqual(['revocation/revoked']);
  });

  test('what was found of certificates and lists does not outlive their dates', async () => {
    const list = await vendor('Milan').revocationList({ nextUpdate: NOW + HOUR });
    const report = await vendor('Milan').report(vcek('Milan'), {
      reportData: concat(reportData, new Uint8Array(32)),
      hostData,
    });
    const files = [vcek('Milan').certificate, ...bothIssuers('Milan'), list];
    const collateral = readCollateral(files.map((bytes, index) => ({ name: String(index), bytes })));
    const evidence = { technology: 'sev-snp', body: base64urlEncode(report) } as const;
    const at = async (time: number) =>
      (
        await appraiseEvidence(evidence, policyOf({}, []), {
          binding,
          context: { at: time, collateral, roots: fakeRoots() },
        })
      ).verdict;
    expect(await at(NOW)).toBe('affirmed');
    expect(await at(NOW + 2 * HOUR)).toBe('refused');
    expect(await at(NOW + 30 * 365 * DAY)).toBe('refused');
    expect(await at(NOW)).toBe('affirmed');
  });
});

describe('bytes that were changed', () => {
  test('every byte under the signature, and the signature itself, is signed (10)', async () => {
    const report = await vendor('Genoa').report(vcek('Genoa'), {
      reportData: concat(reportData, new Uint8Array(32)),
      hostData,
    });
    const files = [vcek('Genoa').certificate, ...bothIssuers('Genoa'), listOf('Genoa')];
    const collateral = readCollateral(files.map((bytes, index) => ({ name: String(index), bytes })));
    const context = { at: NOW, collateral, roots: fakeRoots() };
    const judged = async (body: Uint8Array) =>
      appraiseEvidence({ technology: 'sev-snp', body: base64urlEncode(body) }, policyOf({}, []), {
        binding,
        context,
      });
    expect((await judged(report)).verdict).toBe('affirmed');
    for (let at = 0; at < report.length; at++) {
      const changed = report.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const { verdict, checks, claims } = await judged(changed);
      expect(verdict, `byte ${at}`).toBe('refused');
      expect(claims, `byte ${at}`).toBeUndefined();
      const ids = checks.filter(isReason).map(({ id }) => id);
      expect(ids.includes('sev-snp/signature') || ids.includes('sev-snp/malformed'), `byte ${at}`).toBe(true);
    }
  });

  test('s and its negative both verify, and give the same claims: no part of the decision is the signature’s bytes', async () => {
    const order = BigInt(
      '0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
    );
    const negate = (body: Uint8Array) => {
      const cell = body.slice(0x2a0 + 72, 0x2a0 + 72 + 48).reverse();
      const negative = (order - BigInt(`0x${hexEncode(cell)}`)).toString(16).padStart(96, '0');
      const out = body.slice();
      for (let i = 0; i < 48; i++)
        out[0x2a0 + 72 + i] = Number.parseInt(negative.slice(94 - 2 * i, 96 - 2 * i), 16);
      return out;
    };
    const { verdict, claims } = await judge({ after: negate });
    const { claims: same } = await judge({});
    expect(verdict).toBe('affirmed');
    expect(claims && same && bytesEqual(claims.reportData, same.reportData)).toBe(true);
  });
});
