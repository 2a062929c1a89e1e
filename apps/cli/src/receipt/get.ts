// `receipt get`: downloads a receipt, verifies it by this home's pins, and keeps it. Exit code 3 when it is consistent, but
// not by parties that are pinned here.
import type { Action } from '../context.ts';
import { EXIT } from '../error.ts';
import { writeWhole } from '../home/files.ts';
import { openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { findRun } from '../run/find.ts';
import { short } from '../terminal/text.ts';
import { fetchReceipt, trustFor } from './fetch.ts';
import { receiptJson, receiptText } from './text.ts';

export const getReceipt: Action = async (context, input) => {
  const hub = await link(context, input);
  const { run } = findRun(await openProject(context, input, hub), input.arg(0));
  const { bytes, receipt, unpinned } = await fetchReceipt(hub, run, await trustFor(context, undefined));
  const out = input.optional('out') ?? `${short(run)}.receipt.json`;
  await writeWhole(out, bytes, { mode: 0o644, overwrite: input.flag('overwrite') });
  context.did(`${out} was written.`);
  const why = unpinned === undefined ? '' : `Not by pinned parties: ${unpinned.message} [${unpinned.code}]\n`;
  return {
    json: { ...receiptJson(receipt), out, ...(unpinned ? { unpinned: unpinned.code } : {}) },
    text: `Wrote ${out}.\n${why}${receiptText(receipt)}`,
    exit: unpinned ? EXIT.consistent : EXIT.ok,
  };
};
