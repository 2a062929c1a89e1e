// Targets for outputs, HPKE messages, wrapped keys and files of EscrowAI.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBkencFile } from '@sealroom/host/sealing';
import { generateKeyPairSync } from 'node:crypto';
import {
  type Bytes,
  bytesEqual,
  concat,
  type Digest,
  hexDecode,
  sha256Digest,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import {
  bkencSalt,
  encodeEnvelope,
  hpkeOpen,
  importKek,
  importKekSecret,
  openBkenc,
  openOutput,
  parseEnvelope,
  unpadOutput,
  unwrapKey,
  wrapKey,
} from '@sealroom/seal';
import { expect, judge, judgeAsync, type Outcome, type Target } from '../engine/target.ts';
import { seal } from './codes.ts';
import { sharedVector, texts } from './genuine.ts';
import { has, KEY, OPENING } from './seal-files.ts';

type BkencCase = { readonly cek_hex: string; readonly file_hex: string; readonly valid: boolean };

/** Files of EscrowAI's form, from the shared vectors or (where they are absent) the empty one, which is short. */
function bkencCases(): readonly BkencCase[] {
  const cases = sharedVector<{ cases: readonly BkencCase[] }>('bkenc/bkenc.json')?.cases ?? [
    {
      cek_hex: 'b2de0386049ecfafb54d40f680b258dc7b2afda033bc03320c8e8c653a0b508a',
      file_hex: '53616c7465645f5f2bc990059473448ebe7c4b23f3c2ef9e7c4c209a4a519289',
      valid: true,
    },
  ];
  return cases.filter(({ file_hex: hex, valid }) => valid && hex.length < 4000).slice(0, 3);
}

export function bkencTarget(): Target {
  const used = bkencCases();
  const genuine = used.map(({ file_hex: hex }) => hexDecode(hex));
  const ceks = used.map(({ cek_hex: hex }) => hexDecode(hex));
  return {
    name: 'seal.openBkenc',
    covers: ['seal/openBkenc', 'seal/bkencSalt'],
    form: 'bytes',
    seeds: genuine,
    words: ['Salted__'],
    turn: 4,
    run: async (input) => {
      judge(
        seal('seal/bkenc-malformed'),
        () => bkencSalt(input),
        (salt) => expect(salt.length === 8, 'round-trip', 'Its salt is odd.'),
      );
      let outcome: Outcome = { accepted: false, note: '' };
      for (const cek of ceks) {
        outcome = await judgeAsync(
          seal('seal/bkenc-malformed', 'seal/not-authentic'),
          () => openBkenc(cek, new Uint8Array(input)),
          () => expect(has(genuine, input), 'false-accept', 'A file opens that nobody sealed.'),
        );
        if (outcome.accepted || outcome.note.includes('malformed')) break;
      }
      return outcome;
    },
  };
}

/** The same file on disk: a stream that may give nothing out before its tag at the end has matched. */
export function bkencFileTarget(folder: string): Target {
  const memory = bkencTarget();
  const [input, output] = [join(folder, 'x.bkenc'), join(folder, 'x')];
  return {
    ...memory,
    name: 'seal.openBkencFile',
    covers: ['host/openBkencFile'],
    turn: 2,
    run: async (bytes) => {
      const [first] = bkencCases();
      const cek = hexDecode(first?.cek_hex ?? '');
      const codes = seal('seal/bkenc-malformed', 'seal/not-authentic');
      const whole = await judgeAsync(
        codes,
        () => openBkenc(cek, new Uint8Array(bytes)),
        () => undefined,
      );
      writeFileSync(input, bytes);
      rmSync(output, { force: true });
      const streamed = await judgeAsync(
        codes,
        () => openBkencFile({ input, output, cek }),
        () => undefined,
      );
      expect(streamed.accepted === whole.accepted, 'disagreement', 'The disk opens what memory does not.');
      expect(
        existsSync(output) === streamed.accepted,
        'false-accept',
        'Bytes stand there that are not authentic.',
      );
      return streamed;
    },
  };
}

export type OutputVector = {
  readonly secret: string;
  readonly manifest: Digest;
  readonly sealed: string;
  readonly envelope: string;
  readonly content: string;
};

export const envelopeTarget = (envelope: string): Target => ({
  name: 'seal.parseEnvelope',
  covers: ['seal/parseEnvelope'],
  form: 'json',
  seeds: texts(envelope),
  words: ['"recipients"', 'owEBIAQhWCA', 'sha256:'],
  run: (input) =>
    judge(
      seal('seal/bad-envelope'),
      () => parseEnvelope(input),
      (value) => expect(bytesEqual(encodeEnvelope(value), input), 'round-trip', 'It writes other bytes.'),
    ),
});

/** The envelope changes, or what it names; only the genuine content may come out. */
export function outputTarget(
  { secret, manifest, sealed, envelope, content }: OutputVector,
  changing: 'envelope' | 'sealed',
): Target {
  const [genuine, file] = [utf8Encode(envelope), hexDecode(sealed)];
  const refusals = seal(
    ...OPENING,
    'seal/wrong-asset',
    'seal/not-recipient',
    'seal/hpke-failed',
    'seal/bad-padding',
    'seal/bad-envelope',
    'seal/too-large',
  );
  return {
    name: `seal.openOutput(${changing})`,
    covers: ['seal/openOutput'],
    form: changing === 'envelope' ? 'json' : 'bytes',
    seeds: [changing === 'envelope' ? genuine : file],
    run: (input) =>
      judgeAsync(
        refusals,
        async () => {
          const parsed = parseEnvelope(changing === 'envelope' ? input : genuine);
          const bytes = changing === 'sealed' ? input : file;
          // Whoever changes the sealed bytes can change the digest beside them too.
          const fitting = {
            ...parsed,
            sealed: changing === 'sealed' ? await sha256Digest(bytes) : parsed.sealed,
          };
          return openOutput({ sealed: bytes, envelope: fitting, secret: hexDecode(secret), manifest });
        },
        (opened) => expect(utf8Decode(opened) === content, 'false-accept', 'Another content comes out.'),
      ),
  };
}

export const paddingTarget: Target = {
  name: 'seal.unpadOutput',
  covers: ['seal/unpadOutput'],
  form: 'bytes',
  seeds: [Uint8Array.of(0, 0, 0, 2, 65, 66, 0, 0), new Uint8Array(68)],
  run: (input) =>
    judge(
      seal('seal/bad-padding'),
      () => unpadOutput(input),
      (content) => {
        const padded = new Uint8Array(input.length);
        new DataView(padded.buffer).setUint32(0, content.length);
        padded.set(content, 4);
        expect(bytesEqual(padded, input), 'round-trip', 'It writes other bytes.');
      },
    ),
};

export type HpkeVector = Record<'secret' | 'info' | 'aad' | 'enc' | 'plaintext' | 'ciphertext', string>;

export const hpkeTarget = ({ secret, info, aad, enc, plaintext, ciphertext }: HpkeVector): Target => {
  const genuine = concat(hexDecode(enc), hexDecode(ciphertext));
  return {
    name: 'seal.hpkeOpen',
    covers: ['seal/hpkeOpen'],
    form: 'bytes',
    seeds: [genuine],
    run: (input) =>
      judgeAsync(
        seal('seal/hpke-failed'),
        () =>
          hpkeOpen(hexDecode(secret), {
            enc: new Uint8Array(input.subarray(0, 32)),
            ciphertext: new Uint8Array(input.subarray(32)),
            info: hexDecode(info),
            aad: hexDecode(aad),
          }),
        (opened) => {
          // RFC 7748 ignores the top bit of a public value, but HPKE's schedule hashes it: nothing else may open.
          expect(bytesEqual(genuine, input), 'false-accept', 'A message opens that nobody sealed.');
          expect(bytesEqual(opened, hexDecode(plaintext)), 'false-accept', 'Another plaintext comes out.');
        },
      ),
  };
};

type Rsa = { readonly spki: Bytes; readonly pkcs8: Bytes; readonly pem: Bytes };

export function rsaPair(bits: number): Rsa {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return {
    spki: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })),
    pem: utf8Encode(String(publicKey.export({ type: 'spki', format: 'pem' }))),
    pkcs8: new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' })),
  };
}

export const kekTarget = (seeds: readonly Bytes[]): Target => ({
  name: 'seal.importKek',
  covers: ['seal/importKek'],
  form: 'bytes',
  seeds,
  words: ['-----BEGIN PUBLIC KEY-----\n', '-----END PUBLIC KEY-----\n', '\r\n'],
  slowMs: 3000,
  run: (input) =>
    judgeAsync(
      seal('seal/bad-kek', 'seal/kek-too-small'),
      () => importKek(new Uint8Array(input)),
      async (kek) => {
        expect(input[0] === 0x2d || bytesEqual(kek.der, input), 'round-trip', 'It gives other bytes back.');
        expect(kek.bits >= 3072 && kek.bits <= 8192, 'false-accept', 'A key of another size passes.');
        expect(
          kek.fingerprint === (await sha256Digest(kek.der)),
          'round-trip',
          'Its fingerprint is another.',
        );
        const wrapped = await judgeAsync(
          seal('seal/bad-kek'),
          () => wrapKey(kek, KEY),
          ({ length }) =>
            expect(length === Math.ceil(kek.bits / 8), 'round-trip', 'A WCEK has another length.'),
        );
        return wrapped.accepted ? 'wraps' : 'does not wrap';
      },
    ),
});

export const kekSecretTarget = ({ pkcs8 }: Rsa): Target => ({
  name: 'seal.importKekSecret',
  covers: ['seal/importKekSecret'],
  form: 'bytes',
  seeds: [pkcs8],
  turn: 8,
  slowMs: 5000,
  run: (input) =>
    judgeAsync(
      seal('seal/bad-kek', 'seal/kek-too-small'),
      () => importKekSecret(new Uint8Array(input)),
      () => undefined,
    ),
});

export const unwrapTarget = (privateKey: CryptoKey, genuine: Bytes): Target => ({
  name: 'seal.unwrapKey',
  covers: ['seal/unwrapKey'],
  form: 'bytes',
  seeds: [genuine],
  turn: 4,
  run: (input) =>
    judgeAsync(
      seal('seal/unwrap-failed'),
      () => unwrapKey(privateKey, input),
      () => expect(bytesEqual(genuine, input), 'false-accept', 'A key unwraps that nobody wrapped.'),
    ),
});
