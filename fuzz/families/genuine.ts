// Genuine inputs to start from: the project's own vectors, and those of others where they are at hand.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64urlDecode, type Bytes, hexDecode, utf8Encode } from '@sealroom/bytes';

const VECTORS = join(import.meta.dirname, '..', '..', 'vectors');
const SHARED =
  process.env['SEALROOM_SHARED_VECTORS'] ?? join(import.meta.dirname, '..', '..', '..', 'shared', 'vectors');

/** A vector file of the project. */
export function vector<T>(name: string): T {
  return JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as T;
}

/** A file of the shared vectors, or undefined where they are not at hand: they only add seeds. */
export function sharedVector<T>(name: string): T | undefined {
  const path = join(SHARED, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined;
}

/** The bytes of a file of the shared vectors, or none. */
export function sharedBytes(name: string): Bytes[] {
  const path = join(SHARED, name);
  return existsSync(path) ? [new Uint8Array(readFileSync(path))] : [];
}

/** JSON files below a folder of the shared vectors, at most `most`, in the order of their names. */
export function sharedFolder<T>(name: string, most: number): T[] {
  const folder = join(SHARED, name);
  if (!existsSync(folder)) return [];
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.json'),
  );
  return paths
    .toSorted()
    .slice(0, most)
    .map((path) => JSON.parse(readFileSync(join(folder, path), 'utf8')) as T);
}

export type StatementVectors = {
  readonly made: {
    readonly secrets: Readonly<Record<string, string>>;
    readonly statements: Readonly<
      Record<string, { readonly payload: string; readonly cose: string; readonly digest: string }>
    >;
  };
};
export const statementVectors = (): StatementVectors => vector<StatementVectors>('contract/statements.json');

export type MessageVectors = {
  readonly made: {
    readonly key: string;
    readonly audience: string;
    readonly messages: readonly { readonly name: string; readonly payload: string; readonly cose: string }[];
  };
};
export const messageVectors = (): MessageVectors => vector<MessageVectors>('contract/messages.json');

export const receiptVectors = (): { readonly receipt: string; readonly trust: string } =>
  vector('contract/receipt.json');

/** Statements of the receipt in the vectors, with their leaves. */
export function receiptStatements(): readonly { readonly cose: string; readonly index: number }[] {
  const file = JSON.parse(receiptVectors().receipt) as {
    statements: { cose: string; index: number; path: string[] }[];
  };
  return file.statements;
}

export function statementBytes(): Bytes[] {
  const own = Object.values(statementVectors().made.statements).map(({ cose }) => hexDecode(cose));
  return [...own, ...receiptStatements().map(({ cose }) => base64urlDecode(cose))];
}

export const texts = (...list: readonly string[]): Bytes[] => list.map(utf8Encode);

/** Words of the documents, for dictionaries. */
export const DOCUMENT_WORDS = [
  'sha256:',
  '"v":1',
  '"salt"',
  '"prev":null',
  '"__proto__"',
  'owEBIAYhWCA',
  'owEBIAQhWCA',
  '2026-11-22T10:00:00Z',
  '\\u0000',
  '9007199254740992',
];
