// What every command gets: where its files are, how to talk to the person, and what it has done so far. Authority is a
// value: whatever signs is unlocked in the command that needs it and passed on.
import type { Prompts } from './terminal/prompts.ts';
import type { Progress } from './terminal/progress.ts';

/** The process's surroundings, so that tests can bring their own. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** A person can be asked: there is a terminal to read from and to write to. */
  readonly interactive: boolean;
  /** Progress may repaint its line. */
  readonly repaints: boolean;
  readonly columns: number;
  readonly environment: Readonly<{ [name: string]: string | undefined }>;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly prompts: () => Promise<Prompts>;
};

export type Context = {
  readonly terminal: Terminal;
  readonly home: string;
  readonly json: boolean;
  /** `--yes`: what would be asked was read already. */
  readonly yes: boolean;
  readonly passphraseFile: string | undefined;
  readonly rootPassphraseFile: string | undefined;
  readonly now: () => number;
  readonly signal: AbortSignal;
  /** For the reader's eyes before a decision; to standard error when standard output is for JSON. */
  readonly show: (text: string) => void;
  /** A remark beside the answer, always on standard error. */
  readonly note: (text: string) => void;
  /** Notes an effect that stays even if the command fails later. */
  readonly did: (what: string) => void;
  readonly progress: (label: string) => Progress;
  /** Runs when the command has ended, whatever its outcome. */
  readonly atEnd: (run: () => void) => void;
};

/** What a command answers: a value for scripts, words for people, and an exit code other than 0 where it means something. */
export type Answer = { readonly json: unknown; readonly text: string; readonly exit?: number };

/** Operands and options of a call, read with their names in the complaint. */
export type Input = {
  /** An operand. */
  readonly arg: (at: number) => string;
  readonly optionalArg: (at: number) => string | undefined;
  /** The operands of a command that takes any number of one kind. */
  readonly operands: () => readonly string[];
  readonly text: (name: string) => string;
  readonly optional: (name: string) => string | undefined;
  readonly list: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
  /** A whole number, or undefined. */
  readonly whole: (name: string) => number | undefined;
};

export type Action = (context: Context, input: Input) => Promise<Answer>;

/** Gives commander an action whose module is loaded when it is called. */
export type Lazily = (load: () => Promise<Action>) => (...given: unknown[]) => Promise<void>;
