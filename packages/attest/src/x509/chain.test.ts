// Vendors' own certificates and lists, from the shared vectors.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, it } from 'vitest';
import { readCollateral } from '../collateral.ts';
import { verifyChain } from './chain.ts';
import { parseCertificate } from './certificate.ts';
import { checkRevocation, crlProblem, parseCrl } from './crl.ts';

const folder = sharedVectors('sev-snp');
const at = (time: string) => Date.parse(time);
const NOW = at('2026-11-25T00:00:00Z');

describe.skipIf(folder === undefined)('AMD certificates', () => {
  const read = (...names: string[]) =>
    readCollateral(names.map((name) => ({ name, bytes: readFileSync(join(folder ?? '', name)) })));
  const codes = ({ problems }: { problems: readonly { code: string }[] }) => problems.map(({ code }) => code);
  const milan = read('amd-ask_ark_milan.pem').certificates;
  const genoa = read('msft-genoa-ask.pem', 'msft-genoa-ark.pem').certificates;
  const vcek = read('coco-test-vcek.der').certificates[0];
  const genoaVcek = read('msft-genoa-vcek.pem').certificates[0];
  const anchorsOf = (chain: typeof milan) => chain.slice(-1);

  it('lead from a VCEK over the ASK to the pinned ARK', async () => {
    if (!vcek || !genoaVcek) throw new Error('The vector holds no certificate.');
    const chain = await verifyChain(vcek, { intermediates: milan, anchors: anchorsOf(milan), at: NOW });
    expect(codes(chain)).toEqual([]);
    expect(chain.path).toHaveLength(3);
    const other = await verifyChain(genoaVcek, { intermediates: genoa, anchors: anchorsOf(genoa), at: NOW });
    expect(codes(other)).toEqual([]);
  });

  it('lead nowhere under another product’s root, or when the root is only offered', async () => {
    if (!vcek) throw new Error('The vector holds no certificate.');
    const wrong = await verifyChain(vcek, { intermediates: milan, anchors: anchorsOf(genoa), at: NOW });
    expect(codes(wrong)).toContain('no-path');
    expect(codes(await verifyChain(vcek, { intermediates: milan, anchors: [], at: NOW }))).toContain(
      'no-path',
    );
  });

  it('are refused before and after their time', async () => {
    if (!vcek) throw new Error('The vector holds no certificate.');
    const verify = (time: number) =>
      verifyChain(vcek, { intermediates: milan, anchors: anchorsOf(milan), at: time });
    expect(codes(await verify(vcek.notBefore - 1))).toContain('not-yet-valid');
    expect(codes(await verify(vcek.notAfter + 1))).toContain('expired');
  });

  it('cannot stand in another place: a leaf issues nothing', async () => {
    if (!vcek) throw new Error('The vector holds no certificate.');
    const chain = await verifyChain(vcek, { intermediates: [vcek], anchors: anchorsOf(milan), at: NOW });
    expect(codes(chain)).toContain('no-path');
  });

  it('are refused when any byte of the signed part changed', async () => {
    if (!vcek) throw new Error('The vector holds no certificate.');
    let parsed = 0;
    for (let i = 8; i < vcek.tbs.length; i += 7) {
      const der = vcek.der.slice();
      der[i] = (der[i] ?? 0) ^ 1;
      let changed: typeof vcek;
      try {
        changed = parseCertificate(der);
      } catch {
        continue;
      }
      parsed += 1;
      const chain = await verifyChain(changed, { intermediates: milan, anchors: anchorsOf(milan), at: NOW });
      expect(chain.problems.length, `byte ${i}`).toBeGreaterThan(0);
    }
    expect(parsed).toBeGreaterThan(20);
  });

  it('are held against the list of their issuer, within its window only', async () => {
    const crl = read('openpcc-test_amd_genoa_crl.pem').crls[0];
    const [ask, ark] = genoa;
    if (!crl || !ask || !ark) throw new Error('The vector holds no list.');
    expect(await crlProblem(crl, ark, at('2025-06-01T00:00:00Z'))).toBeUndefined();
    expect(await crlProblem(crl, ark, NOW)).toBe('stale');
    expect(await crlProblem(crl, ark, at('2024-01-01T00:00:00Z'))).toBe('future');
    expect(crl.revoked).toContain('020001');
    const check = async (time: string) =>
      codes(await checkRevocation([ask, ark], { crls: [crl], at: at(time) }));
    expect(await check('2025-06-01T00:00:00Z')).toEqual([]);
    expect(await check('2026-11-25T00:00:00Z')).toEqual(['unchecked']);
    const revoked = { ...ask, serial: '020001' };
    expect(
      codes(await checkRevocation([revoked, ark], { crls: [crl], at: at('2025-06-01T00:00:00Z') })),
    ).toEqual(['revoked']);
    const milanArk = milan.at(-1);
    if (!milanArk) throw new Error('The vector holds no certificate.');
    const forged = parseCrl(crl.der.map((byte, i) => (i === crl.der.length - 1 ? byte ^ 1 : byte)));
    expect(await crlProblem(forged, ark, at('2025-06-01T00:00:00Z'))).toBe('signature');
    expect(await crlProblem(crl, milanArk, at('2025-06-01T00:00:00Z'))).toBe('signature');
  });
});

const others: readonly [string, readonly string[]][] = [
  ['tdx', ['intel-sgx-root-ca.pem', 'gotdx-rootcrl.der', 'gotdx-pckcrl']],
  ['aws-nitro', ['aws-nitro-root-g1.pem']],
  [
    'azure-vtpm',
    [
      'openpcc-azure_tpm_root_2023.pem',
      'openpcc-azure_tpm_intermediate_01.pem',
      'openpcc-test_azure_ak_certificate_01.pem',
    ],
  ],
  ['gcp-confidential-space', ['confidential_space_root.pem']],
  ['nvidia', ['coco-nvidia_device_root.pem', 'openpcc-nras_root.pem']],
  [
    'vtpm-gcp',
    [
      'openpcc-gce_ek_ak_root.pem',
      'openpcc-test_gce_ak_cert.pem',
      'openpcc-test_gce_ak_intermediate_cert.pem',
    ],
  ],
];

it.for(others)('reads the certificates and lists of %s', ([set, names], context) => {
  const place = sharedVectors(set);
  if (place === undefined) return context.skip(`no vectors of ${set} are here`);
  for (const name of names) {
    const { certificates, crls } = readCollateral([{ name, bytes: readFileSync(join(place, name)) }]);
    expect(certificates.length + crls.length, name).toBeGreaterThan(0);
  }
});
