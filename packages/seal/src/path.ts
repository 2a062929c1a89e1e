// Paths of sealed files (protocol.md section 3): relative, `/` between parts, NFC, safe on every file system that the
// sealed folder may be copied to. Not checked: names that single systems reserve (such as `con` on Windows).
import { type Bytes, utf8Encode } from '@sealroom/bytes';
import { SealError } from './error.ts';

/** The name of a version's inventory; no sealed file may have it. */
export const INVENTORY_NAME = 'inventory.sealed';
/** Leaf hashes of `<path>` lie in `<path>.tree`; no sealed file may have such a name. */
export const TREE_SUFFIX = '.tree';

const LONGEST = 1024;
const CONTROL = /[\p{Cc}\u2028\u2029]/u;

function problem(path: string): string | undefined {
  if (!path.isWellFormed()) return 'holds half of a surrogate pair';
  if (path.normalize('NFC') !== path) return 'is not in Unicode normal form C';
  if (utf8Encode(path).length > LONGEST) return `is longer than ${LONGEST} bytes`;
  if (CONTROL.test(path)) return 'holds a control character';
  if (path.includes('\\')) return 'holds a backslash';
  if (path.startsWith('/')) return 'begins with a slash';
  const parts = path.split('/');
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return 'has a part that is empty, "." or ".."';
  }
  const folded = parts.map(foldPath);
  if (folded[0] === INVENTORY_NAME) return `has the name "${INVENTORY_NAME}", which belongs to the inventory`;
  if (folded.some((part) => part.endsWith(TREE_SUFFIX))) {
    return `has a name that ends in "${TREE_SUFFIX}", which belongs to leaf hashes`;
  }
  return undefined;
}

/** Gives the path back when a sealed file may have it. @throws seal/bad-path */
export function checkPath(path: string): string {
  const found = problem(path);
  if (found !== undefined) {
    throw new SealError('seal/bad-path', `The path ${JSON.stringify(path)} ${found}; rename the file.`);
  }
  return path;
}

/** What a file is sealed with as associated data: the UTF-8 bytes of its path. @throws seal/bad-path */
export function associatedDataFor(path: string): Bytes {
  return utf8Encode(checkPath(path));
}

/** One text for all spellings of a path that a file system may take for the same name. */
export function foldPath(path: string): string {
  // Down first: the capital ẞ and the small ß are one letter, and SS is only what ß becomes going up.
  return path.normalize('NFC').toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

/**
 * Refuses paths that cannot lie beside each other on every file system: the same name in other letters, or a name that is
 * both file and folder.
 * @throws seal/bad-path
 */
export function checkPaths(paths: readonly string[]): void {
  const files = new Map<string, string>();
  for (const path of paths) {
    const other = files.get(foldPath(path));
    if (other !== undefined) {
      throw new SealError(
        'seal/bad-path',
        `${JSON.stringify(path)} and ${JSON.stringify(other)} are one name where letter case is ignored; rename one.`,
      );
    }
    files.set(foldPath(path), path);
  }
  for (const [folded, path] of files) {
    for (let at = folded.indexOf('/'); at >= 0; at = folded.indexOf('/', at + 1)) {
      const other = files.get(folded.slice(0, at));
      if (other === undefined) continue;
      throw new SealError(
        'seal/bad-path',
        `${JSON.stringify(other)} is a file and the folder of ${JSON.stringify(path)}; rename one.`,
      );
    }
  }
}
