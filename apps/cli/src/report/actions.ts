// `report open`: the receipt is verified first, by pinned parties; the sealed output and its envelope must be those that the
// receipt names; only then is the output opened with the identity's receiving key.
import { hubRoutes } from '@sealroom/api';
import { parseStrictJson, sha256Digest, utf8Decode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { openOutput, parseEnvelope } from '@sealroom/seal';
import type { Action } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { writeWhole } from '../home/files.ts';
import { openProject } from '../hub/project.ts';
import { identityOf, link } from '../hub/session.ts';
import { fetchReceipt, type FetchedReceipt, trustFor } from '../receipt/fetch.ts';
import { receiptText } from '../receipt/text.ts';
import { findRun } from '../run/find.ts';

function checkPinned({ unpinned }: FetchedReceipt): void {
  if (unpinned === undefined) return;
  throw new CliError(
    'cli/refused',
    `The receipt is not by parties pinned here: ${unpinned.message} (${unpinned.code})`,
    {
      exit: EXIT.refused,
      next: 'Pin what you have checked ("sealroom org pin"), or give --trust with a trust file of whoever signed the contract.',
    },
  );
}

function checkSame(same: boolean, what: string): void {
  if (same) return;
  throw new CliError('cli/receipt-mismatch', `The ${what} is not the one that the receipt names.`, {
    exit: EXIT.refused,
    next: 'Do not use it. Fetch it again; if that does not help, ask the hub’s operator.',
  });
}

export const openReport: Action = async (context, input) => {
  const hub = await link(context, input);
  const { run, hasOutput } = findRun(await openProject(context, input, hub), input.arg(0));
  if (!hasOutput) throw new CliError('cli/not-found', 'This run has no output.', { exit: EXIT.refused });
  const fetched = await fetchReceipt(hub, run, await trustFor(context, input.optional('trust')));
  checkPinned(fetched);
  const { finished } = fetched.receipt;
  const params = { run };
  const [sealed, envelope] = await Promise.all([
    call(hub.service, hubRoutes.output, { params }),
    call(hub.service, hubRoutes.envelope, { params }),
  ]);
  checkSame((await sha256Digest(sealed)) === finished.output, 'sealed output');
  checkSame((await sha256Digest(envelope)) === finished.envelope, 'envelope');
  const { receiving } = await identityOf(context);
  if (!receiving) throw new CliError('cli/no-identity', 'This home’s key receives nothing.');
  const { manifest } = finished;
  const report = await openOutput({
    sealed,
    envelope: parseEnvelope(envelope),
    secret: receiving.secret,
    manifest,
  });
  const [out, receiptOut] = [input.optional('out'), input.optional('receiptOut')];
  const overwrite = input.flag('overwrite');
  if (receiptOut !== undefined) {
    await writeWhole(receiptOut, fetched.bytes, { mode: 0o644, overwrite });
    context.did(`${receiptOut} was written.`);
  }
  const about = receiptText(fetched.receipt);
  if (out !== undefined) {
    await writeWhole(out, report, { overwrite });
    context.did(`${out} was written.`);
    return {
      json: { ok: true, run, out, receipt: receiptOut ?? null, finished },
      text: `Wrote the report to ${out}.\n\n${about}`,
    };
  }
  context.note(`${about}\n`);
  const value = parseStrictJson(report, { fractions: true });
  return {
    json: { ok: true, run, report: value, receipt: receiptOut ?? null, finished },
    text: `${utf8Decode(report)}\n`,
  };
};
