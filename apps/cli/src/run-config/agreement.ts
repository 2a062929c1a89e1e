// Reviewing and signing a contract: shown first, held against the pins, then signed byte for byte.
import type { RunConfigurationShape } from '@sealroom/api';
import { base64urlDecode, type Bytes, type Digest } from '@sealroom/bytes';
import {
  checkBeforeSigning,
  type ContractReview,
  type KnownPins,
  reviewContract,
  type VerifiedRecord,
} from '@sealroom/client';
import { signPayload } from '@sealroom/contract';
import { measureRoom } from '@sealroom/host/measure';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { pinRooms, readPins } from '../home/pins.ts';
import { noTerminal } from '../home/unlock.ts';
import type { ProjectView } from '../hub/project.ts';
import { findById } from '../hub/project.ts';
import { identityOf, type Link } from '../hub/session.ts';
import { keepContract } from './kept.ts';
import { reviewText } from './review-text.ts';

/** The room program here, to compare with; not every installation has one. */
export async function installedLaunch(): Promise<Digest | undefined> {
  try {
    return await measureRoom();
  } catch {
    return undefined;
  }
}

export async function knownPins(context: Context, { ledger }: Pick<Link, 'ledger'>): Promise<KnownPins> {
  const { organisations } = await readPins(context.home);
  return { ledger, organisations };
}

/** Without a reference the only one that was not revoked. */
export function findRunConfig(
  { runConfigurations }: ProjectView,
  reference: string | undefined,
): RunConfigurationShape {
  const open = runConfigurations.filter(({ revoked }) => !revoked);
  const meant = reference === undefined && open.length > 0 ? open : runConfigurations;
  return findById(meant, 'runConfiguration', reference, 'run configuration');
}

/** The contract of a configuration, whose bytes must be those that were signed. */
export async function reviewConfiguration(
  context: Context,
  hub: Link,
  configuration: RunConfigurationShape,
  verified: VerifiedRecord,
): Promise<{ readonly review: ContractReview; readonly bytes: Bytes }> {
  const bytes = base64urlDecode(configuration.contractBytes);
  const review = await reviewContract(bytes, { pins: await knownPins(context, hub), verified });
  if (review.digest === configuration.contract && verified.record.contracts.has(review.digest))
    return { review, bytes };
  throw new CliError('cli/refused', 'The hub gave other contract bytes than those that were signed.', {
    exit: EXIT.refused,
  });
}

/** Shows what is to be signed and asks; `--yes` says that it was read already. */
export async function agree(context: Context, shown: string, question: string, look: string): Promise<void> {
  context.show(`${shown}\n`);
  if (context.yes) return;
  if (!context.terminal.interactive)
    throw noTerminal('Your agreement', `--yes once you have read it (${look})`);
  if (await (await context.terminal.prompts()).confirm(question)) return;
  throw new CliError('cli/cancelled', 'You did not agree; nothing was signed.', { exit: EXIT.refused });
}

/** @throws client/mismatch · client/unpinned · cli/cancelled · cli/no-terminal */
export async function reviewAndAgree(
  context: Context,
  hub: Link,
  review: ContractReview,
  { question, look, more = '' }: { question: string; look: string; more?: string },
): Promise<void> {
  checkBeforeSigning(review, hub);
  const text = await reviewText(review, await installedLaunch());
  await agree(context, text + more, question, look);
}

/** Signs the bytes; from then on this home counts the contract's rooms as pinned. */
export async function signContract(
  context: Context,
  hub: Link,
  { review, bytes }: { readonly review: ContractReview; readonly bytes: Bytes },
): Promise<Bytes> {
  const { accept } = review.contract.room;
  await pinRooms(context.home, accept);
  await keepContract(context.home, review.digest, bytes);
  const { signer } = await identityOf(context);
  const parts = { type: 'contract.signed' as const, bytes, iss: hub.org };
  return signPayload(signer, { ...parts, origin: hub.ledger.origin, now: context.now() });
}
