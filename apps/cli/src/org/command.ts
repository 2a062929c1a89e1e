// Registers `hub` and `org`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { hubOptions } from '../options.ts';

export function registerOrg(program: Command, lazily: Lazily): void {
  const hub = program.command('hub').description('which hub this home works with');
  hubOptions(
    hub
      .command('connect [url]')
      .description('connect to a hub and pin its ledger’s key')
      .addHelpText(
        'after',
        '\nExample:\n  sealroom hub connect https://hub.example --ca authority.pem --ledger-key sha256:…\n',
      ),
  ).action(lazily(async () => (await import('./actions.ts')).connectHub));

  const org = program.command('org').description('your organisation, and those you have checked');
  hubOptions(
    org
      .command('create')
      .description('make your organisation’s root key here and register it')
      .requiredOption('--name <name>', 'the organisation’s name')
      .requiredOption('--domain <domain>', 'its domain, public for ever')
      .option('--vault <url>', 'its vault; can be added later with "org vault"')
      .option('--vault-key <digest>', 'the vault’s key as its operator told you')
      .option('--code-file <file>', 'one-time registration code, where the hub wants one')
      .option('--recovery-file <file>', 'write the root’s recovery code there instead of showing it'),
  ).action(lazily(async () => (await import('./actions.ts')).createOrganisation));
  org
    .command('vault <url>')
    .description('register your organisation’s vault, or another one in its place')
    .option('--vault-key <digest>', 'the vault’s key as its operator told you')
    .option('--trust-on-first-use', 'register the vault’s key without having compared it')
    .action(lazily(async () => (await import('./actions.ts')).setVault));
  org
    .command('show [organisation]')
    .description('show an organisation with its fingerprint and people, each statement verified')
    .action(lazily(async () => (await import('./show.ts')).showOrganisation));
  org
    .command('pin <organisation>')
    .description('pin an organisation whose fingerprint you compared by another way than the hub')
    .option('--name <name>', 'what to call it here')
    .option('--checked <how>', 'how it was compared: out-of-band')
    .action(lazily(async () => (await import('./pins.ts')).pin));
  org
    .command('unpin <organisation>')
    .description('forget a pin')
    .action(lazily(async () => (await import('./pins.ts')).unpin));
  org
    .command('list')
    .description('list the organisations pinned here')
    .action(lazily(async () => (await import('./pins.ts')).listPins));
}
