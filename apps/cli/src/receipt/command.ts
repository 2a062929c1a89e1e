// Registers `receipt` and `trust`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';

export function registerReceipt(program: Command, lazily: Lazily): void {
  const receipt = program.command('receipt').description('get and verify run receipts');
  receipt
    .command('get <run>')
    .description('download a run’s receipt and verify it')
    .option('--out <file>', 'where to write it; <run>.receipt.json when left out')
    .option('--project <project>', 'id or name')
    .option('--overwrite', 'replace the output')
    .action(lazily(async () => (await import('./get.ts')).getReceipt));
  receipt
    .command('verify <file>')
    .description('verify a receipt offline')
    .addHelpText(
      'after',
      '\nExample:\n  sealroom receipt verify run.receipt.json --trust trust.json\nExit codes: 0 by the parties you pinned, 1 a check failed, 2 a file cannot be read, 3 consistent only.\n',
    )
    .option('--trust <file>', 'what you pinned; without it the verdict is at best "consistent" (exit code 3)')
    .option(
      '--collateral <folder>',
      'more of what vendors publish, for hardware evidence whose receipt carries too little',
    )
    .option(
      '--keys <issuer=file...>',
      'a token service’s JWK set of the time of the run that you vouch for, instead of the word of the run’s vaults',
    )
    .action(lazily(async () => (await import('./verify.ts')).verifyReceiptFile));
  receipt
    .command('show <file>')
    .description('show what a receipt says, whether or not its parties are pinned')
    .action(lazily(async () => (await import('./verify.ts')).showReceipt));
  receipt
    .command('platforms <files...>')
    .description('list which platform each receipt’s run used, to find the runs of one that is distrusted')
    .option('--platform <name>', 'only runs on this platform')
    .option('--trust <file>', 'what you pinned; a receipt of others is then refused')
    .action(lazily(async () => (await import('./platforms.ts')).listPlatforms));
  const trust = program.command('trust').description('what this home trusts receipts by');
  trust
    .command('export')
    .description('write a trust file from what was pinned here')
    .option('--out <file>', 'where to write it', 'trust.json')
    .option('--vault-keys', 'believe the vaults of a run on which keys a token service published')
    .option('--overwrite', 'replace the output')
    .action(lazily(async () => (await import('./trust.ts')).exportTrust));
}
