// Registers `identity`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { hubOptions } from '../options.ts';

const RECOVERY = 'a file for the recovery code';

export function registerIdentity(program: Command, lazily: Lazily): void {
  const identity = program.command('identity').description('your own keys');
  hubOptions(
    identity
      .command('create')
      .description(
        'make your keys here; the organisation’s root vouches for them, here or by "identity vouch"',
      )
      .requiredOption('--name <name>', 'your name, as the hub shows it')
      .option('--uses <uses>', 'comma-separated: contract, publish, request, approve, suspend', 'all')
      .option('--org <organisation>', 'your organisation, when its root key is kept elsewhere')
      .option(
        '--request-out <file>',
        'where to write the request to the root’s keeper',
        'identity-request.json',
      )
      .option('--recovery-file <file>', 'write the recovery code there instead of showing it'),
  ).action(lazily(async () => (await import('./actions.ts')).createIdentity));
  hubOptions(
    identity
      .command('vouch <request>')
      .description('vouch with the root key for a person whose keys were made elsewhere'),
  ).action(lazily(async () => (await import('./actions.ts')).vouchFor));
  identity
    .command('show')
    .description('show the public part of this home’s keys')
    .action(lazily(async () => (await import('./local.ts')).showIdentity));
  identity
    .command('revoke <key>')
    .description('revoke an identity of your organisation, with the root key')
    .action(lazily(async () => (await import('./actions.ts')).revokeIdentity));
  identity
    .command('recover')
    .description('set a new passphrase by the recovery code')
    .option('--root', 'the root key rather than the identity')
    .option('--recovery-file <file>', `${RECOVERY}, to read from`)
    .action(lazily(async () => (await import('./local.ts')).recover));
  identity
    .command('recovery')
    .description('make a new recovery code; an older one opens nothing any more')
    .option('--root', 'the root key rather than the identity')
    .option('--recovery-file <file>', `${RECOVERY}, to write to`)
    .action(lazily(async () => (await import('./local.ts')).newRecovery));
}
