// Questions to a person, on standard error, so that standard output holds the answer only.
import { confirm, isCancel, password } from '@clack/prompts';
import { CliError, EXIT } from '../error.ts';

export type Prompts = {
  readonly secret: (question: string) => Promise<string>;
  readonly confirm: (question: string) => Promise<boolean>;
};

function answered<T>(value: T): Exclude<T, symbol> {
  if (isCancel(value)) throw new CliError('cli/cancelled', 'Cancelled.', { exit: EXIT.refused });
  return value as Exclude<T, symbol>;
}

export function terminalPrompts(): Prompts {
  const output = process.stderr;
  return {
    secret: async (message) => answered(await password({ message, output })),
    confirm: async (message) => answered(await confirm({ message, output, initialValue: false })),
  };
}
