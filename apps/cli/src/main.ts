#!/usr/bin/env node
// The command `sealroom`. This file only makes sure that the running Node can read the rest; see cli.ts.
import { onSuitableNode } from './runtime.ts';

if (onSuitableNode()) {
  const { runOnThisTerminal } = await import('./cli.ts');
  await runOnThisTerminal(process.argv.slice(2));
}
