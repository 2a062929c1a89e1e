import { expect, it } from 'vitest';
import { wordsOf } from './notes.ts';

it('shows the words of a salted note, and any other note as it is', () => {
  expect(wordsOf('{"salt":"AA","text":"too much"}')).toBe('too much');
  expect(wordsOf('too much')).toBe('too much');
  expect(wordsOf('{"text":1}')).toBe('{"text":1}');
  expect(wordsOf('null')).toBe('null');
});
