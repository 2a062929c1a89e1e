// Registers `run`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { collect, projectOption } from '../options.ts';

const RUN = 'a run: its id, eight or more of its first digits, or #NUMBER';

export function registerRun(program: Command, lazily: Lazily): void {
  const run = program.command('run').description('run requests and runs');
  projectOption(
    run
      .command('request')
      .description('ask for a run under a contract, signed')
      .option('--run-config <ref>', 'the run configuration; needed when there are several')
      .option('--param <NAME=VALUE>', 'a parameter that the contract declares; may be repeated', collect, [])
      .option('--vcpu <n>', 'processors', '1')
      .option('--memory <GiB>', 'memory', '1'),
  ).action(lazily(async () => (await import('./request.ts')).requestRun));
  projectOption(
    run
      .command('initiate <run>')
      .description(
        'INITIATE RUN: review the contract and the request, countersign if that is missing, and approve',
      )
      .option('--accept <file>', 'a policy of yours; the contract may accept nothing beyond', collect, [])
      .addHelpText('after', `\n<run> is ${RUN}.\n`),
  ).action(lazily(async () => (await import('./initiate.ts')).initiateRun));
  for (const [verb, words] of [
    ['reject', 'reject a requested run'],
    ['withdraw', 'take back your own request'],
    ['cancel', 'cancel a run'],
  ] as const) {
    projectOption(
      run
        .command(`${verb} <run>`)
        .description(words)
        .option('--reason <text>', 'in words; kept apart from the statement, so that it can be erased'),
    ).action(lazily(async () => (await import('./decide.ts')).endRun(verb)));
  }
  projectOption(run.command('list').description('list the runs, newest first, each verified')).action(
    lazily(async () => (await import('./show.ts')).listRuns),
  );
  projectOption(run.command('show <run>').description('show a run and its stages')).action(
    lazily(async () => (await import('./show.ts')).showRun),
  );
  projectOption(
    run
      .command('watch <run>')
      .description('wait until a run has ended; exit code 1 unless it completed')
      .option('--timeout <seconds>', 'give up after so long'),
  ).action(lazily(async () => (await import('./show.ts')).watchRun));
  projectOption(
    run.command('refusals').description('what your vault refused to release, and why, newest first'),
  ).action(lazily(async () => (await import('./refusals.ts')).listRefusals));

  const report = program.command('report').description('the outputs of runs');
  projectOption(
    report
      .command('open <run>')
      .description('download a run’s output, verify its receipt, and open it with your key')
      .option('--out <file>', 'write the report there instead of showing it')
      .option('--receipt-out <file>', 'keep the receipt too')
      .option('--trust <file>', 'verify the receipt by these pins rather than this home’s')
      .option('--overwrite', 'replace the output'),
  ).action(lazily(async () => (await import('../report/actions.ts')).openReport));
}
