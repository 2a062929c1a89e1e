// Names of blobs within a container, and the URL of one blob from a container's signed URL.
import { utf8Encode } from '@sealroom/bytes';
import { refusal } from './problem.ts';

const LONGEST = 1024;
const LONGEST_PART = 255;
const CONTROL = /[\p{Cc}\u2028\u2029\\]/u;

/** The parts of a blob's path: relative, `/` between parts, none empty, `.` or `..`. @throws blob/bad-path. */
export function blobPathParts(path: string): string[] {
  const parts = path.split('/');
  const bad =
    !path.isWellFormed() ||
    CONTROL.test(path) ||
    utf8Encode(path).length > LONGEST ||
    parts.some(
      (part) => part === '' || part === '.' || part === '..' || utf8Encode(part).length > LONGEST_PART,
    );
  if (bad) throw refusal('blob/bad-path', 'A blob’s path is relative and has no empty, "." or ".." part.');
  return parts;
}

/**
 * The URL of the blob `path` in a container that is given by a (signed) URL, whose query is kept.
 * @throws blob/bad-path, store/bad-url.
 */
export function containerUrl(base: string | URL, path: string): URL {
  if (!URL.canParse(base)) throw refusal('store/bad-url', 'The container is not given by a URL.');
  const url = new URL(base);
  const encoded = blobPathParts(path).map(encodeURIComponent).join('/');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${encoded}`;
  return url;
}
