// Compiled modules for Python in a package, told by their file names (PEP 3149, PEP 384): one of
// `name.cpython-311-x86_64-linux-gnu.so` runs in CPython 3.11 on that platform alone, `name.abi3.so` and `name.so` do not say.
// Not checked: that a file is what its name says, and which C library it wants.
import { PackageError } from './error.ts';

/** A module that runs only where one of its variants fits. Versions such as `3.11`, platforms such as `x86_64-linux-gnu`. */
export type CompiledModule = {
  readonly path: string;
  readonly variants: readonly { readonly version: string; readonly platform: string }[];
};

/** What modules are to run in; what is left out is not compared. */
export type PythonRuntime = { readonly version?: string; readonly architecture?: string };

const TAGGED = /^(.+)\.(?:cpython-|cp)3([0-9]+t?)-([a-z0-9_-]+)\.(?:so|pyd)$/;
const UNTAGGED = /^([^.]+(?:\/[^.]+)*)\.(?:abi3\.)?so$/;
const IMAGE = /(?:^|\/)python:(3\.[0-9]+)(?![0-9])/;
const INTERPRETER = /(?:^|\/)python(?:3(?:\.[0-9]+)?)?$/;

/** The compiled modules among these paths that say what they are for. */
export function compiledModules(paths: readonly string[]): readonly CompiledModule[] {
  const found = new Map<string, { path: string; variants: { version: string; platform: string }[] }>();
  for (const path of paths) {
    const [, stem = '', minor = '', platform = ''] = TAGGED.exec(path) ?? [];
    if (stem === '') continue;
    const module = found.get(stem) ?? { path, variants: [] };
    module.variants.push({ version: `3.${minor}`, platform });
    found.set(stem, module);
  }
  // Python takes a variant without a tag where no tagged one fits.
  for (const path of paths) found.delete(UNTAGGED.exec(path)?.[1] ?? '');
  return [...found.values()];
}

/** Whether the package brings an interpreter of its own, so that the machine's does not matter. */
export function bringsPython(paths: readonly string[]): boolean {
  return paths.some((path) => INTERPRETER.test(path));
}

/** The Python version that a base image names, such as `3.11` for `python:3.11-slim`. */
export function versionOfImage(base: string): string | undefined {
  return IMAGE.exec(base)?.[1];
}

function listed(modules: readonly CompiledModule[], key: 'version' | 'platform'): string {
  const values = modules.flatMap(({ variants }) => variants.map((variant) => variant[key]));
  return [...new Set(values)].sort().join(', ');
}

/** For people: what the modules are for; undefined where none says. */
export function describeModules(modules: readonly CompiledModule[]): string | undefined {
  if (modules.length === 0) return undefined;
  return `CPython ${listed(modules, 'version')} on ${listed(modules, 'platform')}`;
}

/**
 * Refuses modules of which no variant runs on Linux in this Python and on this processor.
 * @throws package/foreign-modules
 */
export function checkModules(modules: readonly CompiledModule[], runtime: PythonRuntime): void {
  const { version, architecture } = runtime;
  const unfit = modules.find(
    ({ variants }) =>
      !variants.some(
        (variant) =>
          variant.platform.includes('-linux-') &&
          (version === undefined || variant.version === version) &&
          (architecture === undefined || variant.platform.startsWith(`${architecture}-`)),
      ),
  );
  if (unfit === undefined) return;
  const wanted = [version && `CPython ${version}`, 'Linux', architecture].filter(Boolean).join(', ');
  throw new PackageError(
    'package/foreign-modules',
    `${JSON.stringify(unfit.path)} was compiled for ${describeModules([unfit])}, and the room needs modules for ${wanted}; install the package's dependencies with such a Python on such a machine.`,
  );
}
