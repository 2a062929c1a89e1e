// A genuine result of NVIDIA's attestation service, with the verdict of its README, and the service's certificates.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexDecode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { judge } from '@sealroom/testkit/vendors/judge';
import { describe, expect, it } from 'vitest';
import { NO_COLLATERAL, readCollateral } from '../collateral.ts';
import { isObject } from '../jwt/parse.ts';
import { parseX5c } from '../jwt/parse.ts';
import { vendorRoots } from '../roots/roots.ts';
import { verifyChain } from '../x509/chain.ts';
import { appraiseNras } from './appraise.ts';
import { parseNras } from './parse.ts';
import { nras } from './technology.ts';
import type { NrasClaims } from './verify.ts';

const folder = sharedVectors('nvidia');
const text = (name: string) => readFileSync(join(folder ?? '', name), 'utf8');
const result = () => utf8Encode(text('nvsdk-hopperClaimsv3_detached_eat.json'));
const NONCE = '931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb';
const INSIDE = Date.parse('2025-06-11T00:35:00Z');

describe.skipIf(folder === undefined)('the genuine result', () => {
  it('is read as its decoded file says', () => {
    const { devices } = parseNras(result());
    const claims = Object.fromEntries([...devices].map(([name, { payload }]) => [name, payload]));
    expect(claims).toEqual(JSON.parse(text('nvsdk-hopperClaimsv3_decoded.json')));
  });

  it('is refused, as the key that signed it is not known, though its tokens belong together', async () => {
    const entry = nras.pin(parseNras(result()));
    const binding = { reportData: hexDecode(NONCE), hostData: new Uint8Array() };
    const context = { at: INSIDE, collateral: NO_COLLATERAL, roots: vendorRoots() };
    const inside = await judge('nvidia-nras', result(), { entry, context, binding });
    expect(inside.verdict).toBe('refused');
    expect(inside.reasons).toEqual(['key-set', 'revocation', 'signature', 'gpu-0/signature']);
    const now = { ...context, at: Date.parse('2026-11-25T00:00:00Z') };
    const late = await judge('nvidia-nras', result(), { entry, context: now, binding });
    expect(late.reasons).toEqual(expect.arrayContaining(['expired', 'gpu-0/expired']));
  });

  it('holds the claims that the appraisal wants', () => {
    const parsed = parseNras(result());
    const devices = [...parsed.devices].map(([name, { payload }]) => [name, payload] as const);
    // As verify gives them; there is no key, so that they are taken as they stand here.
    const claims = { overall: parsed.overall.payload, devices } as unknown as NrasClaims;
    const failed = appraiseNras(claims, nras.pin(parsed)).filter(({ outcome }) => outcome !== 'pass');
    expect(failed).toEqual([]);
  });

  it('has authorities that are pinned here, which do not certify the service’s later key', async () => {
    const pinned = readCollateral([{ name: 'a.pem', bytes: utf8Encode(text('openpcc-nras_root.pem')) }]);
    const anchors = vendorRoots()['nvidia-nras'] ?? [];
    expect(anchors.map(({ der }) => der)).toEqual(pinned.certificates.map(({ der }) => der));
    const value: unknown = JSON.parse(text('attrs-nras_gpu_x5c_chain.json'));
    const [leaf, ...intermediates] = parseX5c(isObject(value as never) ? (value as never)['x5c'] : undefined);
    if (!leaf) throw new Error('The vector holds no certificate.');
    const at = Date.parse('2026-06-09T00:00:00Z');
    const chain = await verifyChain(leaf, { intermediates, anchors, at });
    expect(chain.problems.map(({ code }) => code)).toEqual(['no-path']);
    // Its own chain is whole up to there: the leaf under "GPU Intermediate 004".
    const own = await verifyChain(leaf, { intermediates: [], anchors: intermediates, at });
    expect(own.problems).toEqual([]);
  });
});
