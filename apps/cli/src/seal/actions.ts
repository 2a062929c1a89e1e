// `seal` and `open` for files and folders: keys come from files, progress is shown, outputs appear when they are whole.
import { base64urlDecode, type Bytes } from '@sealroom/bytes';
import {
  type OnProgress,
  openBkencFile,
  openBkencFolder,
  openFile,
  openFolder,
  sealFile,
  sealFolder,
  type SealedVersion,
} from '@sealroom/host/sealing';
import { assetKey, type AssetKind } from '@sealroom/seal';
import type { Action, Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readKeyFile } from '../home/files.ts';
import { bytesText, facts } from '../terminal/text.ts';
import { readVersionFile, type VersionFile, versionPath, writeVersionFile } from './version-file.ts';

async function watched<T>(
  context: Context,
  label: string,
  run: (watch: { onProgress: OnProgress; signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const progress = context.progress(label);
  try {
    const onProgress: OnProgress = ({ done, total }) => progress.update(done, total);
    return await run({ onProgress, signal: context.signal });
  } finally {
    progress.end();
  }
}

async function fileParts(input: Input) {
  return {
    input: input.arg(0),
    output: input.arg(1),
    key: await readKeyFile(input.text('key')),
    path: input.text('path'),
    overwrite: input.flag('overwrite'),
  };
}

export const sealOneFile: Action = async (context, input) => {
  const parts = await fileParts(input);
  await watched(context, 'sealing', (watch) => sealFile({ ...parts, ...watch }));
  const { output, path } = parts;
  return { json: { ok: true, output, path }, text: `Sealed to ${output}, bound to the path ${path}.\n` };
};

function isBkenc(input: Input): boolean {
  const format = input.optional('format') ?? 'sealroom';
  if (format !== 'sealroom' && format !== 'bkenc')
    throw new CliError('cli/usage', 'The option --format takes "sealroom" or "bkenc".');
  return format === 'bkenc';
}

const NOT_BOUND = 'Nothing ties such a file to its name: check that it is the one you mean.';

async function openBkenc(context: Context, input: Input) {
  if (input.optional('path') !== undefined)
    throw new CliError('cli/usage', 'EscrowAI’s files are bound to no path; leave --path out.');
  const [from, output] = [input.arg(0), input.arg(1)];
  const cek = await readKeyFile(input.text('key'));
  const overwrite = input.flag('overwrite');
  await watched(context, 'opening', (watch) =>
    openBkencFile({ input: from, output, cek, overwrite, ...watch }),
  );
  return {
    json: { ok: true, output },
    text: `Opened to ${output}; it is authentic as a whole.\n${NOT_BOUND}\n`,
  };
}

async function openBkencs(context: Context, input: Input) {
  if (input.optional('versionFile') !== undefined)
    throw new CliError('cli/usage', 'EscrowAI’s folders have no version file; leave --version-file out.');
  const [from, output] = [input.arg(0), input.arg(1)];
  const cek = await readKeyFile(input.text('cek'));
  const overwrite = input.flag('overwrite');
  const { files, bytes } = await watched(context, 'opening', (watch) =>
    openBkencFolder({ input: from, output, cek, overwrite, ...watch }),
  );
  return {
    json: { ok: true, output, files, bytes },
    text: `Opened ${files} files, ${bytesText(bytes)}, to ${output}; each is authentic as a whole.\n${NOT_BOUND}\n`,
  };
}

export const openOneFile: Action = async (context, input) => {
  if (isBkenc(input)) return openBkenc(context, input);
  const parts = await fileParts(input);
  await watched(context, 'opening', (watch) => openFile({ ...parts, ...watch }));
  const { output, path } = parts;
  return { json: { ok: true, output, path }, text: `Opened to ${output}; every segment is authentic.\n` };
};

function kindOf(input: Input): AssetKind {
  const kind = input.text('kind');
  if (kind === 'dataset' || kind === 'algorithm') return kind;
  throw new CliError('cli/usage', 'The option --kind takes "dataset" or "algorithm".');
}

function versionOf({ digest, inventory, keyCommitment, assetSalt }: SealedVersion): VersionFile {
  const bytes = inventory.files.reduce((sum, file) => sum + file.size, 0);
  const { kind, files } = inventory;
  return { v: 1, kind, digest, assetSalt, keyCommitment, files: files.length, bytes };
}

function versionFacts({ digest, files, bytes }: VersionFile): string {
  return facts([
    ['version', digest],
    ['files', String(files)],
    ['bytes', bytesText(bytes)],
  ]);
}

async function bkencKeyOf(input: Input, kind: AssetKind): Promise<{ bkencCek?: Bytes }> {
  const file = input.optional('bkencCek');
  if (file === undefined) return {};
  if (kind === 'algorithm')
    throw new CliError(
      'cli/usage',
      'EscrowAI seals only some files of an algorithm; open those and seal the package.',
    );
  return { bkencCek: await readKeyFile(file) };
}

export const sealOneFolder: Action = async (context, input) => {
  const kind = kindOf(input);
  const [from, output] = [input.arg(0), input.arg(1)];
  const cek = await readKeyFile(input.text('cek'));
  const overwrite = input.flag('overwrite');
  const bkenc = await bkencKeyOf(input, kind);
  // An algorithm that could not run should fail here, not in the room.
  if (kind === 'algorithm') await (await import('@sealroom/host/package')).readPackage(from);
  // The version's file first: a sealed folder without it could not be opened.
  const beforePlacing = async (made: SealedVersion) => writeVersionFile(versionPath(output), versionOf(made));
  const fresh = input.flag('fresh');
  const sealed = await watched(context, 'sealing', (watch) =>
    sealFolder({ input: from, output, cek, kind, overwrite, fresh, beforePlacing, ...bkenc, ...watch }),
  );
  const version = versionOf(sealed);
  const { kept } = sealed;
  const went = kept === 0 ? '' : `${kept} files were sealed before the interruption and kept.\n`;
  const text = `Sealed to ${output}.\n${went}${versionFacts(version)}Keep ${versionPath(output)} with it, and the key.\n`;
  return { json: { ok: true, output, versionFile: versionPath(output), ...version, kept }, text };
};

export const openOneFolder: Action = async (context, input) => {
  if (isBkenc(input)) return openBkencs(context, input);
  const [from, output] = [input.arg(0), input.arg(1)];
  const cek = await readKeyFile(input.text('cek'));
  const version = await readVersionFile(input.optional('versionFile') ?? versionPath(from));
  const { digest, kind, assetSalt, keyCommitment } = version;
  const key = await assetKey(cek, base64urlDecode(assetSalt), kind);
  const overwrite = input.flag('overwrite');
  await watched(context, 'opening', (watch) =>
    openFolder({
      input: from,
      output,
      assetKey: key,
      expected: { digest, kind, assetSalt, keyCommitment },
      overwrite,
      ...watch,
    }),
  );
  return {
    json: { ok: true, output, ...version },
    text: `Opened to ${output}; every segment is authentic.\n${versionFacts(version)}`,
  };
};
