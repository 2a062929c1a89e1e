// The commands of whoever runs services on one machine: `up`, and whom a vault of that house serves.
import type { Command } from 'commander';
import { collect } from '../options.ts';

type UpFlags = {
  readonly dir?: string;
  readonly vault: string[];
  readonly storeOrigin: string[];
  readonly json?: boolean;
};

const DIR = 'folder of the services’ data; ~/.sealroom/up when left out';

export function registerUp(program: Command): void {
  program
    .command('up')
    .description(
      'start every service on this machine, until Ctrl-C (for trying out: one operator holds everything)',
    )
    .option('--dir <folder>', DIR)
    .option(
      '--vault <name[=organisation]>',
      'a vault, and an organisation that it serves; may be repeated, is kept',
      collect,
      [],
    )
    .option(
      '--store-origin <url>',
      'a store that datasets may lie in, such as https://account.blob.core.windows.net; may be repeated, is kept',
      collect,
      [],
    )
    .action(async (_options: unknown, command: Command) => {
      const { up } = await import('./command.ts');
      await up(command.optsWithGlobals<UpFlags>());
    });
}

export function registerVault(program: Command): void {
  const vault = program.command('vault').description('the vaults of a house that `sealroom up` started');
  vault
    .command('serve <name> <organisation>')
    .description('let a vault serve an organisation (its id, sha256:…); the running vault takes note')
    .option('--dir <folder>', DIR)
    .action(async (name: string, organisation: string, _options: unknown, command: Command) => {
      const { serveOrganisation } = await import('./command.ts');
      const { dir, json } = command.optsWithGlobals<{ dir?: string; json?: boolean }>();
      await serveOrganisation(name, organisation, dir);
      process.stdout.write(
        json
          ? `${JSON.stringify({ ok: true, vault: name, organisation })}\n`
          : `The vault ${name} serves ${organisation}.\n`,
      );
    });
}
