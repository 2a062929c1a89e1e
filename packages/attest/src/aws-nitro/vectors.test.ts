// Genuine documents of AWS, each with the verdict of its README.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { judge } from '@sealroom/testkit/vendors/judge';
import { describe, expect, it } from 'vitest';
import { NO_COLLATERAL } from '../collateral.ts';
import { vendorRoots } from '../roots/roots.ts';
import { nitro } from './technology.ts';
import { parseNitro } from './parse.ts';

const folder = sharedVectors('aws-nitro');
const read = (name: string) => new Uint8Array(readFileSync(join(folder ?? '', name)));

const GOOD = 'evervault-valid-attestation-doc-bytes';
const DEBUG = 'evervault-debug-mode-attestation-doc-bytes';
const DEBUG_TEXT = 'evervault-valid-attestation-doc-base64';
const NOT_EVIDENCE = ['README.md', 'aws-nitro-root-g1.pem'];

/** The policy that pins this document, with the waiver that these old lists need. */
async function verdict(bytes: Uint8Array, { after = 1000, change = {} } = {}) {
  const document = parseNitro(bytes);
  const context = { at: document.timestamp + after, collateral: NO_COLLATERAL, roots: vendorRoots() };
  const entry = {
    ...nitro.pin(document),
    revocation: { waived: 'the revocation lists of that time are not kept' },
    ...change,
  };
  const reportData = document.userData ?? new Uint8Array(32);
  return judge('aws-nitro', bytes, { entry, context, binding: { reportData, hostData: new Uint8Array(32) } });
}

describe.skipIf(folder === undefined)('genuine Nitro documents', () => {
  it('are all of the folder', () => {
    expect(readdirSync(folder ?? '').toSorted()).toEqual(
      [GOOD, DEBUG, DEBUG_TEXT, ...NOT_EVIDENCE].toSorted(),
    );
  });

  it('are authentic, and of a released enclave, at their own time', async () => {
    const bytes = read(GOOD);
    const { appraisal, reasons } = await verdict(bytes);
    // This document has no user_data, which is taken for zeros.
    expect(reasons).toEqual([]);
    expect(appraisal.claims?.launch).toMatch(/^pcr0:f4d48b81/);
    expect((await verdict(bytes, { change: { revocation: 'required' } })).reasons).toContain(
      'revocation/unchecked',
    );
  });

  it('are refused now, as their certificates have expired', async () => {
    const after = Date.parse('2026-11-25T00:00:00Z') - parseNitro(read(GOOD)).timestamp;
    const { reasons } = await verdict(read(GOOD), { after });
    expect(new Set(reasons)).toEqual(new Set(['chain/expired', 'age']));
  });

  it.each([
    [DEBUG, (bytes: Uint8Array) => bytes],
    [DEBUG_TEXT, (bytes: Uint8Array) => new Uint8Array(Buffer.from(Buffer.from(bytes).toString(), 'base64'))],
  ] as const)('are refused for debug mode though registers 3 and 4 are set: %s', async (name, decode) => {
    const bytes = decode(read(name));
    const document = parseNitro(bytes);
    expect([3, 4].every((index) => document.pcrs.get(index)?.some((byte) => byte !== 0))).toBe(true);
    const { reasons, appraisal } = await verdict(bytes, { change: { pcrs: { 0: [], 1: [], 2: [] } } });
    expect(reasons).toEqual(['debug', 'pcr0', 'pcr1', 'pcr2']);
    expect(appraisal.claims?.debug).toBe(true);
  });

  it('are refused when any byte of payload or signature has changed', async () => {
    const bytes = read(GOOD);
    for (let at = 6; at < bytes.length; at += 97) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      const { reasons } = await judge('aws-nitro', changed, {
        entry: { ...nitro.pin(parseNitro(bytes)), revocation: { waived: 'not kept any more' } },
        context: { at: parseNitro(bytes).timestamp, collateral: NO_COLLATERAL, roots: vendorRoots() },
        binding: { reportData: new Uint8Array(), hostData: new Uint8Array() },
      });
      expect(
        reasons.some((one) => one === 'malformed' || one === 'signature'),
        `byte ${at}: ${reasons.join(' ')}`,
      ).toBe(true);
    }
  });
});
