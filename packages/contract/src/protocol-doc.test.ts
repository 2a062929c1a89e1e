// Holds docs/protocol.md against the code: a statement type, its payload, signer, use and scope, a message, a release code
// or a receipt check that stands in one of them and not in the other fails here.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hexEncode } from '@sealroom/bytes';
import { PUBLIC_SUBJECT_KEY } from '@sealroom/tlog';
import { z } from 'zod';
import { RELEASE_CODES, STATEMENTS } from './index.ts';
import { makeMessages, makeStatements } from './vectors-for-tests.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'protocol.md'), 'utf8');

/** The rows of the first table under a heading, cell by cell. */
function tableUnder(heading: string): string[][] {
  const section = text.split(`\n${heading}`)[1]?.split(/\n#{2,3} /)[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows.length, `there is a table under "${heading}"`).toBeGreaterThan(0);
  return rows.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const words = (cell: string | undefined): string[] =>
  [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
const firstWords = (rows: readonly string[][]): string[] => rows.flatMap(([cell]) => words(cell).slice(0, 1));

const statements = tableUnder('### 4.2 Table of statements');

test('the statement table has exactly the types of the code, in its order', () => {
  expect(firstWords(statements)).toEqual(Object.keys(STATEMENTS));
});

test.each(Object.entries(STATEMENTS))('the row of %s says what the code says', (type, row) => {
  const [, payload, signer, use, scope] = statements.find(([cell]) => cell === `\`${type}\``) ?? [];
  const shape = row.payload instanceof z.ZodObject ? Object.keys(row.payload.shape) : [];
  const members = shape.filter((member) => member !== 'salt');
  if (type !== 'contract.signed') expect(words(payload)).toEqual(members);
  expect([signer, use, scope]).toEqual([row.signer, row.use ?? '–', row.scope]);
});

test('the release codes are those of the code, in its order', () => {
  expect(firstWords(tableUnder('### 7.7 Release codes'))).toEqual([...RELEASE_CODES]);
});

test('every release code has a meaning and something to do', () => {
  for (const [code, meaning, todo] of tableUnder('### 7.7 Release codes'))
    expect(
      [meaning?.length, todo?.length].every((length) => (length ?? 0) > 5),
      code,
    ).toBe(true);
});

test('the receipt codes are those of the code', () => {
  const source = readFileSync(join(import.meta.dirname, 'error.ts'), 'utf8');
  const known = [...source.matchAll(/'(receipt\/[a-z-]+)'/g)].map((match) => match[1] ?? '');
  expect(known.length).toBeGreaterThan(10);
  expect(firstWords(tableUnder('### 9.3 Receipt codes')).toSorted()).toEqual(known.toSorted());
});

test('the codes of statements and contracts all stand in the text', () => {
  const source = readFileSync(join(import.meta.dirname, 'error.ts'), 'utf8');
  const known = [...source.matchAll(/'((?:statement|contract|trust)\/[a-z-]+)'/g)].map(
    (match) => match[1] ?? '',
  );
  expect(known.length).toBeGreaterThan(10);
  expect(known.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
});

test('the messages and their members are those of the code', async () => {
  const { messages } = await makeMessages();
  const made = messages.map(({ name, payload }) => [name, Object.keys(JSON.parse(payload) as object)]);
  const rows = tableUnder('### 4.4 Messages').map((cells) => [
    words(cells[0])[0],
    words(cells[2]).toSorted(),
  ]);
  expect(rows).toEqual(made);
});

test('keys and bytes that the text shows are real ones', async () => {
  const { keys, thumbprints, statements: signed } = await makeStatements();
  expect(text).toContain(keys.ownerRoot);
  expect(text).toContain(thumbprints.ownerRoot);
  expect(text).toContain(hexEncode(PUBLIC_SUBJECT_KEY));
  const shown = ['d284', '590107', 'a40132', '0378266170706c', '045820ab8b2490', '0fa401784773'];
  const bytes = signed['run.approved'].cose;
  for (const part of shown) expect(bytes).toContain(part);
});
