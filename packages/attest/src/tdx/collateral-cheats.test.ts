// Someone cheats with certificates, lists or statements of a fake Intel; each cheat is refused by a check of its own.
import { utf8Encode } from '@sealroom/bytes';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { FakeIntel, timeText } from '@sealroom/testkit/vendors/intel';
import { describe, expect, it } from 'vitest';
import type { CollateralFile } from '../collateral.ts';
import { AT, DAY, files, intel, judge, other, reasons } from './world-for-tests.ts';

type TcbLevel = { readonly tcb: { readonly pcesvn: number } };
type Info = { readonly tcbLevels: readonly TcbLevel[] };

const tcbInfo = (from: readonly CollateralFile[]) => {
  const text = new TextDecoder().decode(from.find(({ name }) => name === 'tcb.json')?.bytes);
  return { text, value: (JSON.parse(text) as { tcbInfo: Info }).tcbInfo };
};

describe('a TD is refused for', () => {
  it('a platform whose key, or whose CA, has been revoked', async () => {
    const revoked = async (of: 'root' | 'pckCa', serials: readonly number[]) => {
      const name = of === 'root' ? 'root.crl' : 'pck.crl';
      const list = { [name]: await intel.crl(of, { serials }) };
      return reasons({ files: await intel.collateral('tdx', { files: list }) });
    };
    expect(await revoked('pckCa', [3])).toEqual(['tdx/revocation/revoked']);
    expect(await revoked('root', [2])).toEqual(['tdx/revocation/revoked']);
    expect(await revoked('root', [4])).toEqual([
      'tdx/tcb-info/revocation/revoked',
      'tdx/qe-identity/revocation/revoked',
      'tdx/tcb/status',
    ]);
    expect(await revoked('pckCa', [99])).toEqual([]);
  });

  it('lists that are stale, of the future, without an end, forged, of another CA, or not there', async () => {
    const withList = async (bytes: Uint8Array | undefined) =>
      reasons({ files: await intel.collateral('tdx', { files: { 'pck.crl': bytes } }) });
    const unchecked = ['tdx/revocation/unchecked'];
    expect(await withList(undefined)).toEqual(unchecked);
    expect(await withList(await intel.crl('pckCa', { nextUpdate: AT }))).toEqual(unchecked);
    expect(await withList(await intel.crl('pckCa', { thisUpdate: AT + 1000 }))).toEqual(unchecked);
    expect(await withList(await intel.crl('pckCa', { endless: true }))).toEqual(unchecked);
    expect(await withList(await intel.crl('root'))).toEqual(unchecked);
    expect(await withList(await other.crl('pckCa'))).toEqual(unchecked);
    const forged = (await intel.crl('pckCa')).slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expect(await withList(forged)).toEqual(unchecked);
  });

  it('nothing but a missing list, where the policy says why it goes without', async () => {
    const without = await intel.collateral('tdx', { files: { 'pck.crl': undefined } });
    const entry = { revocation: { waived: 'Intel’s service cannot be reached' } };
    const { checks, verdict } = await judge({ files: without, entry });
    expect(verdict).toBe('affirmed');
    expect(checks.filter(({ waived }) => waived).map(({ id }) => id)).toEqual(['tdx/revocation/unchecked']);
    const list = { 'pck.crl': await intel.crl('pckCa', { serials: [3] }) };
    expect(await reasons({ files: await intel.collateral('tdx', { files: list }), entry })).toEqual([
      'tdx/revocation/revoked',
    ]);
  });

  it('statements that are stale or of the future, also by an hour', async () => {
    const dated = async (issueDate: number, nextUpdate: number) => {
      const dates = { issueDate: timeText(issueDate), nextUpdate: timeText(nextUpdate) };
      return reasons({ files: await intel.collateral('tdx', { tcbInfo: dates, qeIdentity: dates }) });
    };
    const both = (what: string) => [`tdx/tcb-info/${what}`, `tdx/qe-identity/${what}`, 'tdx/tcb/status'];
    expect(await dated(AT - 30 * DAY, AT)).toEqual(both('stale'));
    expect(await dated(AT - 30 * DAY, AT - 3_600_000)).toEqual(both('stale'));
    expect(await dated(AT + 3_600_000, AT + 30 * DAY)).toEqual(both('future'));
    expect(await dated(AT - 3_600_000, AT + 3_600_000)).toEqual([]);
  });

  it('statements of other platforms, of SGX, of another version, or not there', async () => {
    const info = async (tcbInfo: object) => reasons({ files: await intel.collateral('tdx', { tcbInfo }) });
    expect(await info({ fmspc: '90C06F000000' })).toEqual(['tdx/tcb-info/platform', 'tdx/tcb/status']);
    expect(await info({ pceId: '0001' })).toEqual(['tdx/tcb-info/platform', 'tdx/tcb/status']);
    expect(await info({ id: 'SGX' })).toEqual(['tdx/tcb-info/missing', 'tdx/tcb/status']);
    expect(await info({ version: 2 })).toEqual(['tdx/tcb-info/malformed', 'tdx/tcb/status']);
    expect(await info({ tcbType: 1 })).toEqual(['tdx/tcb-info/malformed', 'tdx/tcb/status']);
    const left = async (name: string) =>
      reasons({ files: await intel.collateral('tdx', { files: { [name]: undefined } }) });
    expect(await left('tcb.json')).toEqual(['tdx/tcb-info/missing', 'tdx/tcb/status']);
    expect(await left('qe.json')).toEqual(['tdx/qe-identity/missing', 'tdx/tcb/status']);
    expect(await reasons({ files: await intel.collateral('tdx', { qeIdentity: { id: 'QE' } }) })).toEqual([
      'tdx/qe-identity/missing',
      'tdx/tcb/status',
    ]);
  });

  it('statements that another key of the vendor signed, that nobody signed, or that changed', async () => {
    const { text, value } = tcbInfo(files);
    const signed = async (by: 'pck' | 'pckCa' | 'root') => {
      const file = await intel.respond('tcbInfo', value, by);
      const { pckCa } = intel.certificates;
      const chain = utf8Encode(certificatesPem([pckCa]));
      return reasons({
        files: await intel.collateral('tdx', { files: { 'tcb.json': file, 'ca.pem': chain } }),
      });
    };
    expect(await signed('pckCa')).toEqual(['tdx/tcb-info/role', 'tdx/tcb/status']);
    expect(await signed('root')).toEqual(['tdx/tcb-info/role', 'tdx/tcb/status']);
    expect(await signed('pck')).toEqual(['tdx/tcb-info/signature', 'tdx/tcb/status']);
    const file = await other.respond('tcbInfo', value);
    const chain = utf8Encode(certificatesPem([other.certificates.tcbSigning]));
    expect(
      await reasons({
        files: await intel.collateral('tdx', { files: { 'tcb.json': file, 'other.pem': chain } }),
      }),
    ).toEqual(['tdx/tcb-info/chain/signature', 'tdx/tcb/status']);
    for (const [from, to] of [
      ['"OutOfDate"', '"UpToDate" '],
      ['"tcbEvaluationDataNumber":17', '"tcbEvaluationDataNumber":99'],
      ['{"tcbInfo":{', '{"tcbInfo":{ '],
    ] as const) {
      const bytes = utf8Encode(text.replace(from, to));
      expect(
        await reasons({ files: await intel.collateral('tdx', { files: { 'tcb.json': bytes } }) }),
        from,
      ).toEqual(['tdx/tcb-info/signature', 'tdx/tcb/status']);
    }
  });

  it('an old statement beside a new one, when the new one says that the platform is out of date', async () => {
    const late = await intel.collateral('tdx', {
      tcbInfo: { tcbEvaluationDataNumber: 18, tcbLevels: [] },
    });
    const levels = tcbInfo(files).value.tcbLevels.slice(1);
    const strict = await intel.collateral('tdx', {
      tcbInfo: { tcbEvaluationDataNumber: 18, tcbLevels: levels },
    });
    const both = (list: CollateralFile[]) => [
      ...files,
      ...list.filter(({ name }) => name === 'tcb.json').map((file) => ({ ...file, name: 'late.json' })),
    ];
    expect(await reasons({ files: both(strict) })).toEqual(['tdx/tcb/status', 'tdx/tcb/advisories']);
    expect(await reasons({ files: both(late) })).toEqual([]);
  });

  it('certificates beyond their dates', async () => {
    const at = async (
      what: 'pck' | 'pckCa' | 'tcbSigning',
      window: { notBefore: number; notAfter: number },
    ) => {
      const late = await FakeIntel.create(AT, { windows: { [what]: window } });
      return reasons({ from: late, roots: late.roots, files: await late.collateral('tdx') });
    };
    const past = { notBefore: AT - 2 * DAY, notAfter: AT - DAY };
    const future = { notBefore: AT + DAY, notAfter: AT + 2 * DAY };
    expect(await at('pck', past)).toEqual(['tdx/chain/expired']);
    expect(await at('pckCa', future)).toEqual(['tdx/chain/not-yet-valid']);
    expect(await at('tcbSigning', past)).toEqual([
      'tdx/tcb-info/chain/expired',
      'tdx/qe-identity/chain/expired',
    ]);
  });

  it('a platform below all levels, and one that is at an old one', async () => {
    const components = Array.from({ length: 16 }, () => 1);
    const weak = await FakeIntel.create(AT, { platform: { components } });
    const info = tcbInfo(files).value;
    const judged = async (tcbLevels: readonly object[]) =>
      reasons({
        from: weak,
        roots: weak.roots,
        files: await weak.collateral('tdx', { tcbInfo: { tcbLevels } }),
      });
    expect(await judged(info.tcbLevels)).toEqual(['tdx/tcb/level']);
    const pce = info.tcbLevels.map((level) => ({ ...level, tcb: { ...level.tcb, pcesvn: 14 } }));
    expect(await reasons({ files: await intel.collateral('tdx', { tcbInfo: { tcbLevels: pce } }) })).toEqual([
      'tdx/tcb/level',
    ]);
    const revoked = info.tcbLevels.map((level) => ({ ...level, tcbStatus: 'Revoked' }));
    expect(
      await reasons({ files: await intel.collateral('tdx', { tcbInfo: { tcbLevels: revoked } }) }),
    ).toEqual(['tdx/tcb/status']);
  });
});
