// Kept collateral in words.
import type { Piece } from '@sealroom/attest/supply';
import type { BadFile, HeldPiece } from '@sealroom/host/collateral';
import { printable } from '../error.ts';
import { table, timeText } from '../terminal/text.ts';

function at(milliseconds: number): string {
  return timeText(new Date(milliseconds).toISOString());
}

/** Nothing signs a key set: it is believed for where it came from, or for who imported it. */
function ofText({ kind, subject, vouchedUntil }: Piece): string {
  if (kind !== 'key-set') return printable(subject);
  return `${printable(subject)}, ${vouchedUntil === undefined ? 'fetched' : 'vouched for by import'}`;
}

function untilText({ notAfter }: Piece, now: number, soon: boolean): string {
  if (notAfter <= now) return `ended ${at(notAfter)}`;
  return soon ? `${at(notAfter)} (soon)` : at(notAfter);
}

export function piecesText(pieces: readonly Piece[], now: number): string {
  if (pieces.length === 0)
    return 'Nothing to keep: there are only roots, which are pinned in this program.\n';
  const rows = pieces.map((piece) => [piece.kind, ofText(piece), untilText(piece, now, false)]);
  return `Kept:\n${table(['kind', 'of', 'until'], rows, '')}`;
}

export function heldText(
  { rows, bad, ending }: { rows: readonly HeldPiece[]; bad: readonly BadFile[]; ending: ReadonlySet<string> },
  now: number,
): string {
  const lines = rows.map(({ file, piece, fetchedAt }) => [
    piece.kind,
    ofText(piece),
    untilText(piece, now, ending.has(file)),
    at(fetchedAt),
  ]);
  const kept = table(['kind', 'of', 'until', 'here since'], lines, 'Nothing is kept here.');
  if (bad.length === 0) return kept;
  const files = bad.map(({ file, code }) => `  ${printable(file)} [${code}]\n`).join('');
  return `${kept}\nFiles that cannot be used; remove them or import them again:\n${files}`;
}
