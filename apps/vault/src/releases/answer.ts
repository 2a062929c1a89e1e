// The statements that a vault makes in a release: its reservation, its signed answer with the sealed asset keys, its
// denial and its clearance. An asset key exists in clear only between opening and sealing it.
import {
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  type Digest,
  sha256,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import {
  commitmentBytes,
  createStatement,
  freshSalt,
  type LedgerRecord,
  type PayloadOf,
  readStatement,
  releaseInfo,
  type RoomKeys,
  type ServedAsset,
  type StatementType,
} from '@sealroom/contract';
import { hpkeSeal } from '@sealroom/seal';
import { timeText, type Vault } from '../context.ts';
import { openAsset } from '../keys/unwrap.ts';
import type { Asked, Decided } from './decide.ts';
import { releaseNotAfter } from './rules.ts';
import type { Release } from './store.ts';

export type Speaker = Pick<Vault, 'identity' | 'ledger' | 'timing'>;

/** Signs a statement of this vault for one of its organisations. */
export async function speak<T extends StatementType>(
  { identity, ledger, timing }: Speaker,
  org: Digest,
  type: T,
  payload: PayloadOf<T>,
): Promise<Bytes> {
  const head = { type, payload, iss: org, origin: ledger.origin, now: timing.clock() };
  return createStatement(identity.signer, head);
}

export async function reservationOf(
  vault: Speaker,
  asked: Asked,
  { decision }: Decided,
  org: Digest,
): Promise<Bytes> {
  const { run, manifestBytes, platform } = decision;
  if (!run || !manifestBytes || !platform)
    throw new Error('A decision without reasons names run and platform.');
  return speak(vault, org, 'key.reserved', {
    salt: freshSalt(),
    contract: run.request.contract,
    run: run.run,
    manifest: await sha256Digest(manifestBytes),
    room: asked.room,
    technology: asked.evidence.technology,
    platform,
    evidence: await sha256Digest(canonicalBytes(asked.evidence)),
    debit: { runs: 1 },
    at: timeText(vault.timing.clock()),
  });
}

type SealedKey = PayloadOf<'key.released'>['keys'][number];

/** Seals one asset's key to the room; undefined when the key is no longer the one that the asset was sealed with. */
async function sealKey(
  vault: Vault,
  record: LedgerRecord,
  served: ServedAsset,
  to: { readonly room: RoomKeys; readonly info: Bytes },
): Promise<SealedKey | undefined> {
  const opened = await openAsset(vault, record, served);
  if (!opened) return undefined;
  try {
    const { keyCommitment } = served.published.published.payload as PayloadOf<'dataset.published'>;
    if (opened.commitment !== keyCommitment) return undefined;
    const aad = commitmentBytes(keyCommitment);
    const sealed = await hpkeSeal(to.room.receive, { info: to.info, aad, plaintext: opened.key });
    return {
      asset: served.asset,
      kind: served.kind,
      keyCommitment,
      enc: base64urlEncode(sealed.enc),
      ciphertext: base64urlEncode(sealed.ciphertext),
    };
  } finally {
    opened.key.fill(0);
  }
}

/** The signed answer to a room, or undefined when a key changed under it. */
export async function answerOf(
  vault: Vault,
  record: LedgerRecord,
  {
    asked,
    decided,
    release,
  }: { readonly asked: Asked; readonly decided: Decided; readonly release: Release },
): Promise<{ readonly answer: Bytes; readonly notAfter: number } | undefined> {
  const { decision, followed } = decided;
  const { run, manifestBytes, served, contracts } = decision;
  if (!run || !manifestBytes) return undefined;
  const info = releaseInfo(await sha256(manifestBytes), vault.identity.signer.key);
  const to = { room: asked.room, info };
  const sealed = await Promise.all(served.map((asset) => sealKey(vault, record, asset, to)));
  const keys = sealed.filter((key) => key !== undefined);
  if (keys.length < served.length) return undefined;
  const now = vault.timing.clock();
  const notAfter = releaseNotAfter(contracts, now);
  const answer = await speak(vault, release.org, 'key.released', {
    salt: freshSalt(),
    contract: run.request.contract,
    run: run.run,
    manifest: release.manifest,
    room: asked.room,
    keys,
    debit: { runs: 1 },
    reservation: (await readStatement(release.reservation)).digest,
    checkpoint: await sha256Digest(utf8Encode(followed.note)),
    at: timeText(now),
    releaseNotAfter: timeText(notAfter),
    ...(decided.keySets.length > 0 && { keySets: [...decided.keySets] }),
  });
  return { answer, notAfter };
}
