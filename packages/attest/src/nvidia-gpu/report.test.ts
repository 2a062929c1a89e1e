// The report's layout: each field that can be wrong.
import { type ReportOptions, reportBytes } from '@sealroom/testkit/vendors/nvidia-gpu';
import { describe, expect, test } from 'vitest';
import { parseGpuReport } from '../index.ts';
import { nonce } from './judge-for-tests.ts';

describe('a report', () => {
  const codeOf = (bytes: Uint8Array) => {
    try {
      parseGpuReport(bytes);
      return 'parsed';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };
  const whole = (change: Partial<ReportOptions> = {}) => {
    const bytes = reportBytes({ nonce, ...change });
    return Uint8Array.from([...bytes, ...new Uint8Array(96)]);
  };
  const patched = (at: number, value: number) => whole().with(at, value);

  test('is parsed as it is', () => {
    expect(codeOf(whole())).toBe('parsed');
  });

  test('may have one zero behind it that makes its length even, as some drivers write it', () => {
    const [even, odd] = [whole({ driver: '580.95.05' }), whole({ driver: '580.95.5' })];
    expect([even.length % 2, odd.length % 2]).toEqual([0, 1]);
    expect(codeOf(Uint8Array.from([...odd, 0]))).toBe('parsed');
    for (const more of [
      [...odd, 1],
      [...odd, 0, 0],
      [...odd, 0, 0, 0],
      [...even, 0],
      [...even, 0, 0],
    ])
      expect(codeOf(Uint8Array.from(more)), `${more.length}`).toBe('attest/malformed');
  });

  test.each<[string, () => Uint8Array]>([
    ['another version of SPDM', () => patched(0, 0x12)],
    ['another request', () => patched(1, 0xe1)],
    ['an unsigned request', () => patched(2, 0)],
    ['a request for one measurement', () => patched(3, 1)],
    ['another slot in the response', () => patched(40, 1)],
    ['another response', () => patched(38, 0x61)],
    ['fewer blocks than it says', () => patched(41, 63)],
    ['more blocks than it says', () => patched(41, 65)],
    ['a block out of order', () => patched(45, 9)],
    ['a block of another specification', () => patched(46, 2)],
    ['a raw measurement', () => patched(49, 0x81)],
    ['a digest of another length', () => patched(50, 47)],
    ['an opaque field twice', () => whole({ fields: [[3, '31']] })],
    ['a driver that is no text', () => whole({ driver: 'a b' })],
    ['a driver without an end', () => whole({ driver: 'x'.repeat(65) })],
    ['a VBIOS version of another form', () => whole({ vbios: '00a5009601000001' })],
    ['an NVDEC0 that is neither', () => whole({ nvdec0: 0x56 })],
    ['a mode that nobody knows', () => whole({ mode: 3 })],
    ['a firmware digest of another length', () => whole({ firmware: 'ab' })],
    ['a status of protected PCIe that is neither', () => whole({ fields: [[21, '00']] })],
  ])('is malformed with %s', (_, make) => {
    expect(codeOf(make())).toBe('attest/malformed');
  });
});
