// Targets for notes, checkpoints and cosignatures.
import { bytesEqual, concat } from '@sealroom/bytes';
import {
  cosignatureTime,
  ed25519Verifier,
  formatCheckpoint,
  formatNote,
  noteKeyText,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  parseNoteKeyText,
} from '@sealroom/tlog';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { tlog } from './codes.ts';
import { texts } from './genuine.ts';
import {
  NOTE,
  NOTE_WORDS,
  OPEN_CHECKPOINT,
  ORIGIN,
  SIZE,
  sortedLines,
  textOf,
  WITNESS,
  type World,
} from './tlog-world.ts';

export const noteTarget = ({ note, cosigned }: World): Target => ({
  name: 'tlog.parseNote',
  covers: ['tlog/parseNote'],
  form: 'text',
  seeds: texts(note, cosigned, 'a\n\nb\n\n— x AAAAAAAA\n'),
  words: NOTE_WORDS,
  run: (input) => {
    const text = textOf(input);
    return judge(
      tlog(...NOTE),
      () => parseNote(text),
      (parsed) =>
        expect(formatNote(parsed.text, parsed.signatures) === text, 'round-trip', 'It writes another note.'),
    );
  },
});

export const openNoteTarget = ({ signer, note, cosigned }: World): Target => ({
  name: 'tlog.openNote',
  covers: ['tlog/openNote', 'tlog/checkEd25519'],
  form: 'text',
  seeds: texts(note, cosigned),
  words: NOTE_WORDS,
  run: async (input) => {
    const verifier = await ed25519Verifier(ORIGIN, signer.key);
    return judgeAsync(
      tlog(...NOTE, 'tlog/bad-signature', 'tlog/unknown-signer'),
      () => openNote(textOf(input), [verifier]),
      ({ text, verified }) => {
        expect(text === parseNote(note).text, 'false-accept', 'A text opens that nobody signed.');
        expect(verified.length === 1, 'false-accept', 'One key counts twice.');
      },
    );
  },
});

export const checkpointTarget = ({ root }: World): Target => ({
  name: 'tlog.parseCheckpoint',
  covers: ['tlog/parseCheckpoint', 'tlog/parseDecimal'],
  form: 'text',
  seeds: texts(
    formatCheckpoint({ origin: ORIGIN, size: SIZE, root }),
    formatCheckpoint({ origin: 'x', size: 0, root }),
  ),
  words: [...NOTE_WORDS, '9007199254740991', '9007199254740992', '00'],
  run: (input) => {
    const text = textOf(input);
    return judge(
      tlog('tlog/malformed-checkpoint'),
      () => parseCheckpoint(text),
      // Whether the origin is a key name is asked where the signature is looked for.
      ({ origin, size, root: found }) =>
        expect(
          `${origin}\n${size}\n${Buffer.from(found).toString('base64')}\n` === text,
          'round-trip',
          'It writes another text.',
        ),
    );
  },
});

export function openCheckpointTarget(world: World, unknownLines: 'keep' | 'refuse'): Target {
  const { signer, witness, note, cosigned, root } = world;
  return {
    name: `tlog.openCheckpoint(${unknownLines})`,
    covers: ['tlog/openCheckpoint'],
    form: 'text',
    seeds: texts(note, cosigned),
    words: NOTE_WORDS,
    run: (input) => {
      const text = textOf(input);
      return judgeAsync(
        tlog(...OPEN_CHECKPOINT),
        () =>
          openCheckpoint(text, {
            origin: ORIGIN,
            key: signer.key,
            witnesses: [{ name: WITNESS, key: witness.key }],
            unknownLines,
          }),
        (opened) => {
          expect(
            opened.size === SIZE && bytesEqual(opened.root, root),
            'false-accept',
            'Another tree opens.',
          );
          const known = [sortedLines(note), sortedLines(cosigned)].includes(sortedLines(text));
          if (unknownLines === 'refuse')
            expect(known, 'false-accept', 'Lines stand there that nobody signed.');
          expect(
            opened.cosignatures.every(({ time }) => time === 1_800_000_000_000),
            'false-accept',
            'A witness signed at another time.',
          );
        },
      );
    },
  };
}

export const cosignatureTarget: Target = {
  name: 'tlog.cosignatureTime',
  covers: ['tlog/cosignatureTime'],
  form: 'bytes',
  seeds: [new Uint8Array(72), concat(Uint8Array.of(0, 0, 0, 0, 107, 73, 210, 0), new Uint8Array(64))],
  run: (input) =>
    judge(
      tlog('tlog/malformed-cosignature'),
      () => cosignatureTime(input),
      (time) =>
        expect(
          Number.isSafeInteger(time) && time >= 0 && time % 1000 === 0,
          'round-trip',
          'Its time is no time.',
        ),
    ),
};

export const keyTextTarget = (seeds: readonly string[]): Target => ({
  name: 'tlog.parseNoteKeyText',
  covers: ['tlog/parseNoteKeyText', 'tlog/checkKeyName'],
  form: 'text',
  seeds: texts(...seeds),
  words: NOTE_WORDS,
  run: (input) => {
    const text = textOf(input);
    return judgeAsync(
      tlog('tlog/malformed-key'),
      () => parseNoteKeyText(text),
      async ({ name, key, type }) =>
        expect((await noteKeyText(name, key, type)) === text, 'round-trip', 'It writes another text.'),
    );
  },
});
