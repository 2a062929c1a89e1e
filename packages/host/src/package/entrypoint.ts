// What a package's ENTRYPOINT starts. The forms are Docker's; one rule is added: a bare name that is a file of the
// package means that file. (The manual's `ENTRYPOINT ["run.sh"]` names no path, and `exec` would look for it on
// PATH only.) Not checked: that the program exists on the machine, or may be executed.
import { posix } from 'node:path';
import { PackageError } from './error.ts';

/** Exec form: the words of the command. Shell form: a line for `/bin/sh -c`. */
export type Entrypoint =
  | { readonly form: 'exec'; readonly command: readonly string[] }
  | { readonly form: 'shell'; readonly line: string };

function words(text: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : undefined;
}

/**
 * Reads what follows ENTRYPOINT or CMD; undefined for an empty list, which Docker takes for "none".
 * @throws package/bad-entrypoint for a list that is not JSON (Docker would hand it to a shell, which cannot run it),
 * an empty program name, or a NUL character.
 */
export function parseEntrypoint(text: string): Entrypoint | undefined {
  if (text.includes('\0')) {
    throw new PackageError('package/bad-entrypoint', 'The ENTRYPOINT holds a NUL character; remove it.');
  }
  if (!text.startsWith('[')) return text === '' ? undefined : { form: 'shell', line: text };
  const command = words(text);
  if (command === undefined) {
    throw new PackageError(
      'package/bad-entrypoint',
      'The ENTRYPOINT looks like a list but is not JSON; write it as ["run.sh"], with double quotes.',
    );
  }
  if (command.length === 0) return undefined;
  if (command[0] === '' || command.some((word) => word.includes('\0'))) {
    throw new PackageError('package/bad-entrypoint', 'The ENTRYPOINT names no program; write ["run.sh"].');
  }
  return { form: 'exec', command };
}

/**
 * The words to execute, given where the package lies.
 * @param workdir absolute path of the package's folder as the algorithm sees it
 * @param files paths of the package's files, relative to that folder
 * @returns the program first: an absolute path, or a bare name to be looked up on PATH
 */
export function resolveEntrypoint(
  entrypoint: Entrypoint,
  workdir: string,
  files: Iterable<string>,
): readonly string[] {
  if (!posix.isAbsolute(workdir)) {
    throw new PackageError('package/bad-workdir', 'The working directory must be an absolute path.');
  }
  if (entrypoint.form === 'shell') return ['/bin/sh', '-c', entrypoint.line];
  const [program = '', ...rest] = entrypoint.command;
  if (posix.isAbsolute(program)) return [program, ...rest];
  if (program.includes('/') || new Set(files).has(program)) return [posix.join(workdir, program), ...rest];
  return [program, ...rest];
}
