// Options that several commands share.
import type { Command } from 'commander';

/** Which hub, and how to believe it: for the commands that may be a home's first. */
export function hubOptions(command: Command): Command {
  return command
    .option('--hub <url>', 'the hub; remembered in the home')
    .option('--ca <file>', 'certificate authorities (PEM) to trust instead of the system’s; remembered')
    .option('--ledger-key <digest>', 'the ledger’s key as its operator told you')
    .option('--trust-on-first-use', 'believe the keys of ledger and vault without having compared them');
}

/** What people write about a version. */
export function versionOptions(command: Command): Command {
  return command
    .option('--name <name>', 'a name for people; the file’s when left out')
    .option('--description <text>', 'a description')
    .option('--version-tag <tag>', 'such as 2026-11')
    .option('--version-description <text>', 'what changed');
}

export function projectOption(command: Command): Command {
  return command.option('--project <project>', 'id or name; needed when there are several');
}

/** For options that may be given several times. */
export function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
