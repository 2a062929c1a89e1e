// Registers `run-config` and `contract`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { collect, projectOption } from '../options.ts';

function registerContract(program: Command, lazily: Lazily): void {
  const contract = program
    .command('contract')
    .description('suspend, resume and revoke contracts; told to the hub and straight to every vault');
  for (const [verb, words] of [
    ['suspend', 'suspend a contract: no key is released and no output leaves until you resume it'],
    ['resume', 'take back your own suspension'],
    ['revoke', 'end a contract for good'],
  ] as const) {
    const command = contract
      .command(`${verb} [run-config]`)
      .description(words)
      .option('--reason <text>', 'in words; kept apart from the statement, so that it can be erased');
    if (verb !== 'resume')
      command.option('--direct', 'tell the vaults without the hub; name the contract by its digest');
    projectOption(command).action(lazily(async () => (await import('./contract.ts')).changeContract(verb)));
  }
}

export function registerRunConfig(program: Command, lazily: Lazily): void {
  const config = program.command('run-config').description('run configurations and their contracts');
  projectOption(
    config
      .command('create')
      .description('make the contract of a run configuration, review it, and sign it as an offer')
      .option('--name <name>', 'a name for people')
      .option('--description <text>', 'a description')
      .option('--dataset <ref>', 'digest or name; may be repeated', collect, [])
      .option('--algorithm <ref>', 'digest or name; needed when there are several')
      .option('--node <ref>', 'a node whose rooms are accepted; may be repeated', collect, [])
      .option(
        '--accept <file>',
        'rooms on hardware instead: a policy that says what they must prove ("attest policy"); may be repeated',
        collect,
        [],
      )
      .option(
        '--recipient <key>',
        'a person of yours who may open the output; yourself when left out',
        collect,
        [],
      )
      .option('--terms <file>', 'terms as YAML or JSON; options win over it')
      .option('--parameters <file>', 'declared parameters as YAML or JSON')
      .option('--purpose <text>', 'what the runs are for')
      .option('--jurisdiction <text>', 'where the data may be processed')
      .option('--days <n>', 'how long the contract holds')
      .option('--runs <n>', 'how many runs')
      .option('--attempts <n>', 'attempts for each run')
      .option('--max-bytes <n>', 'size of the sealed output')
      .option('--max-bits <n>', 'how much a report may tell; what the criteria let out when left out')
      .option('--isolation <level>', 'none, process or kernel')
      .option('--access <how>', 'staged or streamed')
      .option('--timing <how>', 'when the end of a run is told: grid or at-once')
      .option('--logs <what>', 'none or status')
      .option('--max-vcpu <n>', 'processors of a room')
      .option('--max-memory <GiB>', 'memory of a room')
      .option('--max-minutes <n>', 'duration of a run')
      .option('--dry-run', 'show the contract without signing it'),
  ).action(lazily(async () => (await import('./create.ts')).createRunConfig));
  projectOption(config.command('list').description('list run configurations, each verified')).action(
    lazily(async () => (await import('./show.ts')).listRunConfigs),
  );
  projectOption(
    config
      .command('show [run-config]')
      .description('show a contract’s terms')
      .option('--out <file>', 'write its bytes'),
  ).action(lazily(async () => (await import('./show.ts')).showRunConfig));
  projectOption(
    config
      .command('review [run-config]')
      .description('hold a contract against your pins and the ledger; exit code 1 if it must not be signed')
      .option('--accept <file>', 'a policy of yours; the contract may accept nothing beyond', collect, []),
  ).action(lazily(async () => (await import('./show.ts')).reviewRunConfig));
  registerContract(program, lazily);
}
