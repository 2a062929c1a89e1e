// Registers `specification`, `attestation` and `criteria`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { versionOptions } from '../options.ts';

function registerAnswers(group: Command, lazily: Lazily, what: 'attestation' | 'criteria'): void {
  const load = lazily(async () => (await import('./actions.ts')).answer(what, 'accepted'));
  group
    .command('accept [document]')
    .description(`accept a version of the ${what}, signed`)
    .option('--project <project>', 'id or name; needed when there are several')
    .action(load);
  group
    .command('decline [document]')
    .description(`decline a version of the ${what}, signed`)
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).answer(what, 'declined')));
}

function registerList(
  group: Command,
  lazily: Lazily,
  kind: 'specification' | 'attestation' | 'criteria',
): void {
  group
    .command('list')
    .description('list the versions, each verified')
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('../hub/list.ts')).listArtifacts(kind)));
  group
    .command('get <document>')
    .description('download a document and compare its digest')
    .requiredOption('--out <file>', 'where to write it')
    .option('--overwrite', 'replace the output')
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).getDocument(kind)));
}

export function registerDocuments(program: Command, lazily: Lazily): void {
  const specification = program.command('specification').description('data specifications');
  versionOptions(specification.command('publish <file>').description('publish a data specification, signed'))
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).publishSpecification));
  registerList(specification, lazily, 'specification');

  const attestation = program.command('attestation').description('data attestation reports');
  versionOptions(
    attestation.command('publish <file>').description('publish a data attestation report, signed'),
  )
    .option('--specification <ref>', 'digest or name; needed when there are several')
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).publishAttestation));
  registerAnswers(attestation, lazily, 'attestation');
  registerList(attestation, lazily, 'attestation');

  const criteria = program.command('criteria').description('validation criteria for reports');
  versionOptions(criteria.command('publish <file>').description('publish validation criteria, signed'))
    .option('--allow-findings', 'publish although "criteria lint" finds no bound on what a report can carry')
    .option('--project <project>', 'id or name; needed when there are several')
    .action(lazily(async () => (await import('./actions.ts')).publishCriteria));
  registerAnswers(criteria, lazily, 'criteria');
  registerList(criteria, lazily, 'criteria');
  criteria
    .command('check <criteria> <report>')
    .description('hold a report against criteria; exit code 0 valid, 1 invalid, 2 unusable')
    .option('--compat', 'as Cerberus 1.3 does it, rather than as a room’s gate does')
    .option('--options <json>', 'Cerberus’ options, such as {"require_all":true}')
    .action(lazily(async () => (await import('../criteria/actions.ts')).checkCriteria));
  criteria
    .command('lint <criteria>')
    .description('what is unwise in criteria, and how many bits a report can carry')
    .action(lazily(async () => (await import('../criteria/actions.ts')).lint));
}
