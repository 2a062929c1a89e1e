// `receipt platforms`: which runs used which platform, so that they can be found when a platform is distrusted later. Each
// receipt is verified first; one that fails is told and makes the exit code 1, but hides none of the others. What the trust file
// distrusts is marked and refuses nothing here.
import { isDistrusted } from '@sealroom/attest';
import {
  ContractError,
  parseTrust,
  type Trust,
  type VerifiedReceipt,
  verifyReceipt,
} from '@sealroom/contract';
import type { Action } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { short, table, timeText } from '../terminal/text.ts';

type Row = {
  readonly file: string;
  readonly ok: boolean;
  readonly code?: string;
  readonly technology?: string;
  readonly platform?: string;
  /** All that the evidence speaks for, the platform among them. */
  readonly platforms?: readonly string[];
  /** What of these the trust file does not believe any more. */
  readonly distrusted?: readonly string[];
  readonly run?: string;
  readonly finishedAt?: string;
  readonly verdict?: string;
};

/** undefined where neither the run's platform nor any device of it is the one that is looked for. */
export function platformRow(
  file: string,
  { finished, verdict, attestation }: Pick<VerifiedReceipt, 'finished' | 'verdict' | 'attestation'>,
  { wanted, distrust }: { readonly wanted?: string | undefined; readonly distrust: readonly string[] },
): Row | undefined {
  const { technology, platform, run, finishedAt } = finished;
  const { platforms } = attestation;
  if (wanted !== undefined && !platforms.includes(wanted)) return undefined;
  const distrusted = platforms.filter((one) => isDistrusted(one, distrust));
  return { file, ok: true, technology, platform, platforms, distrusted, run, finishedAt, verdict };
}

export const listPlatforms: Action = async (_context, input) => {
  const path = input.optional('trust');
  const given = path === undefined ? undefined : parseTrust(await readGiven(path));
  // What is distrusted now is looked for here: a receipt that verified before must be found, not refused.
  const { distrust = [], ...trust } = given ?? {};
  const wanted = input.optional('platform');
  const files = input.operands();
  if (files.length === 0) throw new CliError('cli/usage', 'Name the receipts to look through.');
  const rows: Row[] = [];
  for (const file of files) {
    const bytes = await readGiven(file);
    try {
      const row = platformRow(file, await verifyReceipt(bytes, given && (trust as Trust)), {
        wanted,
        distrust,
      });
      if (row) rows.push(row);
    } catch (error) {
      if (!(error instanceof ContractError)) throw error;
      rows.push({ file, ok: false, code: error.code });
    }
  }
  const failed = rows.some(({ ok }) => !ok);
  const cells = rows.map((row) =>
    row.ok
      ? [
          row.file,
          row.technology ?? '',
          (row.platforms ?? [])
            .map((one) => (row.distrusted?.includes(one) ? `${one} (DISTRUSTED)` : one))
            .join(', ')
            .replaceAll('\n', ' '),
          short(row.run ?? ''),
          timeText(row.finishedAt ?? ''),
        ]
      : [row.file, `REFUSED [${row.code ?? ''}]`, '', '', ''],
  );
  return {
    json: { ok: !failed, runs: rows },
    text: table(['receipt', 'technology', 'platform', 'run', 'finished'], cells, 'No run there.'),
    exit: failed ? EXIT.refused : EXIT.ok,
  };
};
