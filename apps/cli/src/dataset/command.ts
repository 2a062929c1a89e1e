// Registers `dataset` and `algorithm`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { projectOption, versionOptions } from '../options.ts';

function publishOptions(command: Command): Command {
  return projectOption(versionOptions(command))
    .option('--url <url>', 'where the sealed files lie, for reading; what "upload" noted when left out')
    .option('--url-file <file>', 'a file with that URL')
    .option('--version-file <file>', 'what sealing wrote; <sealed-folder>.version.json when left out')
    .option('--cek <file>', 'open the inventory with this key first, to be sure that it is the right one');
}

function registerCommon(group: Command, lazily: Lazily, kind: 'dataset' | 'algorithm'): void {
  projectOption(group.command('list').description('list the versions, each verified')).action(
    lazily(async () => (await import('../hub/list.ts')).listArtifacts(kind)),
  );
  projectOption(group.command('withdraw [version]').description('withdraw a version, signed')).action(
    lazily(async () => (await import('./actions.ts')).withdraw(kind)),
  );
}

export function registerDataset(program: Command, lazily: Lazily): void {
  const dataset = program.command('dataset').description('datasets');
  publishOptions(
    dataset
      .command('publish <sealed-folder>')
      .description('publish a sealed folder as a dataset version, signed'),
  )
    .requiredOption('--sensitivity <what>', 'test or real; simulated rooms open test data only')
    .option('--specification <ref>', 'digest or name; needed when there are several')
    .option('--attestation <ref>', 'digest or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).publishDataset));
  registerCommon(dataset, lazily, 'dataset');

  const algorithm = program.command('algorithm').description('algorithm packages');
  algorithm
    .command('init <dir>')
    .description('write an algorithm package to start from, which runs as it is')
    .option('--language <language>', 'python or javascript', 'python')
    .option('--name <name>', 'its name; the folder’s when left out')
    .action(lazily(async () => (await import('./init.ts')).initAlgorithm));
  algorithm
    .command('check <dir>')
    .description('read a package as a room would, and say what it would run')
    .action(lazily(async () => (await import('./init.ts')).checkAlgorithm));
  publishOptions(
    algorithm
      .command('publish <sealed-folder>')
      .description('publish a sealed package as an algorithm version, signed'),
  )
    .option(
      '--criteria <ref>',
      'the validation criteria of its reports: digest or name; needed when there are several',
    )
    .action(lazily(async () => (await import('./actions.ts')).publishAlgorithm));
  registerCommon(algorithm, lazily, 'algorithm');
}
