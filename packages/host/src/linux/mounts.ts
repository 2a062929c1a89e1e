// Reads /proc/self/mountinfo (proc(5)): which file system a path lies on, and where control groups are mounted.
import { readFileSync, realpathSync } from 'node:fs';

export type Mount = {
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
  readonly type: string;
  readonly superOptions: readonly string[];
};

// mountinfo writes space, tab, newline and backslash as octal.
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Every mount, later ones over earlier ones; empty off Linux. */
export function mounts(): Mount[] {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .filter((line) => line.includes(' - '))
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const left = before.split(' ');
      const right = after.split(' ');
      return {
        root: unescape(left[3] ?? '/'),
        point: unescape(left[4] ?? '/'),
        options: (left[5] ?? '').split(','),
        type: right[0] ?? '',
        superOptions: (right[2] ?? '').split(','),
      };
    });
}

/** Whether files below `path` may be executed, as far as the mount says. */
export function mayExecute(path: string): boolean {
  const real = realpathSync(path);
  const holder = mounts()
    .filter(({ point }) => point === '/' || real === point || real.startsWith(`${point}/`))
    .sort((a, b) => a.point.length - b.point.length)
    .at(-1);
  return holder === undefined || !holder.options.includes('noexec');
}
