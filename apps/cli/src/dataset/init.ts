// `algorithm init` and `algorithm check`. Offline.
import { basename, resolve } from 'node:path';
import { describeModules, readPackage, writeTemplate } from '@sealroom/host/package';
import type { Action } from '../context.ts';
import { CliError } from '../error.ts';
import { bytesText, facts } from '../terminal/text.ts';

export const initAlgorithm: Action = async (context, input) => {
  const dir = input.arg(0);
  const language = input.text('language');
  if (language !== 'python' && language !== 'javascript')
    throw new CliError('cli/usage', 'The option --language takes "python" or "javascript".');
  const name = input.optional('name') ?? basename(resolve(dir));
  const files = await writeTemplate(dir, { language, name });
  context.did(`A package was written to ${dir}.`);
  return {
    json: { ok: true, dir, language, name, files },
    text: `Wrote a package to ${dir}: ${files.join(', ')}.\nSeal it with "sealroom seal folder ${dir} OUT --kind algorithm --cek KEY".\n`,
  };
};

export const checkAlgorithm: Action = async (_context, input) => {
  const found = await readPackage(input.arg(0));
  const bytes = found.files.reduce((sum, { size }) => sum + size, 0);
  const secret = found.files.filter((file) => file.secret).map(({ path }) => path);
  const { entrypoint, workdir } = found;
  const compiledFor = describeModules(found.compiled);
  return {
    json: {
      ok: true,
      entrypoint,
      workdir,
      files: found.files.length,
      bytes,
      secret,
      compiledFor: compiledFor ?? null,
    },
    text: facts([
      ['entry point', JSON.stringify(entrypoint)],
      ['working directory', workdir],
      ['files', `${found.files.length}, ${bytesText(bytes)}`],
      ['secret files', secret.join(', ') || 'none named'],
      ...(compiledFor === undefined
        ? []
        : [['compiled for', `${compiledFor}; the room must have the same`] as const]),
    ]),
  };
};
