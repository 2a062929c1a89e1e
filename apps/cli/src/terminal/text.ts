// Numbers, times, digests and tables as people read them.
import { printable } from '../error.ts';

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}

export function durationText(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.ceil(seconds))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-11-22 10:00:00 UTC` */
export function timeText(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
}

/** Enough of a digest to tell it from the others on the screen; commands take it as a prefix. */
export function short(digest: string): string {
  return digest.startsWith('sha256:') ? digest.slice(7, 19) : digest;
}

/** Columns as wide as they need; the last one may be cut by the terminal, nothing else. A row is one line, whatever is in it. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  empty = 'There are none yet.',
): string {
  if (rows.length === 0) return `${empty}\n`;
  const all = [head, ...rows].map((row) => row.map((cell) => printable(cell).replaceAll('\n', ' ')));
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** `name: value` lines, aligned; further lines of a value stand under its first, so that none passes for a name. */
export function facts(pairs: readonly (readonly [string, string | undefined])[]): string {
  const given = pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const width = Math.max(0, ...given.map(([name]) => name.length));
  const under = `\n${' '.repeat(width + 2)}`;
  const text = (value: string) => printable(value).replaceAll('\n', under);
  return given.map(([name, value]) => `${`${name}:`.padEnd(width + 2)}${text(value)}\n`).join('');
}
