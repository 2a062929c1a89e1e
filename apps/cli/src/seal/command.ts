// Registers `seal` and `open`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';

const KEY = 'file with the 32 raw key bytes';

export function registerSeal(program: Command, lazily: Lazily): void {
  const seal = program.command('seal').description('seal files and folders on this machine');
  seal
    .command('file <in> <out>')
    .description('seal one file; Tink (AES256_GCM_HKDF_1MB) opens it with the same key and path')
    .addHelpText(
      'after',
      '\nExample:\n  sealroom key cek generate cek.key\n  sealroom seal file a.csv a.csv.sealed --key cek.key --path data/a.csv\n',
    )
    .requiredOption('--key <file>', KEY)
    .requiredOption('--path <path>', 'the path it is bound to (associated data), such as data/a.csv')
    .option('--overwrite', 'replace the output')
    .action(lazily(async () => (await import('./actions.ts')).sealOneFile));
  seal
    .command('folder <in> <out>')
    .description('seal a folder as a version of a dataset or algorithm; writes <out>.version.json beside it')
    .requiredOption('--cek <file>', `content-encryption key: ${KEY}`)
    .requiredOption('--kind <kind>', 'dataset or algorithm')
    .option('--bkenc-cek <file>', `the files are EscrowAI’s (.bkenc), sealed under this key: ${KEY}`)
    .option('--fresh', 'start anew where an interrupted sealing could be gone on with')
    .option('--overwrite', 'replace the output')
    .addHelpText('after', '\nA sealing that was interrupted goes on when the same command is given again.\n')
    .action(lazily(async () => (await import('./actions.ts')).sealOneFolder));
  const open = program.command('open').description('open sealed files and folders on this machine');
  open
    .command('file <in> <out>')
    .description('open one sealed file, or one of EscrowAI’s (.bkenc)')
    .requiredOption('--key <file>', KEY)
    .option('--path <path>', 'the path it is bound to; not with --format bkenc')
    .option('--format <format>', 'sealroom when left out, or bkenc')
    .option('--overwrite', 'replace the output')
    .action(lazily(async () => (await import('./actions.ts')).openOneFile));
  open
    .command('folder <in> <out>')
    .description('open a sealed folder, or one of EscrowAI’s files (.bkenc)')
    .requiredOption('--cek <file>', `content-encryption key: ${KEY}`)
    .option('--version-file <file>', 'what sealing wrote; <in>.version.json when left out')
    .option('--format <format>', 'sealroom when left out, or bkenc')
    .option('--overwrite', 'replace the output')
    .action(lazily(async () => (await import('./actions.ts')).openOneFolder));
}
