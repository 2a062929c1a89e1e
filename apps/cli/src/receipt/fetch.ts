// A run's receipt as the hub holds it, verified before anything is done with it.
import { hubRoutes } from '@sealroom/api';
import type { Bytes, Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import {
  ContractError,
  parseTrust,
  type Trust,
  type VerifiedReceipt,
  verifyReceipt,
} from '@sealroom/contract';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import type { Link } from '../hub/session.ts';
import { trustOf } from './trust.ts';

export type FetchedReceipt = {
  readonly bytes: Bytes;
  readonly receipt: VerifiedReceipt;
  /** Why the verdict is not *pinned*, where it is not. */
  readonly unpinned: ContractError | undefined;
};

export async function trustFor(context: Context, path: string | undefined): Promise<Trust> {
  return path === undefined ? trustOf(context.home) : parseTrust(await readGiven(path));
}

/** @throws what `verifyReceipt` throws for a receipt that is not even consistent · cli/receipt-mismatch */
export async function fetchReceipt(hub: Link, run: Digest, trust: Trust): Promise<FetchedReceipt> {
  const bytes = await call(hub.service, hubRoutes.receipt, { params: { run } });
  const verified = await byPinsOrAlone(bytes, trust);
  if (verified.receipt.finished.run === run) return { bytes, ...verified };
  throw new CliError('cli/receipt-mismatch', 'The hub gave the receipt of another run.', {
    exit: EXIT.refused,
  });
}

async function byPinsOrAlone(bytes: Bytes, trust: Trust): Promise<Omit<FetchedReceipt, 'bytes'>> {
  try {
    return { receipt: await verifyReceipt(bytes, trust), unpinned: undefined };
  } catch (error) {
    if (!(error instanceof ContractError) || !error.code.startsWith('receipt/pins-')) throw error;
    return { receipt: await verifyReceipt(bytes), unpinned: error };
  }
}
