// Registers `project`.
import type { Command } from 'commander';
import type { Lazily } from '../context.ts';
import { collect } from '../options.ts';

export function registerProject(program: Command, lazily: Lazily): void {
  const project = program.command('project').description('projects that your organisation takes part in');
  project
    .command('create')
    .description('create a project with its participants')
    .requiredOption('--name <name>', 'its name')
    .option('--description <text>', 'what it is about')
    .option('--steward <organisation>', 'a data steward: organisation id, or "me"', collect, [])
    .option('--algorithm-owner <organisation>', 'an algorithm owner: organisation id, or "me"', collect, [])
    .action(lazily(async () => (await import('./actions.ts')).createProject));
  project
    .command('list')
    .description('list your projects')
    .action(lazily(async () => (await import('./actions.ts')).listProjects));
  project
    .command('show [project]')
    .description('show a project and what is in it, each statement verified')
    .action(lazily(async () => (await import('./actions.ts')).showProject));
  project
    .command('use <project>')
    .description('the project that later commands mean')
    .action(lazily(async () => (await import('./actions.ts')).useProject));
}
