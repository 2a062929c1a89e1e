// An algorithm package as its owner keeps it and as the room lays it: a folder with a Dockerfile, an entry point,
// code, and perhaps secrets.yaml. Not checked: the code.
import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { foldPath } from '@sealroom/seal';
import {
  bringsPython,
  checkModules,
  type CompiledModule,
  compiledModules,
  versionOfImage,
} from './compiled.ts';
import { type Dockerfile, parseDockerfile } from './dockerfile.ts';
import { resolveEntrypoint } from './entrypoint.ts';
import { PackageError } from './error.ts';
import { findFiles, type FoundFile } from './files.ts';
import { parseSecretFiles, type SecretFile } from './secrets.ts';

/** A file that goes into the algorithm version; `secret` ones may never lie in clear outside the room. */
export type PackageFile = FoundFile & { readonly secret: boolean };

/** A package that can be sealed and run. */
export type AlgorithmPackage = Dockerfile & {
  readonly folder: string;
  readonly secretFiles: readonly SecretFile[];
  readonly files: readonly PackageFile[];
  /** Compiled modules for Python that say what they are for; none where the package brings its own Python. */
  readonly compiled: readonly CompiledModule[];
};

const MOST_BYTES = 64 * 1024;

async function readText(folder: string, file: FoundFile): Promise<string> {
  if (file.size > MOST_BYTES) {
    throw new PackageError('package/too-large', `${file.path} is larger than 64 KiB; shorten it.`);
  }
  return readFile(join(folder, file.path), 'utf8');
}

function checkSecret({ sealed, plain }: SecretFile, files: readonly FoundFile[]): void {
  if (files.some((file) => foldPath(file.path) === foldPath(sealed))) {
    throw new PackageError(
      'package/already-sealed',
      `The package holds ${JSON.stringify(sealed)}; keep ${JSON.stringify(plain)} in its place (open the sealed copy with the key that sealed it), since the whole package is sealed at upload.`,
    );
  }
  if (!files.some((file) => file.path === plain)) {
    throw new PackageError(
      'package/secret-missing',
      `secrets.yaml names ${JSON.stringify(plain)}, which is not in the package; add it or drop its line.`,
    );
  }
}

async function secretsOf(folder: string, files: readonly FoundFile[]): Promise<readonly SecretFile[]> {
  const listed = files.find((file) => file.path === 'secrets.yaml');
  if (listed === undefined) return [];
  const secrets = parseSecretFiles(await readText(folder, listed));
  for (const secret of secrets) checkSecret(secret, files);
  return secrets;
}

/**
 * The files that go into the algorithm version, in the order of its inventory, and which of them are secret.
 * @throws package/missing-folder, package/not-a-file, package/bad-path, package/too-large, package/bad-secrets,
 * package/secret-missing, package/already-sealed
 */
export async function packageFiles(folder: string): Promise<readonly PackageFile[]> {
  const files = await findFiles(folder);
  const secret = new Set((await secretsOf(folder, files)).map((file) => file.plain));
  return files.map((file) => ({ ...file, secret: secret.has(file.path) }));
}

/** A script saved with Windows line ends has an interpreter that does not exist, and says only "not found". */
async function checkEntryFile(
  folder: string,
  dockerfile: Dockerfile,
  files: readonly FoundFile[],
): Promise<void> {
  const { entrypoint, workdir } = dockerfile;
  if (entrypoint.form === 'shell') return;
  const [program = ''] = resolveEntrypoint(
    entrypoint,
    workdir,
    files.map((file) => file.path),
  );
  const inside = posix.isAbsolute(program) ? posix.relative(workdir, program) : undefined;
  if (inside === undefined || inside.startsWith('../')) return;
  const file = files.find((candidate) => candidate.path === inside);
  if (file === undefined) {
    throw new PackageError(
      'package/bad-entrypoint',
      `The ENTRYPOINT starts ${JSON.stringify(inside)}, which is not in the package; add it or name another file.`,
    );
  }
  if (file.size <= MOST_BYTES && /^#![^\n]*\r\n/.test(await readText(folder, file))) {
    throw new PackageError(
      'package/bad-entrypoint',
      `${JSON.stringify(inside)} has Windows line ends, with which it cannot start; save it with Unix line ends.`,
    );
  }
}

/**
 * Reads a package: its files, Dockerfile and secrets.yaml.
 * @throws the codes of {@link packageFiles} and of `parseDockerfile`; package/missing-dockerfile;
 * package/bad-entrypoint when the entry point should be a file of the package and is not, or cannot start;
 * package/foreign-modules when compiled modules do not fit the Python that the base image names, or Linux.
 */
export async function readPackage(folder: string): Promise<AlgorithmPackage> {
  const found = await findFiles(folder);
  const listed = found.find((file) => file.path === 'Dockerfile');
  if (listed === undefined) {
    throw new PackageError(
      'package/missing-dockerfile',
      'The package has no Dockerfile at its top, so what to run is unknown; add one (sealroom algorithm init writes an example).',
    );
  }
  const dockerfile = parseDockerfile(await readText(folder, listed));
  await checkEntryFile(folder, dockerfile, found);
  const paths = found.map((file) => file.path);
  const compiled = bringsPython(paths) ? [] : compiledModules(paths);
  const version = versionOfImage(dockerfile.base);
  checkModules(compiled, version === undefined ? {} : { version });
  const secretFiles = await secretsOf(folder, found);
  const secret = new Set(secretFiles.map((file) => file.plain));
  return {
    ...dockerfile,
    folder,
    secretFiles,
    compiled,
    files: found.map((file) => ({ ...file, secret: secret.has(file.path) })),
  };
}
