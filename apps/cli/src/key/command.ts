// Registers `key`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { projectOption } from '../options.ts';

export function registerKey(program: Command, lazily: Lazily): void {
  const key = program
    .command('key')
    .description('key-encryption keys (KEK) and content-encryption keys (CEK)');
  const kek = key.command('kek').description('the key-encryption key of your role in a project');
  projectOption(
    kek
      .command('create')
      .description('ask your vault for the key pair, announce it, and download its public half (DER)')
      .option('--out <file>', 'where to write it; <project>-<random>-<ds|ao>.der when left out'),
  ).action(lazily(async () => (await import('./kek.ts')).createKek));
  projectOption(
    kek
      .command('download')
      .description('download the public half that your vault announced')
      .option('--out <file>', 'where to write it; <project>-<random>-<ds|ao>.der when left out'),
  ).action(lazily(async () => (await import('./kek.ts')).downloadKek));
  key
    .command('cek')
    .description('content-encryption keys')
    .command('generate [out]')
    .description('make a content-encryption key: 32 random bytes, in a file of your own')
    .action(lazily(async () => (await import('./wrap.ts')).generateCekFile));
  key
    .command('wrap [out]')
    .description('wrap a CEK for your vault (RSA-OAEP, SHA-256), as "openssl pkeyutl" does')
    .requiredOption('--kek <file>', 'public half of the KEK: DER or PEM')
    .requiredOption('--cek <file>', 'the 32-byte CEK')
    .action(lazily(async () => (await import('./wrap.ts')).wrapCek));
  projectOption(
    key
      .command('upload')
      .description('say, signed, which wrapped key counts from now on, and give it to your vault')
      .requiredOption('--wcek <file>', 'the wrapped key'),
  ).action(lazily(async () => (await import('./kek.ts')).uploadWrappedKey));
}
