// Genuine tokens of Azure Attestation, each with the verdict of its README. The keys that signed them were never published with
// them, so that their signatures cannot be checked: their claims are read, and they are refused.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { judge } from '@sealroom/testkit/vendors/judge';
import { describe, expect, it } from 'vitest';
import { NO_COLLATERAL } from '../collateral.ts';
import { vendorRoots } from '../roots/roots.ts';
import { appraiseMaa } from './appraise.ts';
import { hostDataIn, parseMaa, teeOf } from './parse.ts';
import { maa } from './technology.ts';
import type { MaaClaims } from './verify.ts';

const folder = sharedVectors('azure-maa');
const text = (name: string) => readFileSync(join(folder ?? '', name), 'utf8').trim();
const read = (name: string) => new TextEncoder().encode(text(name));

async function reasons(name: string, at: number) {
  const bytes = read(name);
  const context = { at, collateral: NO_COLLATERAL, roots: vendorRoots() };
  const binding = { reportData: new Uint8Array(32), hostData: new Uint8Array(32) };
  const judged = await judge('azure-maa', bytes, { entry: maa.pin(parseMaa(bytes)), context, binding });
  expect(judged.verdict).toBe('refused');
  return judged.reasons;
}

describe.skipIf(folder === undefined)('genuine tokens of Azure Attestation', () => {
  it('are all of the folder, and are read as their payload files say', () => {
    const names = ['azcvm-token-0', 'azcvm-token-1'];
    const files = names.flatMap((name) => [`${name}.jwt`, `${name}.payload.json`]);
    expect(readdirSync(folder ?? '').toSorted()).toEqual(['README.md', ...files]);
    for (const name of names)
      expect(parseMaa(read(`${name}.jwt`)).jwt.payload).toEqual(JSON.parse(text(`${name}.payload.json`)));
  });

  it('are refused for keys that are not known, in their own time and now', async () => {
    const inside = Date.parse('2023-03-30T10:51:00Z');
    const unknown = ['key-set', 'revocation', 'signature'];
    expect(await reasons('azcvm-token-1.jwt', inside)).toEqual(unknown);
    expect(await reasons('azcvm-token-1.jwt', Date.parse('2026-11-25T00:00:00Z'))).toEqual([
      ...unknown,
      'expired',
      'age',
    ]);
  });

  it('are refused for no isolation when the VM is not a confidential one', async () => {
    const found = await reasons('azcvm-token-0.jwt', Date.parse('2026-11-25T00:00:00Z'));
    expect(found).toEqual(['isolation', 'key-set', 'revocation', 'signature', 'expired', 'age']);
  });

  it('hold the claims that the appraisal wants, where they are a confidential VM’s', () => {
    const token = parseMaa(read('azcvm-token-1.jwt'));
    const found = teeOf(token.jwt);
    const entry = maa.pin(token);
    // As verify gives them; there is no key, so that they are taken as they stand here.
    const hostData = hostDataIn(found?.tee);
    const claims = { debug: false, payload: token.jwt.payload, hostData, ...found } as MaaClaims;
    expect(appraiseMaa(claims, entry).filter(({ outcome }) => outcome !== 'pass')).toEqual([]);
  });
});
