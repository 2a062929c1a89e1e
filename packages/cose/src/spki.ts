// Public keys of other systems as SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) in DER, as certificates carry them:
// Ed25519 (RFC 8410), P-256, P-384, P-521 (RFC 5480) with the uncompressed point, RSA (RFC 3279) of 2048 to 8192 bits with
// exponent 65537. One form of each only; of Ed25519 the points that point.ts takes. Not checked: whose key it is;
// certificates are the caller's business.
import { type Bytes, bytesEqual, hexDecode } from '@sealroom/bytes';
import { CoseError } from './error.ts';
import type { VerifyKind } from './key.ts';
import { isPoint } from './point.ts';

/** A public key in the form of certificates. */
export type Spki = { readonly spki: Bytes };

const badKey = (cause?: unknown) =>
  new CoseError(
    'cose/bad-key',
    'Expected a SubjectPublicKeyInfo (DER) of Ed25519, P-256, P-384, P-521, or RSA of 2048 to 8192 bits.',
    { cause },
  );

/** Everything before the point, or before the modulus's length; with the length of what follows. */
const PREFIXES: readonly { kind: VerifyKind; prefix: Bytes; rest?: number }[] = [
  { kind: 'Ed25519', prefix: hexDecode('302a300506032b6570032100'), rest: 32 },
  { kind: 'P-256', prefix: hexDecode('3059301306072a8648ce3d020106082a8648ce3d03010703420004'), rest: 64 },
  { kind: 'P-384', prefix: hexDecode('3076301006072a8648ce3d020106052b8104002203620004'), rest: 96 },
  { kind: 'P-521', prefix: hexDecode('30819b301006072a8648ce3d020106052b810400230381860004'), rest: 132 },
];
const RSA_IDENTIFIER = hexDecode('300d06092a864886f70d0101010500');

function kindOf(spki: Bytes): VerifyKind {
  const starts = ({ prefix }: { prefix: Bytes }) => bytesEqual(spki.subarray(0, prefix.length), prefix);
  const found = PREFIXES.find(
    (known) => starts(known) && spki.length === known.prefix.length + (known.rest ?? 0),
  );
  if (found) {
    // The platform imports others too, and what it verifies under points of small order is its own choice.
    if (found.kind === 'Ed25519' && !isPoint('Ed25519', spki.slice(found.prefix.length), undefined))
      throw badKey();
    return found.kind;
  }
  // 30 82 hh ll: the only length form that a modulus of 2048 bits or more can have.
  if (bytesEqual(spki.subarray(4, 4 + RSA_IDENTIFIER.length), RSA_IDENTIFIER)) return 'RSA';
  throw badKey();
}

function parametersOf(kind: VerifyKind, hash: string) {
  if (kind === 'Ed25519') return { name: 'Ed25519' };
  return kind === 'RSA' ? { name: 'RSA-PSS', hash } : { name: 'ECDSA', namedCurve: kind };
}

function checkRsa({ algorithm }: CryptoKey): void {
  const { modulusLength, publicExponent } = algorithm as RsaHashedKeyAlgorithm;
  const exponent = publicExponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (modulusLength < 2048 || modulusLength > 8192 || exponent !== 65_537) throw badKey();
}

/** @throws cose/bad-key, at once or when the key is imported */
export function openSpki({ spki }: Spki): { kind: VerifyKind; handle(hash: string): Promise<CryptoKey> } {
  const kind = kindOf(spki);
  return {
    kind,
    async handle(hash) {
      let key: CryptoKey;
      let again: Bytes;
      try {
        key = await crypto.subtle.importKey('spki', spki, parametersOf(kind, hash), true, ['verify']);
        again = new Uint8Array(await crypto.subtle.exportKey('spki', key));
      } catch (cause) {
        throw badKey(cause);
      }
      if (!bytesEqual(spki, again)) throw badKey();
      if (kind === 'RSA') checkRsa(key);
      return key;
    },
  };
}
