// Registers `login`, `logout`, `whoami` and `status`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { hubOptions } from '../options.ts';

export function registerSession(program: Command, lazily: Lazily): void {
  hubOptions(program.command('login').description('sign in to the hub with your identity')).action(
    lazily(async () => (await import('./actions.ts')).login),
  );
  program
    .command('logout')
    .description('forget the session')
    .action(lazily(async () => (await import('./local.ts')).logout));
  program
    .command('whoami')
    .description('who you are, here and at the hub')
    .action(lazily(async () => (await import('./local.ts')).whoami));
  program
    .command('status')
    .description('what waits for you, in all your projects')
    .action(lazily(async () => (await import('./status.ts')).status));
}
