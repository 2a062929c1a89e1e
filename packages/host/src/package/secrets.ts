// secrets.yaml of an algorithm package (EscrowAI's form): which files are secret, and what their sealed copies are called.
//
//   secretFiles:
//     - ["models/model.json.sealed", "models/model.json"]
//
// In Sealroom every file of an algorithm version is sealed (protocol.md section 3), and the room lays every file
// under its own path. So the second name is the file as it lies in the package and in the room, and listing it means
// that no tool may keep it in clear; the first name is only checked. This reads exactly the shape above (comments,
// single or double quotes) and no other YAML: no anchors, tags, aliases, block text or further keys.
import { checkPath, foldPath } from '@sealroom/seal';
import { PackageError } from './error.ts';

/** A secret file: its sealed copy's path, and its own. */
export type SecretFile = { readonly sealed: string; readonly plain: string };

const ITEM =
  /^( *)- \[ *("(?:[^"\\]|\\.)*"|'(?:[^']|'')*') *, *("(?:[^"\\]|\\.)*"|'(?:[^']|'')*') *\] *(?: #.*)?$/;
const NEVER_SECRET = new Set(['dockerfile', 'secrets.yaml']);

function bad(line: number, what: string): PackageError {
  return new PackageError(
    'package/bad-secrets',
    `secrets.yaml, line ${line}: ${what}. The file reads:\nsecretFiles:\n  - ["model.bin.sealed", "model.bin"]`,
  );
}

function unquote(token: string, line: number): string {
  if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
  try {
    const value: unknown = JSON.parse(token);
    if (typeof value === 'string') return value;
  } catch {
    // Said below: YAML knows escapes that JSON lacks.
  }
  throw bad(line, 'a name has an escape that is not used here');
}

function checkName(path: string, line: number): string {
  try {
    return checkPath(path);
  } catch (error) {
    throw new PackageError(
      'package/bad-path',
      `secrets.yaml, line ${line}: ${JSON.stringify(path)} is no path inside the package; write it relative to the package's folder, without "..".`,
      { cause: error },
    );
  }
}

function readItem(text: string, line: number): { readonly indent: number; readonly file: SecretFile } {
  const [, spaces, first, second] = ITEM.exec(text) ?? [];
  if (spaces === undefined || first === undefined || second === undefined) {
    throw bad(line, 'this is not a list of two quoted names');
  }
  const sealed = checkName(unquote(first, line), line);
  const plain = checkName(unquote(second, line), line);
  if (!/\.(?:sealed|bkenc)$/.test(sealed)) throw bad(line, 'the first name must end in .sealed (or .bkenc)');
  if (NEVER_SECRET.has(foldPath(plain))) {
    throw bad(line, `${plain} cannot be secret, since the package is read by it`);
  }
  return { indent: spaces.length, file: { sealed, plain } };
}

/**
 * The secret files that a secrets.yaml names.
 * @throws package/bad-secrets for any other shape, a name that stands twice, or a Dockerfile; package/bad-path
 */
export function parseSecretFiles(text: string): readonly SecretFile[] {
  const files: SecretFile[] = [];
  const names = new Set<string>();
  let begun = false;
  let closed = false;
  let indent: number | undefined;
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    const line = index + 1;
    const content = raw.trimEnd();
    if (/^ *(?:#.*)?$/.test(content)) continue;
    if (!begun) {
      const key = /^secretFiles: *(?:(\[ *\]) *)?(?: #.*)?$/.exec(content);
      if (content === '---' && line === 1) continue;
      if (key === null) throw bad(line, 'the only key is secretFiles');
      begun = true;
      closed = key[1] !== undefined;
      continue;
    }
    if (closed) throw bad(line, 'nothing may follow the empty list');
    const item = readItem(content, line);
    indent ??= item.indent;
    if (indent !== item.indent) throw bad(line, 'all entries must be indented alike');
    for (const name of [item.file.sealed, item.file.plain]) {
      const folded = foldPath(name);
      if (names.has(folded))
        throw bad(line, `${JSON.stringify(name)} stands twice (letter case does not count)`);
      names.add(folded);
    }
    files.push(item.file);
  }
  if (!begun) throw bad(1, 'there is no secretFiles');
  if (!closed && files.length === 0)
    throw bad(1, 'secretFiles is empty; write secretFiles: [] or drop the file');
  return files;
}
