// JSON files of the home folder, each with a schema; a file that does not fit is refused rather than guessed at.
import { join } from 'node:path';
import { z } from 'zod';
import { parseStrictJson } from '@sealroom/bytes';
import { CliError } from '../error.ts';
import { ensureHome, readIfThere, writeWhole } from './files.ts';

export type JsonFile<T> = {
  readonly read: (home: string) => Promise<T | undefined>;
  readonly write: (home: string, value: T) => Promise<void>;
};

export function jsonFile<Schema extends z.ZodType>(name: string, schema: Schema): JsonFile<z.output<Schema>> {
  return {
    read: async (home) => {
      const path = join(home, name);
      const bytes = await readIfThere(path);
      if (!bytes) return undefined;
      try {
        return schema.parse(parseStrictJson(bytes));
      } catch (cause) {
        const why = cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is not JSON';
        throw new CliError('cli/bad-file', `${JSON.stringify(path)} cannot be used: ${why}.`, {
          next: 'Restore it from a backup, or move it away and set this home up again.',
          cause,
        });
      }
    },
    write: async (home, value) => {
      await ensureHome(home);
      const text = `${JSON.stringify(schema.parse(value), undefined, 2)}\n`;
      await writeWhole(join(home, name), text, { overwrite: true });
    },
  };
}
