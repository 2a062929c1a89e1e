// Registers `node`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';

export function registerNode(program: Command, lazily: Lazily): void {
  const node = program.command('node').description('machines that start rooms');
  node
    .command('code')
    .description('make a one-time code with which a node enrols')
    .requiredOption('--name <name>', 'what to call the node')
    .option('--out <file>', 'write the code there (mode 0600) instead of showing it')
    .action(lazily(async () => (await import('./actions.ts')).nodeCode));
  node
    .command('list')
    .description('list the nodes, and whether they run the room program as installed here')
    .action(lazily(async () => (await import('./actions.ts')).listNodes));
}
