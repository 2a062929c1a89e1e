// Reads what commander parsed; every complaint names the option as it is typed.
import type { Input } from './context.ts';
import { CliError } from './error.ts';

function dashed(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function missing(what: string): CliError {
  return new CliError('cli/usage', `${what} is missing.`, {
    next: 'Add --help to see what the command takes.',
  });
}

export function inputOf(operands: readonly unknown[], options: Readonly<{ [name: string]: unknown }>): Input {
  const optional = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === 'string' ? value : undefined;
  };
  const optionalArg = (at: number): string | undefined => {
    const value = operands[at];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    optional,
    optionalArg,
    operands: () => operands.flat().map(String),
    arg: (at) => {
      const value = optionalArg(at);
      if (value === undefined) throw missing(`Argument ${at + 1}`);
      return value;
    },
    text: (name) => {
      const value = optional(name);
      if (value === undefined) throw missing(`The option ${dashed(name)}`);
      return value;
    },
    list: (name) => {
      const value = options[name];
      return Array.isArray(value) ? value.map(String) : [];
    },
    flag: (name) => options[name] === true,
    whole: (name) => {
      const value = optional(name);
      if (value === undefined) return undefined;
      if (/^\d{1,15}$/.test(value)) return Number(value);
      throw new CliError('cli/usage', `The option ${dashed(name)} takes a whole number.`);
    },
  };
}
