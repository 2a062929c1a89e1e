// The tree of commands. Registration is light; each command's own module is loaded when it is called.
import { Command } from 'commander';
import { registerAttest } from './attest/command.ts';
import type { Lazily } from './context.ts';
import type { Terminal } from './context.ts';
import { registerDataset } from './dataset/command.ts';
import { registerDocuments } from './documents/command.ts';
import { registerIdentity } from './identity/command.ts';
import { registerKey } from './key/command.ts';
import { registerNode } from './node/command.ts';
import { registerOrg } from './org/command.ts';
import { registerProject } from './project/command.ts';
import { registerReceipt } from './receipt/command.ts';
import { registerRunConfig } from './run-config/command.ts';
import { registerRun } from './run/command.ts';
import { registerSeal } from './seal/command.ts';
import { registerSession } from './session/command.ts';
import { registerStore } from './store/command.ts';
import { registerUp, registerVault } from './up/register.ts';

const HELP = `
Exit codes: 0 done · 1 refused or invalid · 2 usage or unusable input · 3 a receipt is consistent only · 4 a service cannot be reached
Environment: SEALROOM_HOME, SEALROOM_HUB, SEALROOM_CA, SEALROOM_PROJECT, SEALROOM_PASSPHRASE_FILE, SEALROOM_ROOT_PASSPHRASE_FILE
`;

/** Applies to all commands, also those made later by `command`. */
function quietly(command: Command, terminal: Pick<Terminal, 'out' | 'err' | 'columns'>): void {
  const width = () => Math.max(60, Math.min(terminal.columns, 120));
  command.exitOverride().configureOutput({
    writeOut: terminal.out,
    // Failures are printed once, by cli.ts; what is left is the help of a group that was called by itself.
    writeErr: terminal.err,
    outputError: () => undefined,
    getOutHelpWidth: width,
    getErrHelpWidth: width,
  });
  for (const below of command.commands) quietly(below, terminal);
}

export function buildProgram(lazily: Lazily, terminal: Pick<Terminal, 'out' | 'err' | 'columns'>): Command {
  const program = new Command('sealroom');
  program
    .description('compute together without trusting each other, or the operator')
    .option('--home <folder>', 'folder of keys, pins and settings (default: ~/.sealroom)')
    .option('--json', 'exactly one JSON value on standard output; never a question')
    .option('--yes', 'agree to what you have reviewed already')
    .option('--passphrase-file <file>', 'first line: the passphrase of the identity (and of the root)')
    .option('--root-passphrase-file <file>', 'first line: the passphrase of the root')
    .option('--debug', 'add details to a failure')
    .addHelpText('after', HELP);
  registerUp(program);
  registerOrg(program, lazily);
  registerIdentity(program, lazily);
  registerSession(program, lazily);
  registerProject(program, lazily);
  registerKey(program, lazily);
  registerSeal(program, lazily);
  registerStore(program, lazily);
  registerDocuments(program, lazily);
  registerDataset(program, lazily);
  registerRunConfig(program, lazily);
  registerRun(program, lazily);
  registerReceipt(program, lazily);
  registerAttest(program, lazily);
  registerNode(program, lazily);
  registerVault(program);
  quietly(program, terminal);
  return program;
}
