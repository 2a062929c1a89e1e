// Mutations of text in lines: lines change places, come twice or go; words of base64 are changed inside.
import type { Random } from './random.ts';

const PIECES = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '\\',
  '"',
  "'",
  '#',
  '0',
  '-',
  '+',
  '=',
  '/',
  '..',
  ':',
  '%2f',
  '%00',
  '\u2028',
  '\u00a0',
  '\ufeff',
  '\ud83d\ude00',
  'e\u0301',
  '\u0000',
  '99999999999999999999',
];

function changeWord(random: Random, word: string, inside: (bytes: Uint8Array) => Uint8Array): string {
  if (word.length >= 16 && /^[A-Za-z0-9+/=_-]+$/.test(word) && random.below(3) > 0) {
    const url = /[_-]/.test(word);
    const changed = Buffer.from(inside(Buffer.from(word, url ? 'base64url' : 'base64')));
    return changed.toString(url ? 'base64url' : 'base64');
  }
  const at = random.below(word.length + 1);
  return word.slice(0, at) + (random.pick(PIECES) ?? '') + word.slice(at + random.below(3));
}

export function mutateText(
  random: Random,
  text: string,
  other: string,
  inside: (bytes: Uint8Array) => Uint8Array,
): string {
  let lines = text.split('\n');
  for (let left = 1 + random.length(3); left > 0; left--) {
    const at = random.below(lines.length);
    const to = random.below(lines.length);
    const line = lines[at] ?? '';
    const words = line.split(' ');
    const word = random.below(words.length);
    const changes = [
      () => lines.toSpliced(at, 1),
      () => lines.toSpliced(to, 0, line),
      () => lines.toSpliced(at, 1).toSpliced(to, 0, line),
      () => lines.toSpliced(at, 0, random.pick(other.split('\n')) ?? ''),
      () => lines.with(at, words.toSpliced(word, 1).join(' ')),
      () => lines.with(at, words.toSpliced(word, 0, words[word] ?? '').join(' ')),
      () => lines.with(at, words.with(word, changeWord(random, words[word] ?? '', inside)).join(' ')),
      () => lines.with(at, words.with(word, changeWord(random, words[word] ?? '', inside)).join(' ')),
      () => lines.with(at, random.pick(PIECES) + line),
      () => lines.with(at, line + random.pick(PIECES)),
      () => lines.toSpliced(at, 0, ''),
    ];
    lines = (random.pick(changes) ?? (() => lines))();
    if (lines.length === 0) lines = [''];
  }
  return lines.join('\n');
}
