// Tables in documents that name tests: rows of a section, with what their cells say, and whether a named test exists.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
export const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export type Named = { readonly file: string; readonly words: string };

/** A cell with a file in backticks before the names of its tests in quotation marks. */
export function testsIn(cell: string): Named[] {
  const found: Named[] = [];
  let file = '';
  for (const [, path, words] of cell.matchAll(/`([^`]+)`|“([^”]+)”/g)) {
    if (path !== undefined) file = path;
    else found.push({ file, words: words ?? '' });
  }
  return found;
}

/** Cells of the rows of all tables below a heading of the second level, without the tables' heads. */
export function rowsBelow(text: string, heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  const heads = new Set(lines.flatMap((line, at) => (/^\|[ -]*-/.test(line) ? [at - 1, at] : [])));
  return lines.filter((_, at) => !heads.has(at)).map((line) => line.slice(2, -2).split(' | '));
}

/** Whether the file has a test, a group or a row of tests under these words; an ellipsis stands for the rest of them. */
export function hasTest(file: string, words: string): boolean {
  const [start = '', more] = words.split('…');
  const literal = start.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const end = more === undefined ? '\\1[,)]' : '';
  return new RegExp(`(['"\`])${literal}${end}`).test(read(file));
}
