// The terms of a contract that people choose: defaults, then a terms file, then options.
import { type OfferTerms } from '@sealroom/client';
import { contractSchema, parameterName, parameterType } from '@sealroom/contract';
import { parseDocument, YAMLError } from 'yaml';
import { z } from 'zod';
import type { Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readGiven } from '../home/files.ts';

const DAY_MS = 24 * 3600 * 1000;
/** Clocks of parties and vaults differ a little. */
const EARLIER_MS = 5 * 60 * 1000;

const { shape } = contractSchema;
const parameters = z.record(parameterName, parameterType);
const termsFile = z
  .strictObject({
    purpose: shape.purpose,
    jurisdiction: shape.jurisdiction,
    notBefore: shape.notBefore,
    notAfter: shape.notAfter,
    parameters,
    quota: shape.quota.partial(),
    room: shape.room.omit({ accept: true, network: true }).partial(),
    output: shape.output.omit({ recipients: true, release: true }).partial(),
    access: z.enum(['staged', 'streamed']),
    maxAgeSeconds: shape.ledger.shape.maxAgeSeconds,
    witnesses: shape.ledger.shape.witnesses,
  })
  .partial();
type TermsFile = z.infer<typeof termsFile>;

async function readYaml<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
  const text = new TextDecoder().decode(await readGiven(path, 1024 * 1024));
  try {
    const document = parseDocument(text);
    // A warning is a tag or directive that this program would leave out: what remains is not what was written.
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw problem;
    return schema.parse(document.toJS({ maxAliasCount: 0 }));
  } catch (cause) {
    if (!(cause instanceof z.ZodError || cause instanceof YAMLError || cause instanceof ReferenceError))
      throw cause;
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : cause.message;
    throw new CliError('cli/bad-file', `${JSON.stringify(path)} does not fit: ${why}`, { cause });
  }
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function given<T extends object>(parts: T): Given<T> {
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) as Given<T>;
}

function oneOf<T extends string>(input: Input, name: string, choices: readonly T[]): T | undefined {
  const value = input.optional(name);
  const found = choices.find((choice) => choice === value);
  if (value === undefined || found !== undefined) return found;
  throw new CliError('cli/usage', `The option --${name} takes one of: ${choices.join(', ')}.`);
}

function fromOptions(input: Input): TermsFile {
  return given({
    purpose: input.optional('purpose'),
    jurisdiction: input.optional('jurisdiction'),
    access: oneOf(input, 'access', ['staged', 'streamed']),
    quota: given({ runs: input.whole('runs'), attemptsPerRun: input.whole('attempts') }),
    room: given({
      isolation: oneOf(input, 'isolation', ['none', 'process', 'kernel']),
      maxVcpu: input.whole('maxVcpu'),
      maxMemoryGiB: input.whole('maxMemory'),
      maxMinutes: input.whole('maxMinutes'),
    }),
    output: given({
      maxBytes: input.whole('maxBytes'),
      maxBits: input.whole('maxBits'),
      timing: oneOf(input, 'timing', ['grid', 'at-once']),
      logs: oneOf(input, 'logs', ['none', 'status']),
    }),
  });
}

function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** @param bits what the criteria let a report tell; undefined when they set no bound */
export async function termsOf(context: Context, input: Input, bits: number | undefined): Promise<OfferTerms> {
  const [termsPath, parametersPath] = [input.optional('terms'), input.optional('parameters')];
  const file: TermsFile = termsPath === undefined ? {} : await readYaml(termsPath, termsFile);
  const declared =
    parametersPath === undefined ? file.parameters : await readYaml(parametersPath, parameters);
  const options = fromOptions(input);
  const now = context.now();
  const days = input.whole('days');
  const maxBits = options.output?.maxBits ?? file.output?.maxBits ?? bits;
  if (maxBits === undefined) {
    throw new CliError(
      'cli/usage',
      'The criteria set no bound on what a report can tell, so the contract must.',
      {
        next: 'Give --max-bits, or mend the criteria ("sealroom criteria lint").',
      },
    );
  }
  const end = days === undefined ? file.notAfter : timeOf(now + days * DAY_MS);
  return {
    purpose: options.purpose ?? file.purpose ?? 'validation',
    jurisdiction: options.jurisdiction ?? file.jurisdiction ?? 'as the participants agreed elsewhere',
    notBefore: file.notBefore ?? timeOf(now - EARLIER_MS),
    notAfter: end ?? timeOf(now + 30 * DAY_MS),
    parameters: declared ?? {},
    quota: { runs: 10, attemptsPerRun: 1, ...given(file.quota ?? {}), ...given(options.quota ?? {}) },
    room: {
      isolation: 'process',
      maxVcpu: 2,
      maxMemoryGiB: 4,
      maxMinutes: 30,
      ...given(file.room ?? {}),
      ...given(options.room ?? {}),
    },
    output: {
      maxBytes: 65_536,
      classes: ['report'],
      logs: 'status',
      timing: 'at-once',
      ...given(file.output ?? {}),
      ...given(options.output ?? {}),
      maxBits,
    },
    access: options.access ?? file.access ?? 'staged',
    maxAgeSeconds: file.maxAgeSeconds ?? 60,
    witnesses: file.witnesses ?? [],
  };
}
