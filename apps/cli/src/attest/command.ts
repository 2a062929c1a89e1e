// Registers `attest`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';

export function registerAttest(program: Command, lazily: Lazily): void {
  const attest = program.command('attest').description('what rooms run');
  attest
    .command('measure')
    .description('print the launch digest of the room program as installed here')
    .action(lazily(async () => (await import('./actions.ts')).measure));
}
