// The text forms of C2SP, as properties: what is written reads back, and nothing else is read. Examples and cheats are in
// note.test.ts, receipt.test.ts and witness.test.ts.
import { base64urlEncode, type Bytes } from '@sealroom/bytes';
import { ed25519Signer, encodeKey, generateSecret } from '@sealroom/cose';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cosignatureTime,
  ed25519Verifier,
  encodeTlogProof,
  formatCheckpoint,
  formatNote,
  NOTE_COSIGNATURE,
  NOTE_ED25519,
  noteKeyText,
  openNote,
  parseCheckpoint,
  parseNote,
  parseNoteKeyText,
  parseTlogProof,
} from './index.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes): Bytes => new Uint8Array(bytes));
const name = fc
  .string({ unit: 'grapheme', minLength: 1 })
  .filter((text) => /^[^\s+\p{Cc}\p{White_Space}]+$/u.test(text) && text.isWellFormed());
/** tlog-checkpoint lets an origin be any line. */
const origins = fc.oneof(name, fc.constantFrom('two words', 'a+b', 'ä'));
const text = fc
  .array(fc.string({ unit: 'grapheme' }).filter((line) => !/[\p{Cc}]/u.test(line) && line.isWellFormed()))
  .map((lines) => `${lines.join('\n')}\n`);
const line = fc.record({
  name,
  id: fc.integer({ min: 0, max: 0xffffffff }),
  signature: fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes): Bytes => new Uint8Array(bytes)),
});
const code = (act: () => unknown): unknown => {
  try {
    act();
    return 'read';
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('a signed note', () => {
  // The key and note that the specification shows.
  const key = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
  const note =
    'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

  test('of the specification opens under the key shown there, and under no other', async () => {
    const { name: signer, key: known, type } = await parseNoteKeyText(key);
    expect([signer, type]).toEqual(['example.com/foo', NOTE_ED25519]);
    expect(await noteKeyText(signer, known)).toBe(key);
    const verifier = await ed25519Verifier(signer, known);
    expect((await openNote(note, [verifier])).text).toBe('This is an example message.\n');
    const other = await ed25519Verifier('example.com/bar', known);
    await expect(openNote(note, [other])).rejects.toMatchObject({ code: 'tlog/unknown-signer' });
    await expect(openNote(note.replace('an', 'no'), [verifier])).rejects.toMatchObject({
      code: 'tlog/bad-signature',
    });
  });

  test('reads back, and what reads is in its one form', () => {
    fc.assert(
      fc.property(text, fc.array(line, { minLength: 1, maxLength: 16 }), (words, signatures) => {
        const written = formatNote(words, signatures);
        expect(parseNote(written)).toEqual({ text: words, signatures });
      }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('\n', '\n\n', '— ', 'a', ' ', '+', 'AAAAAAA=', 'AAAAAAB=', '\t')),
        (parts) => {
          const written = parts.join('');
          if (code(() => parseNote(written)) !== 'read') return;
          const { text: words, signatures } = parseNote(written);
          expect(formatNote(words, signatures)).toBe(written);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is no note when it is cut anywhere', () => {
    for (let at = 0; at < note.length; at++)
      expect(
        code(() => parseNote(note.slice(0, at))),
        `cut at ${at}`,
      ).toBe('tlog/malformed-note');
  });
});

describe('a verifier key', () => {
  test('reads back, for both kinds of signature, and is none when it is cut or changed anywhere', async () => {
    const { key } = await ed25519Signer(generateSecret());
    for (const type of [NOTE_ED25519, NOTE_COSIGNATURE]) {
      const written = await noteKeyText('log.example/one', key, type);
      expect(await parseNoteKeyText(written)).toEqual({ name: 'log.example/one', key, type });
      for (let at = 0; at < written.length; at++) {
        const changed = written.slice(0, at) + (written[at] === 'B' ? 'C' : 'B') + written.slice(at + 1);
        for (const bad of [written.slice(0, at), changed])
          await expect(parseNoteKeyText(bad), bad).rejects.toMatchObject({ code: 'tlog/malformed-key' });
      }
    }
  });

  test('that holds no point is none', async () => {
    const x = new Uint8Array(32);
    const material = Buffer.from([NOTE_ED25519, ...x]).toString('base64');
    await expect(parseNoteKeyText(`log.example+00000000+${material}`)).rejects.toMatchObject({
      code: 'tlog/malformed-key',
    });
    await expect(noteKeyText('log.example', encodeKey({ curve: 'Ed25519', x }))).rejects.toMatchObject({
      code: 'cose/bad-key',
    });
    expect(base64urlEncode(x)).toHaveLength(43);
  });
});

describe('a checkpoint', () => {
  test('reads back, and what reads is in its one form', () => {
    fc.assert(
      fc.property(origins, fc.maxSafeNat(), hash, (origin, size, root) => {
        expect(parseCheckpoint(formatCheckpoint({ origin, size, root }))).toEqual({ origin, size, root });
      }),
    );
    const good = formatCheckpoint({ origin: 'log.example', size: 12, root: new Uint8Array(32).fill(7) });
    for (let at = 0; at < good.length; at++) {
      expect(code(() => parseCheckpoint(good.slice(0, at)))).toBe('tlog/malformed-checkpoint');
      for (const letter of ['0', '9', '/', '=', '\n', ' ', '-']) {
        const changed = good.slice(0, at) + letter + good.slice(at + 1);
        if (code(() => parseCheckpoint(changed)) !== 'read') continue;
        expect(formatCheckpoint(parseCheckpoint(changed))).toBe(changed);
      }
    }
  });
});

describe('a proof file', () => {
  test('reads back, and what reads is in its one form', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.array(hash, { maxLength: 64 }), text, (index, proof, checkpoint) => {
        const written = encodeTlogProof({ index, proof, checkpoint });
        expect(parseTlogProof(written)).toEqual({ index, proof, checkpoint });
      }),
    );
    const good = encodeTlogProof({ index: 5, proof: [new Uint8Array(32)], checkpoint: 'x\n' });
    const end = good.indexOf('\n\n');
    for (let at = 0; at < end + 2; at++)
      expect(code(() => parseTlogProof(good.slice(0, at)))).toBe('tlog/malformed-proof');
    for (let at = 0; at < end; at++) {
      for (const letter of ['0', '7', 'A', '=', '\n', ' ', '\r']) {
        const changed = good.slice(0, at) + letter + good.slice(at + 1);
        if (code(() => parseTlogProof(changed)) !== 'read') continue;
        expect(encodeTlogProof(parseTlogProof(changed))).toBe(changed);
      }
    }
    const many = encodeTlogProof({
      index: 5,
      proof: Array.from({ length: 65 }, () => new Uint8Array(32)),
      checkpoint: '',
    });
    expect(code(() => parseTlogProof(many))).toBe('tlog/malformed-proof');
  });
});

test('a cosignature has a time that a number holds, and 64 bytes behind it', () => {
  const signature = new Uint8Array(72);
  expect(cosignatureTime(signature)).toBe(0);
  for (const length of [0, 8, 64, 71, 73]) {
    expect(code(() => cosignatureTime(new Uint8Array(length)))).toBe('tlog/malformed-cosignature');
  }
  new DataView(signature.buffer).setBigUint64(0, 1_700_000_000n);
  expect(cosignatureTime(signature)).toBe(1_700_000_000_000);
  for (const seconds of [2n ** 63n, 2n ** 64n - 1n, 9_007_199_254_741n]) {
    new DataView(signature.buffer).setBigUint64(0, seconds);
    expect(code(() => cosignatureTime(signature))).toBe('tlog/malformed-cosignature');
  }
});
