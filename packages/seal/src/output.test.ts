import { canonicalBytes, sha256Digest, utf8Encode } from '@sealroom/bytes';
import { generateSecret, publicKeyOf } from '@sealroom/cose';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeEnvelope,
  openOutput,
  padOutput,
  parseEnvelope,
  sealedSize,
  sealOutput,
  unpadOutput,
} from './index.ts';

const manifest = await sha256Digest(utf8Encode('manifest'));
const content = utf8Encode('{"accuracy":0.9}');
const secrets = [generateSecret(), generateSecret()] as const;
const keys = [await publicKeyOf('X25519', secrets[0]), await publicKeyOf('X25519', secrets[1])] as const;

describe('padding', () => {
  test('gives back any content and always has one length', () => {
    const data = fc.uint8Array({ maxLength: 100 });
    fc.assert(
      fc.property(data, fc.nat({ max: 50 }), (given, more) => {
        const padded = padOutput(given, given.length + more);
        expect(padded.length).toBe(given.length + more + 4);
        expect(unpadOutput(padded)).toEqual(new Uint8Array(given));
      }),
    );
  });

  test.each([
    [10, 9],
    [1, 0],
    [0, -1],
    [0, 0.5],
    [0, 2 ** 31],
  ])('refuses %d bytes where the contract says %d', (length, maxBytes) => {
    expect(() => padOutput(new Uint8Array(length), maxBytes)).toThrow(
      expect.objectContaining({ code: 'seal/output-too-large' }),
    );
  });

  test('refuses a length beyond the end, padding that is not zero, and anything cut short', () => {
    const padded = padOutput(Uint8Array.of(1, 2, 3), 8);
    const wrong = expect.objectContaining({ code: 'seal/bad-padding' });
    for (let at = 7; at < padded.length; at++) {
      const changed = padded.slice();
      changed[at] = 1;
      expect(() => unpadOutput(changed), `byte ${at}`).toThrow(wrong);
    }
    for (let length = 0; length < 7; length++)
      expect(() => unpadOutput(padded.slice(0, length))).toThrow(wrong);
    for (const at of [0, 1, 2]) {
      const changed = padded.slice();
      changed[at] = 255;
      expect(() => unpadOutput(changed)).toThrow(wrong);
    }
    padded[3] = 9;
    expect(() => unpadOutput(padded)).toThrow(wrong);
  });
});

describe('sealed outputs', () => {
  const make = () => sealOutput({ content, maxBytes: 1000, recipients: keys, manifest });

  test('open for each recipient and have the same length whatever they hold', async () => {
    const { sealed, envelope } = await make();
    expect(sealed.length).toBe(sealedSize(1004));
    for (const secret of secrets) {
      expect(await openOutput({ sealed, envelope, secret, manifest })).toEqual(content);
    }
    expect(parseEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
  });

  test('do not open for anyone else', async () => {
    const opened = openOutput({ ...(await make()), secret: generateSecret(), manifest });
    await expect(opened).rejects.toMatchObject({ code: 'seal/not-recipient' });
  });

  test('do not open under the manifest of another run', async () => {
    const other = await sha256Digest(utf8Encode('other'));
    const opened = openOutput({ ...(await make()), secret: secrets[0], manifest: other });
    await expect(opened).rejects.toMatchObject({ code: 'seal/hpke-failed' });
  });

  test('do not open when the sealed bytes or the envelope belong to another output', async () => {
    const [one, two] = [await make(), await make()];
    const mixed = openOutput({ ...one, sealed: two.sealed, secret: secrets[0], manifest });
    await expect(mixed).rejects.toMatchObject({ code: 'seal/wrong-asset' });
    const renamed = { ...one.envelope, sealed: two.envelope.sealed };
    const forged = openOutput({ sealed: two.sealed, envelope: renamed, secret: secrets[0], manifest });
    await expect(forged).rejects.toMatchObject({ code: 'seal/hpke-failed' });
  });

  test("do not open with another recipient's sealed key", async () => {
    const { sealed, envelope } = await make();
    const [first, second] = envelope.recipients;
    if (!first || !second) throw new Error('expected two recipients');
    const recipients = [{ ...second, key: first.key }];
    const opened = openOutput({
      sealed,
      envelope: { ...envelope, recipients },
      secret: secrets[0],
      manifest,
    });
    await expect(opened).rejects.toMatchObject({ code: 'seal/hpke-failed' });
  });

  test('are not made too large, for nobody, or twice for one recipient', async () => {
    const made = (change: object) =>
      sealOutput({ content, maxBytes: 1000, recipients: keys, manifest, ...change });
    await expect(made({ maxBytes: 15 })).rejects.toMatchObject({ code: 'seal/output-too-large' });
    await expect(made({ recipients: [] })).rejects.toMatchObject({ code: 'seal/bad-envelope' });
    const twice = made({ recipients: [keys[0], keys[0]] });
    await expect(twice).rejects.toMatchObject({ code: 'seal/bad-envelope' });
    const signing = await publicKeyOf('Ed25519', secrets[0]);
    await expect(made({ recipients: [signing] })).rejects.toMatchObject({ code: 'seal/bad-recipient' });
  });

  test('have an envelope that is refused with any one member changed, or cut short', async () => {
    const { envelope } = await make();
    const [first] = envelope.recipients;
    const entry = (change: object) => ({ recipients: [{ ...first, ...change }] });
    const signing = await publicKeyOf('Ed25519', secrets[0]);
    const changes = [
      { v: 2 },
      { sealed: 'sha256:00' },
      { recipients: [] },
      { recipients: {} },
      { recipients: [first, first] },
      { extra: 1 },
      entry({ key: 'AAAA' }),
      entry({ key: signing }),
      entry({ key: 1 }),
      entry({ enc: 'AAAA' }),
      entry({ enc: '!' }),
      entry({ ciphertext: 'AAAA' }),
      entry({ ciphertext: undefined }),
      entry({ extra: 1 }),
    ];
    const wrong = expect.objectContaining({ code: 'seal/bad-envelope' });
    for (const change of changes) {
      const bytes = canonicalBytes({ ...envelope, ...change });
      expect(() => parseEnvelope(bytes), JSON.stringify(change)).toThrow(wrong);
    }
    const bytes = encodeEnvelope(envelope);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseEnvelope(bytes.slice(0, length))).toThrow(wrong);
    }
    expect(() => parseEnvelope(utf8Encode(` ${JSON.stringify(envelope)}`))).toThrow(wrong);
  });
});
