// Registers `upload`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { projectOption } from '../options.ts';

export function registerStore(program: Command, lazily: Lazily): void {
  projectOption(
    program
      .command('upload <sealed-folder>')
      .description('upload a sealed folder to the hub’s store, or to an Azure container of your own')
      .option(
        '--to <url>',
        'a container’s SAS URL for writing; better in a file, since arguments are seen by others',
      )
      .option('--to-file <file>', 'a file with that URL')
      .option(
        '--read-url-file <file>',
        'with --to: a file with the SAS URL for reading, for "publish" and for going on',
      ),
  ).action(lazily(async () => (await import('./actions.ts')).upload));
}
