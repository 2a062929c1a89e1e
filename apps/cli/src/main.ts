// The command `sealroom`, started by bin/sealroom.mjs on a Node that can read this.
import { runOnThisTerminal } from './cli.ts';

await runOnThisTerminal(process.argv.slice(2));
