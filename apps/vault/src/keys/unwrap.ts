// From a wrapped key to what may leave: the CEK exists for the length of one call and is overwritten after it.
import { base64urlDecode, base64urlEncode, type Bytes, type Digest } from '@sealroom/bytes';
import type { ArtifactState, LedgerRecord, PayloadOf, ServedAsset } from '@sealroom/contract';
import { assetKey, importKekSecret, keyCommitment, SealError, unwrapKey } from '@sealroom/seal';
import type { Vault } from '../context.ts';
import { openSecret } from './sealing.ts';
import { findWrappedKey, kekByDigest, type KeptKek } from './store.ts';

const ROLE_OF = { dataset: 'data-steward', algorithm: 'algorithm-owner' } as const;

/** Opens a WCEK with a kept KEK. @throws seal/unwrap-failed */
export async function unwrapWith(
  vault: Pick<Vault, 'rootKey'>,
  kek: KeptKek,
  wcek: Uint8Array,
): Promise<Bytes> {
  const pkcs8 = openSecret(vault.rootKey, kek, kek.sealed);
  try {
    return await unwrapKey(await importKekSecret(pkcs8), wcek);
  } finally {
    pkcs8.fill(0);
  }
}

type Opener = Pick<Vault, 'db' | 'rootKey' | 'commitments'>;

export type OpenedAsset = { readonly key: Bytes; readonly commitment: string };

/**
 * The key of an asset under its owner's present CEK: the last `key.wrapped` of the owner's role in the asset's project.
 * Undefined while the vault has no such key. The caller overwrites `key` after use.
 */
export async function openAsset(
  vault: Pick<Vault, 'db' | 'rootKey'>,
  record: LedgerRecord,
  { kind, org, published }: Pick<ServedAsset, 'kind' | 'org' | 'published'>,
): Promise<OpenedAsset | undefined> {
  const wrapped = record.wrapped.get(`${org}/${published.project}/${ROLE_OF[kind]}`)?.payload;
  if (!wrapped) return undefined;
  const [kek, bytes] = await Promise.all([
    kekByDigest(vault.db, wrapped.kek),
    findWrappedKey(vault.db, wrapped),
  ]);
  if (!kek || !bytes) return undefined;
  let cek: Bytes | undefined;
  try {
    cek = await unwrapWith(vault, kek, bytes);
    const { assetSalt } = published.published.payload as PayloadOf<'dataset.published'>;
    const key = await assetKey(cek, base64urlDecode(assetSalt), kind);
    return { key, commitment: base64urlEncode(await keyCommitment(key)) };
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  } finally {
    cek?.fill(0);
  }
}

const KEPT_COMMITMENTS = 10_000;

/** The commitment of an asset's present key; opened once for each wrapped key and asset. */
async function commitmentOf(
  vault: Opener,
  record: LedgerRecord,
  asset: Pick<ServedAsset, 'kind' | 'org' | 'published'>,
): Promise<string | undefined> {
  const wrapped = record.wrapped.get(`${asset.org}/${asset.published.project}/${ROLE_OF[asset.kind]}`);
  const name = `${wrapped?.digest} ${asset.published.published.digest}`;
  const known = vault.commitments.get(name);
  if (known !== undefined) return known;
  const opened = await openAsset(vault, record, asset);
  if (!opened) return undefined;
  opened.key.fill(0);
  if (vault.commitments.size >= KEPT_COMMITMENTS) vault.commitments.clear();
  vault.commitments.set(name, opened.commitment);
  return opened.commitment;
}

/** Key commitments of everything that this vault's organisations have published among some assets. */
export async function commitmentsOf(
  vault: Opener & Pick<Vault, 'identity'>,
  record: LedgerRecord,
  assets: ReadonlySet<Digest>,
): Promise<Map<Digest, string>> {
  const found = new Map<Digest, string>();
  const mine = ({ org, kind, digest }: ArtifactState): boolean =>
    assets.has(digest) && vault.identity.orgs.includes(org) && (kind === 'dataset' || kind === 'algorithm');
  for (const published of [...record.artifacts.values()].filter(mine)) {
    const { digest, org } = published;
    const kind = published.kind === 'dataset' ? 'dataset' : 'algorithm';
    const commitment = await commitmentOf(vault, record, { kind, org, published });
    if (commitment !== undefined) found.set(digest, commitment);
  }
  return found;
}
