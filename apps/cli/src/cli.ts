// Runs one command: parses the arguments, loads the command's own module, prints its answer or its failure, and gives the
// exit code. With --json standard output holds exactly one JSON value, also when the command fails.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import type { Answer, Context, Terminal, Lazily } from './context.ts';
import { EXIT, failureJson, failureOf, failureText } from './error.ts';
import { inputOf } from './input.ts';
import { buildProgram } from './program.ts';
import { progressOn } from './terminal/progress.ts';

type Globals = Readonly<{
  home?: string;
  json?: boolean;
  yes?: boolean;
  passphraseFile?: string;
  rootPassphraseFile?: string;
}>;

type Ending = { readonly done: string[]; readonly atEnd: (() => void)[]; answer: Answer | undefined };

function contextOf(terminal: Terminal, globals: Globals, ending: Ending): Context {
  const { environment } = terminal;
  const json = globals.json === true;
  return {
    terminal: json ? { ...terminal, interactive: false, repaints: false } : terminal,
    home: globals.home ?? environment['SEALROOM_HOME'] ?? join(homedir(), '.sealroom'),
    json,
    yes: globals.yes === true,
    passphraseFile: globals.passphraseFile ?? environment['SEALROOM_PASSPHRASE_FILE'],
    rootPassphraseFile: globals.rootPassphraseFile ?? environment['SEALROOM_ROOT_PASSPHRASE_FILE'],
    now: terminal.now,
    signal: terminal.signal,
    show: json ? terminal.err : terminal.out,
    note: terminal.err,
    did: (what) => ending.done.push(what),
    progress: (label) => progressOn({ ...terminal, repaints: terminal.repaints && !json }, label),
    atEnd: (run) => ending.atEnd.push(run),
  };
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.includes('--json');
}

function fail(error: unknown, argv: readonly string[], terminal: Terminal, ending: Ending): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
  const failure = failureOf(error);
  // A group that was called by itself has shown its help.
  if (error instanceof CommanderError && error.code === 'commander.help' && !wantsJson(argv))
    return failure.exit;
  if (wantsJson(argv)) terminal.out(`${JSON.stringify(failureJson(failure, ending.done))}\n`);
  else terminal.err(failureText(failure, ending.done));
  if (argv.includes('--debug') && error instanceof Error) terminal.err(`${error.stack ?? ''}\n`);
  return failure.exit;
}

/** @returns the exit code */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const ending: Ending = { done: [], atEnd: [], answer: undefined };
  const lazily: Lazily =
    (load) =>
    async (...given) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals();
      const context = contextOf(terminal, options, ending);
      ending.answer = await (await load())(context, inputOf(given.slice(0, -2), options));
    };
  try {
    const program = buildProgram(lazily, terminal);
    await program.parseAsync([...argv], { from: 'user' });
    const { answer } = ending;
    if (answer === undefined) return EXIT.ok;
    terminal.out(wantsJson(argv) ? `${JSON.stringify(answer.json)}\n` : answer.text);
    return answer.exit ?? EXIT.ok;
  } catch (error) {
    return fail(error, argv, terminal, ending);
  } finally {
    for (const run of ending.atEnd) run();
  }
}

/** Runs with this process's streams and signals. */
export async function runOnThisTerminal(argv: readonly string[]): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => {
    stop.abort();
    // What does not listen to the signal ends all the same.
    setTimeout(() => process.exit(EXIT.refused), 3000).unref();
  });
  // Whoever reads our output may have read enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
  process.exitCode = await runCli(argv, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    repaints: process.stderr.isTTY,
    // Some pseudo-terminals say that they have no columns.
    columns: process.stderr.columns || 80,
    environment: process.env,
    now: () => Date.now(),
    signal: stop.signal,
    prompts: async () => (await import('./terminal/prompts.ts')).terminalPrompts(),
  });
}
