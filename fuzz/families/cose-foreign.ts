// Targets for COSE messages of others under keys in the form of certificates, and with what travels apart from them.
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Bytes, bytesEqual, concat, hexDecode, hexEncode, utf8Encode } from '@sealroom/bytes';
import {
  type Cbor,
  cborDecodeForeign,
  cborEncode,
  CborTag,
  CoseError,
  encodeKey,
  type KeyText,
  parseKey,
  type Signer,
  verifyForeignSign1,
} from '@sealroom/cose';
import { expect, judgeAsync, type Target } from '../engine/target.ts';
import { cose } from './codes.ts';

/** The signed parts of a COSE_Sign1, tagged or not, as one text. */
export function signedPart(bytes: Uint8Array): string {
  const value = cborDecodeForeign(bytes);
  const body = value instanceof CborTag ? value.value : value;
  const [header, , payload, signature] = body as readonly Cbor[];
  return [header, payload, signature]
    .map((part) => (part instanceof Uint8Array ? hexEncode(part) : part === null ? 'nil' : 'odd'))
    .join(' ');
}

export const FOREIGN_SIGN1 = cose(
  'cose/malformed',
  'cose/not-deterministic',
  'cose/bad-header',
  'cose/bad-key',
  'cose/unsupported-algorithm',
  'cose/bad-signature',
);

type Pair = { readonly alg: number; readonly hash: string | null; readonly keys: () => KeyPair };
type KeyPair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject };

const PAIRS: readonly Pair[] = [
  { alg: -8, hash: null, keys: () => generateKeyPairSync('ed25519') },
  { alg: -7, hash: 'sha256', keys: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
  { alg: -35, hash: 'sha384', keys: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }) },
  { alg: -36, hash: 'sha512', keys: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }) },
  { alg: -37, hash: 'sha256', keys: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
];
const PSS = { padding: 6, saltLength: 32 };

/** A message under a fresh key, and the key. */
function messageUnder({ alg, hash, keys }: Pair): { readonly spki: Bytes; readonly bytes: Bytes } {
  const { publicKey, privateKey } = keys();
  const header = cborEncode(new Map<Cbor, Cbor>([[1, alg]]));
  const payload = utf8Encode('a foreign payload');
  const message = cborEncode(['Signature1', header, new Uint8Array(), payload]);
  const how = alg === -37 ? PSS : { dsaEncoding: 'ieee-p1363' as const };
  const signature = new Uint8Array(sign(hash, message, { key: privateKey, ...how }));
  return {
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    bytes: cborEncode(new CborTag(18, [header, new Map(), payload, signature])),
  };
}

const ED25519_PREFIX = hexDecode('302a300506032b6570032100');

/** Whether the text form of keys knows this Ed25519 key; undefined for other keys. */
function knownAsText(spki: Uint8Array): boolean | undefined {
  if (spki.length !== 44 || !bytesEqual(spki.subarray(0, 12), ED25519_PREFIX)) return undefined;
  try {
    parseKey(encodeKey({ curve: 'Ed25519', x: new Uint8Array(spki.subarray(12)) }));
    return true;
  } catch (error) {
    if (error instanceof CoseError) return false;
    throw error;
  }
}

/** What node:crypto makes of a key; undefined when it refuses it. */
function nodeWrites(spki: Uint8Array): Uint8Array | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' });
    return key.export({ type: 'spki', format: 'der' });
  } catch {
    return undefined;
  }
}

/** The messages stay, the key changes. */
export function spkiTarget(): Target {
  const messages = PAIRS.map(messageUnder);
  const odd = ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`, 'ff'.repeat(32)];
  const small = odd.map((x) => concat(ED25519_PREFIX, hexDecode(x)));
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const short = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  return {
    name: 'cose.verifyForeignSign1(spki)',
    covers: ['cose/openSpki'],
    form: 'bytes',
    seeds: [...messages.map(({ spki }) => spki), ...small, short],
    turn: 8,
    run: async (input) => {
      const key = new Uint8Array(input);
      const again = nodeWrites(key);
      const notes: string[] = [];
      let accepted = false;
      for (const { bytes, spki } of messages) {
        const outcome = await judgeAsync(
          FOREIGN_SIGN1,
          () => verifyForeignSign1(bytes, () => ({ spki: key })),
          () => expect(bytesEqual(key, spki), 'false-accept', 'It verifies under another key.'),
        );
        if (outcome.accepted || outcome.note.includes('does not verify')) {
          expect(
            again !== undefined && bytesEqual(again, key),
            'disagreement',
            'node:crypto reads another key, or none.',
          );
          expect(knownAsText(key) !== false, 'disagreement', 'As text it is no key.');
        }
        accepted ||= outcome.accepted;
        notes.push(outcome.note.split(' ')[0] ?? '');
      }
      return { accepted, note: notes.join(' ') };
    },
  };
}

/** A message with a critical header, a payload that travels apart, and data that is signed along. */
export async function apartTarget(signers: readonly Signer[]): Promise<Target> {
  const [payload, external] = [utf8Encode('a payload apart'), utf8Encode('signed along')];
  const genuine: { readonly bytes: Bytes; readonly key: KeyText }[] = [];
  for (const signer of signers) {
    const header = cborEncode(
      new Map<Cbor, Cbor>([
        [1, signer.alg],
        [2, [100, 'fuzz']],
        [100, 1],
        ['fuzz', 'x'],
      ]),
    );
    const signature = await signer.sign(cborEncode(['Signature1', header, external, payload]));
    genuine.push({
      bytes: cborEncode(new CborTag(18, [header, new Map(), null, signature])),
      key: signer.key,
    });
  }
  const signed = new Set(genuine.map(({ bytes }) => signedPart(bytes)));
  return {
    name: 'cose.verifyForeignSign1(apart)',
    covers: ['cose/verifyForeignSign1'],
    form: 'cbor',
    words: ['fuzz', 'Signature1'],
    seeds: genuine.map(({ bytes }) => bytes),
    run: async (input) => {
      let outcome = { accepted: false, note: '' };
      for (const { key } of genuine) {
        const check = (detached: Uint8Array, understood: readonly (number | string)[]) =>
          judgeAsync(
            FOREIGN_SIGN1,
            () => verifyForeignSign1(input, () => key, { detached, external, understood }),
            (found) =>
              expect(bytesEqual(found.payload, detached), 'disagreement', 'It gives another payload.'),
          );
        outcome = await check(payload, [100, 'fuzz']);
        const deaf = await check(payload, [100]);
        const swapped = await check(external, [100, 'fuzz']);
        expect(!deaf.accepted, 'false-accept', 'A critical header that nobody knows is passed over.');
        expect(!swapped.accepted, 'false-accept', 'Another payload passes.');
        if (outcome.accepted) break;
      }
      if (outcome.accepted)
        expect(signed.has(signedPart(input)), 'false-accept', 'What it signs, nobody signed.');
      return outcome;
    },
  };
}
