// Genuine tokens of Confidential Space, each with the verdict of its README.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { judge } from '@sealroom/testkit/vendors/judge';
import { describe, expect, it } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { vendorRoots } from '../roots/roots.ts';
import { parseConfidentialSpace } from './parse.ts';
import { confidentialSpace } from './technology.ts';

const folder = sharedVectors('gcp-confidential-space');
const file = (name: string) => readFileSync(join(folder ?? '', name), 'utf8');
const read = (name: string) => utf8Encode(file(name).trim());

const GENUINE = 'oak-valid.jwt';
const ALTERED = 'oak-invalid_signature.jwt';
const SELF_SIGNED = 'oak-confidential_space_valid.jwt';
const ROOTS = ['confidential_space_root.pem', 'oak-root.crt'];
/** The key of the self-signed token, which it brings itself. */
const KEY = 'oak-confidential_space_public_key.pem';
const INSIDE = Date.parse('2025-06-23T14:30:00Z');

async function judged(name: string, { at = INSIDE, change = {} } = {}) {
  const bytes = read(name);
  const entry = {
    ...confidentialSpace.pin(parseConfidentialSpace(bytes)),
    maxAgeSeconds: 3600,
    revocation: { waived: 'Google publishes no list of its leaves' },
    ...change,
  };
  const context = { at, collateral: NO_COLLATERAL, roots: vendorRoots() };
  const reportData = utf8Encode('a nonce between 10 and 74 characters');
  return judge('gcp-confidential-space', bytes, {
    entry,
    context,
    binding: { reportData, hostData: new Uint8Array() },
  });
}

describe.skipIf(folder === undefined)('genuine Confidential Space tokens', () => {
  it('are all of the folder', () => {
    const names = ['README.md', GENUINE, ALTERED, SELF_SIGNED, KEY, ...ROOTS];
    expect(readdirSync(folder ?? '').toSorted()).toEqual(names.toSorted());
  });

  it('bring the root that is pinned here, and the self-signed one its key', () => {
    for (const name of ROOTS) {
      const [root] = readCollateral([{ name, bytes: utf8Encode(file(name)) }]).certificates;
      expect(vendorRoots()['google-confidential-space']?.[0]?.der).toEqual(root?.der);
    }
    const spki = parseConfidentialSpace(read(SELF_SIGNED)).jwt.x5c[0]?.spki ?? new Uint8Array();
    const pem = file(KEY).replaceAll(/-----[^-]+-----|\s/g, '');
    expect(Buffer.from(spki).toString('base64')).toBe(pem);
  });

  it('are authentic inside their hour, and refused only because the image is a debug one', async () => {
    const { reasons, appraisal } = await judged(GENUINE);
    expect(appraisal.claims?.debug).toBe(true);
    // Google says nothing of the support of debug images.
    expect(reasons).toEqual(['debug', 'support']);
    expect(appraisal.checks.filter(({ outcome }) => outcome === 'pass').length).toBeGreaterThan(15);
    expect(new Set((await judged(GENUINE, { change: { revocation: 'required' } })).reasons)).toContain(
      'revocation/unchecked',
    );
  });

  it('are refused now, and an hour before', async () => {
    const now = (await judged(GENUINE, { at: Date.parse('2026-11-25T00:00:00Z') })).reasons;
    expect(now).toEqual(['chain/expired', 'expired', 'age']);
    expect((await judged(GENUINE, { at: INSIDE - 3_600_000 })).reasons).toEqual(['not-yet-valid']);
  });

  it('are refused when a letter of the signature is another', async () => {
    expect((await judged(ALTERED)).reasons).toEqual(['signature']);
  });

  it('are refused when they are signed with a certificate of their own', async () => {
    const { reasons } = await judged(SELF_SIGNED, { at: Date.parse('2025-07-01T00:00:00Z') });
    expect(reasons).toEqual(
      expect.arrayContaining([
        'issuer',
        'chain/whole',
        'chain/no-path',
        'chain/leaf',
        'chain/kid',
        'times',
        'age',
      ]),
    );
    expect(reasons).not.toContain('signature');
  });
});
