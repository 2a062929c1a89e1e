import { utf8Encode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import { associatedDataFor, checkPath, foldPath } from './index.ts';

test.each([
  'a',
  'a/b.csv',
  '.hidden',
  'a/.b',
  'Größe/数据 1.csv',
  'tree',
  'a/inventory.sealed',
  '...',
  'x'.repeat(1024),
])('takes the path %j', (path) => {
  expect(checkPath(path)).toBe(path);
  expect(associatedDataFor(path)).toEqual(utf8Encode(path));
});

test.each([
  '',
  '/',
  '/a',
  'a/',
  'a//b',
  '.',
  './a',
  'a/.',
  '..',
  '../a',
  'a/../b',
  'a\\b',
  'a\0b',
  'a\nb',
  'a\u007f',
  'a\u0085',
  'a\u2028',
  'e\u0301',
  '\ud800',
  'inventory.sealed',
  'Inventory.SEALED',
  'inventory.\u017fealed',
  'inventory.sealed/a',
  'a.tree',
  'a/b.TREE',
  'a.tree/b',
  'é'.repeat(513),
])('refuses the path %j', (path) => {
  expect(() => checkPath(path)).toThrow(expect.objectContaining({ code: 'seal/bad-path' }));
  expect(() => associatedDataFor(path)).toThrow(expect.objectContaining({ code: 'seal/bad-path' }));
});

test('folds spellings that a file system may hold for one name', () => {
  expect(foldPath('STRASSE')).toBe(foldPath('straße'));
  expect(foldPath('STRAẞE')).toBe(foldPath('straße'));
  expect(foldPath('Ä')).toBe(foldPath('a\u0308'));
  expect(foldPath('a')).not.toBe(foldPath('b'));
});
