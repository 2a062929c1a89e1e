// Configuration, read once at start: a JSON file, then the environment on top, one schema over both, every problem in
// one message. A value can be given by the path of a private file (`NAME_FILE`), which is the way for secrets.
import { readFileSync } from 'node:fs';
import { parseStrictJson } from '@sealroom/bytes';
import { z } from 'zod';
import { readSecretFile } from './files.ts';
import { refusal } from './problem.ts';

export type LoadConfigOptions<Shape extends z.ZodRawShape> = {
  /** The settings by their names in the file, such as `databaseUrl`. */
  readonly shape: Shape;
  /** `SEALROOM_HUB_` makes the setting `databaseUrl` the variable SEALROOM_HUB_DATABASE_URL. */
  readonly prefix: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The path of a JSON file; the variable `<prefix>CONFIG` names one too. */
  readonly file?: string | undefined;
};

/** `databaseUrl` → `DATABASE_URL`. */
function variableName(prefix: string, setting: string): string {
  return prefix + setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

// A variable is text. Where the setting takes no text, the text is read as JSON: a number, true, a list.
function fromText(schema: z.core.$ZodType, text: string): unknown {
  if (z.safeParse(schema, text).success) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function freeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const member of Object.values(value)) freeze(member);
    Object.freeze(value);
  }
  return value;
}

function readFile(path: string, problems: string[]): Record<string, unknown> {
  try {
    const found = z
      .record(z.string(), z.unknown())
      .safeParse(parseStrictJson(readFileSync(path, 'utf8'), { fractions: true }));
    if (found.success) return { ...found.data };
    problems.push(`${path}: not a JSON object`);
  } catch (error) {
    problems.push(`${path}: ${error instanceof Error ? error.message : 'not readable'}`);
  }
  return {};
}

function readVariables<Shape extends z.ZodRawShape>(
  { shape, prefix, environment }: LoadConfigOptions<Shape>,
  values: Record<string, unknown>,
  problems: string[],
): void {
  const known = new Set([`${prefix}CONFIG`]);
  for (const [setting, schema] of Object.entries(shape)) {
    const name = variableName(prefix, setting);
    known.add(name).add(`${name}_FILE`);
    const text = environment[name];
    const path = environment[`${name}_FILE`];
    if (text !== undefined && path !== undefined)
      problems.push(`${name} and ${name}_FILE are both set; keep one`);
    if (text !== undefined) values[setting] = fromText(schema, text);
    if (path === undefined) continue;
    try {
      values[setting] = fromText(schema, readSecretFile(path).toString('utf8').trim());
    } catch (error) {
      problems.push(`${name}_FILE: ${error instanceof Error ? error.message : 'not readable'}`);
    }
  }
  for (const name of Object.keys(environment)) {
    if (name.startsWith(prefix) && !known.has(name)) problems.push(`${name}: there is no such setting`);
  }
}

/**
 * The settings, frozen. The environment wins over the file.
 * @throws config/invalid with every problem in one message; values are never repeated in it.
 */
export function loadConfig<Shape extends z.ZodRawShape>(
  options: LoadConfigOptions<Shape>,
): Readonly<z.output<z.ZodObject<Shape>>> {
  const { shape, prefix, environment } = options;
  const problems: string[] = [];
  const file = options.file ?? environment[`${prefix}CONFIG`];
  const values = file === undefined ? {} : readFile(file, problems);
  readVariables(options, values, problems);
  const found = z.strictObject(shape).safeParse(values);
  if (!found.success) {
    for (const issue of found.error.issues) {
      const [setting, ...rest] = issue.path.map(String);
      const name = setting === undefined ? 'the configuration' : variableName(prefix, setting);
      problems.push(`${[name, ...rest].join('.')}: ${issue.message}`);
    }
  }
  if (!found.success || problems.length > 0) {
    throw refusal(
      'config/invalid',
      `The configuration is not usable:\n${problems.map((p) => `- ${p}`).join('\n')}`,
      {
        details: problems,
      },
    );
  }
  return freeze(found.data) as Readonly<z.output<z.ZodObject<Shape>>>;
}
