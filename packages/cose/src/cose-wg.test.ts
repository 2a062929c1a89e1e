// The COSE working group's examples (github.com/cose-wg/Examples): every message that is signed, in whatever folder.
// Messages that are encrypted or authenticated by a shared key have no reader here (vector-list in packages/testkit).
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlEncode, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { describe, expect, test } from 'vitest';
import {
  type Cbor,
  cborDecodeForeign,
  type CborTag,
  CoseError,
  ed25519Signer,
  type ForeignOptions,
  generateSecret,
  type Spki,
  verifyForeignSign1,
  verifySign,
  verifySign1,
} from './index.ts';

type Key = Readonly<Record<string, string | undefined>>;
type Signer = { readonly key: Key; readonly external?: string };
type Vector = {
  readonly fail?: boolean;
  readonly input: {
    readonly plaintext?: string;
    readonly plaintext_hex?: string;
    readonly sign0?: Signer;
    readonly sign?: { readonly signers: readonly Signer[] };
  };
  readonly output: { readonly cbor: string };
};

const folder = sharedVectors('cose') ?? '';
const root = join(folder, 'cose-wg');

/** A verdict that is not the working group's, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  // ES512 under P-256: RFC 9053 section 2.1 pairs each curve with one hash, and RFC 9864 registers the pairs alone.
  'ecdsa-examples/ecdsa-04.json': 'cose/unsupported-algorithm',
  'ecdsa-examples/ecdsa-sig-04.json': 'cose/unsupported-algorithm',
  // Ed448: browsers' WebCrypto has none, and no party or platform signs with it.
  'eddsa-examples/eddsa-02.json': 'cose/bad-key',
  'eddsa-examples/eddsa-sig-02.json': 'cose/bad-key',
  // A critical header "reserved", of which a reader who is not told what it means must keep away (RFC 9052 section 3.1).
  'RFC8152/Appendix_C_1_4.json': 'cose/bad-header',
};

const hex = (text: string) => hexDecode(text.toLowerCase());

/** The key as certificates have it. Members are base64url, or hexadecimal under a name that ends so. */
function spkiOf(key: Key): Spki {
  const length = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[key['crv'] ?? ''];
  const member = (name: string): string => {
    const plain = key[name];
    if (plain !== undefined) return plain;
    const bytes = hex(key[`${name}_hex`] ?? '');
    return base64urlEncode(
      length ? new Uint8Array([...new Uint8Array(length - bytes.length), ...bytes]) : bytes,
    );
  };
  const kinds = {
    OKP: () => ({ kty: 'OKP', crv: key['crv'] ?? '', x: member('x') }),
    EC: () => ({ kty: 'EC', crv: key['crv'] ?? '', x: member('x'), y: member('y') }),
    RSA: () => ({ kty: 'RSA', n: member('n'), e: member('e') }),
  };
  const jwk = kinds[(key['kty'] === 'EC2' ? 'EC' : key['kty']) as keyof typeof kinds]();
  const der = createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'der' });
  return { spki: new Uint8Array(der) };
}

const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as Vector;

function verify({ input, output }: Vector, options: ForeignOptions = {}): Promise<{ payload: Uint8Array }> {
  const signers = input.sign0 ? [input.sign0] : (input.sign?.signers ?? []);
  const external = hex(signers[0]?.external ?? '');
  const find = (_: unknown, at: number) => {
    const signer = signers[at];
    return signer && spkiOf(signer.key);
  };
  const check = input.sign0 ? verifyForeignSign1 : verifySign;
  return check(hex(output.cbor), find, { external, ...options });
}

const files = folder
  ? readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.json'))
      .filter((file) => read(file).input.sign0 ?? read(file).input.sign)
      .toSorted()
  : [];

describe.skipIf(!folder)('the COSE working group’s signed messages', () => {
  test('get their verdict', async () => {
    const seen = { verified: 0, failing: 0, otherwise: 0 };
    for (const file of files) {
      const vector = read(file);
      const otherwise = OTHERWISE[file];
      if (otherwise !== undefined) {
        await expect(verify(vector), file).rejects.toMatchObject({ code: otherwise });
        seen.otherwise += 1;
      } else if (vector.fail === true) {
        await expect(verify(vector), file).rejects.toBeInstanceOf(CoseError);
        seen.failing += 1;
      } else {
        const { plaintext, plaintext_hex = '' } = vector.input;
        const payload = plaintext === undefined ? hex(plaintext_hex) : utf8Encode(plaintext);
        expect((await verify(vector)).payload, file).toEqual(payload);
        seen.verified += 1;
      }
    }
    expect(seen).toEqual({ verified: 36, failing: 12, otherwise: 5 });
  });

  test('none of them passes for a statement of Sealroom', async () => {
    const { key } = await ed25519Signer(generateSecret());
    for (const file of files)
      await expect(verifySign1(hex(read(file).output.cbor), key), file).rejects.toBeInstanceOf(CoseError);
  });

  test('the one with a critical header verifies for a reader who knows it', async () => {
    await verify(read('RFC8152/Appendix_C_1_4.json'), { understood: ['reserved'] });
  });

  test('certificates in headers are those of the key that signed', async () => {
    for (const number of ['03', '04']) {
      const { input, output } = read(`x509-examples/signed-${number}.json`);
      const { value } = cborDecodeForeign(hex(output.cbor)) as CborTag;
      const [, , , signatures] = value as readonly [Cbor, Cbor, Cbor, readonly (readonly Cbor[])[]];
      const chain = (signatures[0]?.[1] as ReadonlyMap<Cbor, Cbor> | undefined)?.get(33);
      const leaf = Array.isArray(chain) ? (chain[0] as Uint8Array) : (chain as Uint8Array);
      const der = new X509Certificate(leaf).publicKey.export({ type: 'spki', format: 'der' });
      expect(hexEncode(der)).toBe(hexEncode(spkiOf(input.sign?.signers[0]?.key ?? {}).spki));
    }
  });
});
