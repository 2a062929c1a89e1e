// Signed statements as supply-chain ledgers hold them (RFC 9943): those of scitt-cose, and those that Microsoft's tools and
// services signed for production. Each is checked under the key that it names itself, in a certificate or a COSE_Key: that
// says that headers, algorithms and encodings found outside are read, and nothing about whom to believe.
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, type Bytes, hexEncode, sha256 } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import {
  type CborMap,
  cborDecode,
  cborDecodeForeign,
  type CborTag,
  type CoseError,
  type FindKey,
  type ForeignOptions,
  type Headers,
  type Spki,
  verifyForeignSign1,
} from './index.ts';

const folder = sharedVectors('cose') ?? '';
const file = (...path: string[]): Bytes => new Uint8Array(readFileSync(join(folder, ...path)));
const X5CHAIN = 33;

function spkiOf(key: Parameters<typeof createPublicKey>[0] | X509Certificate): Spki {
  const found = key instanceof X509Certificate ? key.publicKey : createPublicKey(key);
  return { spki: new Uint8Array(found.export({ type: 'spki', format: 'der' })) };
}

const fromPem =
  (pem: string | Bytes): FindKey =>
  () =>
    spkiOf(typeof pem === 'string' ? pem : Buffer.from(pem));

/** The key of the first certificate of the chain in the header. */
function chainKey({ protected: inside }: Headers): Spki | undefined {
  const chain = inside.get(X5CHAIN);
  const leaf: unknown = Array.isArray(chain) ? chain[0] : chain;
  return leaf instanceof Uint8Array ? spkiOf(new X509Certificate(leaf)) : undefined;
}

/** The COSE_Key that an attested service puts beside its evidence. */
function attestedKey(label: string): FindKey {
  return ({ protected: inside }) => {
    const key = (inside.get(label) as CborMap).get('cose_key') as CborMap;
    const member = (name: number) => base64urlEncode(key.get(name) as Uint8Array);
    const crv = key.get(-1) === 2 ? 'P-384' : 'P-256';
    return spkiOf({ key: { kty: 'EC', crv, x: member(-2), y: member(-3) }, format: 'jwk' });
  };
}

const verdict = (bytes: Bytes, find: FindKey, options: ForeignOptions = {}) =>
  verifyForeignSign1(bytes, find, options).then(
    () => 'verified',
    (error: CoseError) => error.code,
  );

/** The same message after a change of one byte of its signature. */
const spoilt = (bytes: Bytes): Bytes => bytes.with(-1, (bytes.at(-1) ?? 0) ^ 1);

describe.skipIf(!folder)('statements of scitt-cose', () => {
  const cases = join('scitt-cose', 'test-vectors', 'v1');

  test('get their verdict', async () => {
    const names = readdirSync(join(folder, cases)).filter((name) => !name.startsWith('.'));
    for (const name of names) {
      const { statement_signature_valid: valid } = JSON.parse(
        Buffer.from(file(cases, name, 'expected.json')).toString(),
      ) as { statement_signature_valid: boolean };
      const statement = file(cases, name, 'statement.cose');
      const find = fromPem(file(cases, name, 'issuer-key.pub'));
      expect(await verdict(statement, find), name).toBe(valid ? 'verified' : 'cose/bad-signature');
      if (!valid) continue;
      const { payload } = await verifyForeignSign1(statement, find);
      expect(payload, name).toEqual(file(cases, name, 'payload.bin'));
    }
    expect(names.length).toBe(6);
  });

  test('of other projects verify', async () => {
    const vcp = join('scitt-cose', 'interop', 'vcp');
    const vcpKey = fromPem(file(vcp, 'vcp-issuer-pub.pem'));
    expect(await verdict(file(vcp, 'vcp-statement.cose'), vcpKey)).toBe('verified');
    expect(await verdict(spoilt(file(vcp, 'vcp-statement.cose')), vcpKey)).toBe('cose/bad-signature');
    const { statement, direction_flip: flip } = JSON.parse(
      Buffer.from(file('scitt-cose', 'interop', 'ccf', 'shared-vector.json')).toString(),
    ) as {
      statement: { bytes_base64: string; issuer_public_key_pem: string };
      direction_flip: { statement_bytes_base64: string };
    };
    const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));
    expect(await verdict(bytes(statement.bytes_base64), fromPem(statement.issuer_public_key_pem))).toBe(
      'verified',
    );
    expect(await verdict(bytes(flip.statement_bytes_base64), chainKey)).toBe('verified');
  });

  test('of the tampered bundles verify as they stand: what was tampered with lies outside the signature', async () => {
    const bundles = join('scitt-cose', 'test-vectors', 'tamper-states');
    let seen = 0;
    for (const name of readdirSync(join(folder, bundles))) {
      const { bundle } = JSON.parse(Buffer.from(file(bundles, name, 'bundle.json')).toString()) as {
        bundle: { signed_statement: { statement_b64: string; pubkey_pem: string } }[];
      };
      for (const { signed_statement: signed } of bundle) {
        const statement = new Uint8Array(Buffer.from(signed.statement_b64, 'base64'));
        expect(await verdict(statement, fromPem(signed.pubkey_pem)), name).toBe('verified');
        expect(await verdict(spoilt(statement), fromPem(signed.pubkey_pem))).toBe('cose/bad-signature');
        seen += 1;
      }
    }
    expect(seen).toBe(12);
  });
});

describe.skipIf(!folder)('statements that Microsoft’s tools signed', () => {
  const payloads = join('scitt-ccf-ledger', 'test', 'payloads');
  const uvm = join('scitt-ccf-ledger', 'test', 'transparent_statements', 'uvm_0.2.10.cose');
  const cases: [string, number, FindKey, string[]][] = [
    [join(payloads, 'cosesign1tool-scitt-a3be7e5.cose'), -7, chainKey, []],
    [
      join(payloads, 'css-attested-cosesign1-20250617.cose'),
      -35,
      attestedKey('msft-css-dev'),
      ['msft-css-dev'],
    ],
    [
      join(payloads, 'css-attested-cosesign1-20250812.cose'),
      -35,
      attestedKey('msft-css-dev'),
      ['msft-css-dev'],
    ],
    [join(payloads, 'css-attested-cosesign1-20250925.cose'), -7, attestedKey('attestedsvc'), ['attestedsvc']],
    [
      join(payloads, 'css-attested-cosesign1-20260302.cose'),
      -35,
      attestedKey('attestedsvc'),
      ['attestedsvc'],
    ],
    [join(payloads, 'cts-hashv-cwtclaims-b64url.cose'), -37, chainKey, []],
    [join(payloads, 'manifest.spdx.json.sha384.digest.cose'), -38, chainKey, []],
    [uvm, -38, chainKey, []],
  ];

  test('verify under the key they name, and not after a change', async () => {
    const listed = cases.map(([name]) => name);
    for (const name of readdirSync(join(folder, payloads))) expect(listed).toContain(join(payloads, name));
    for (const [name, alg, find, understood] of cases) {
      const bytes = file(name);
      const { headers } = await verifyForeignSign1(bytes, find, { understood });
      expect(headers.protected.get(1), name).toBe(alg);
      expect(await verdict(spoilt(bytes), find, { understood }), name).toBe('cose/bad-signature');
      // A critical header refuses whoever was not told what it means.
      if (understood.length > 0) expect(await verdict(bytes, find), name).toBe('cose/bad-header');
    }
  });

  test('name in their headers the certificate that they carry', async () => {
    for (const [name, , find, understood] of cases) {
      const { headers } = await verifyForeignSign1(file(name), find, { understood });
      const [chain, thumbprint] = [headers.protected.get(X5CHAIN), headers.protected.get(34)];
      if (!Array.isArray(thumbprint) || !Array.isArray(chain)) continue;
      expect(hexEncode(await sha256(chain[0] as Uint8Array)), name).toBe(
        hexEncode(thumbprint[1] as Uint8Array),
      );
    }
  });

  test('do not sort their headers, so that the strict decoder refuses what the foreign one takes', () => {
    const [header] = (cborDecodeForeign(file(uvm)) as CborTag).value as readonly [Uint8Array];
    expect(cborDecodeForeign(header)).toBeInstanceOf(Map);
    expect(() => cborDecode(header)).toThrow(expect.objectContaining({ code: 'cose/malformed' }));
    const { value } = cborDecodeForeign(
      file('scitt-cose', 'interop', 'vcp', 'vcp-statement.cose'),
    ) as CborTag;
    const [unsorted] = value as readonly [Uint8Array];
    expect(() => cborDecode(unsorted)).toThrow(expect.objectContaining({ code: 'cose/not-deterministic' }));
  });
});
