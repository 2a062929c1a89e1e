// Runs commands in this process, with a made-up terminal; for tests only.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { runCli } from './cli.ts';
import type { Terminal } from './context.ts';
import type { Prompts } from './terminal/prompts.ts';

export type Said = {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  readonly json: unknown;
};

/** What a person at the terminal answers; a question that is not expected fails the test. */
export type Answers = {
  readonly secrets?: readonly string[];
  readonly confirm?: boolean;
  readonly questions?: string[];
};

function promptsOf({ secrets = [], confirm, questions = [] }: Answers): Prompts {
  const left = [...secrets];
  const unexpected = (question: string): never => {
    throw new Error(`nobody answers "${question}"`);
  };
  const asked = (question: string) => void questions.push(question);
  return {
    secret: async (question) => {
      asked(question);
      return left.shift() ?? unexpected(question);
    },
    confirm: async (question) => {
      asked(question);
      return confirm ?? unexpected(question);
    },
  };
}

function parsed(out: string): unknown {
  try {
    return JSON.parse(out);
  } catch {
    return undefined;
  }
}

/** @param answers a person at a terminal; nobody is there when left out */
export async function sealroom(
  argv: readonly string[],
  {
    answers,
    environment = {},
    now = Date.parse('2026-11-22T10:00:00Z'),
  }: { answers?: Answers; environment?: Terminal['environment']; now?: number } = {},
): Promise<Said> {
  const said = { out: '', err: '' };
  const prompts = promptsOf(answers ?? {});
  const exit = await runCli(argv, {
    out: (text) => void (said.out += text),
    err: (text) => void (said.err += text),
    interactive: answers !== undefined,
    repaints: false,
    columns: 100,
    environment,
    now: () => now,
    signal: new AbortController().signal,
    prompts: async () => prompts,
  });
  return { exit, ...said, json: parsed(said.out) };
}

/** A folder of one test's own. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file into a folder. @returns its path */
export async function fileIn(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
