// The run manifest and what binds a room to it (protocol.md section 7). The vault builds the manifest itself from the
// statements and compares bytes; the room only proposes one.
//   B = SHA-256("sealroom/room/v1" ‖ SHA-256([{nonce, vault}…] sorted) ‖ X25519 ‖ Ed25519 ‖ SHA-256(manifest))
import {
  base64urlDecode,
  type Bytes,
  canonicalBytes,
  canonicalJson,
  concat,
  type Digest,
  sha256,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import { type KeyText, parseKey } from '@sealroom/cose';
import type { RoomTechnology } from '@sealroom/attest';
import type { PayloadOf } from './statement-table.ts';

export type Manifest = {
  readonly v: 1;
  /** Digests; lists are sorted. The run is named by the digest of its request. */
  readonly run: Digest;
  readonly contracts: readonly Digest[];
  readonly approvals: readonly Digest[];
  readonly datasets: readonly Digest[];
  readonly algorithms: readonly Digest[];
  readonly criteria: Digest;
  readonly parameters: Digest;
  readonly technology: RoomTechnology;
};

/** Digest of the canonical JSON of a request's parameters. */
export async function parametersDigest(
  parameters: PayloadOf<'run.requested'>['parameters'],
): Promise<Digest> {
  return sha256Digest(canonicalBytes(parameters));
}

/** The manifest of a requested and approved run. @param approvals digests of the approvals, one a steward. */
export async function buildManifest(
  run: Digest,
  request: PayloadOf<'run.requested'>,
  approvals: readonly Digest[],
  technology: RoomTechnology,
): Promise<Manifest> {
  return {
    v: 1,
    run,
    contracts: request.contracts.toSorted(),
    approvals: approvals.toSorted(),
    datasets: request.datasets.toSorted(),
    algorithms: [request.algorithm],
    criteria: request.criteria,
    parameters: await parametersDigest(request.parameters),
    technology,
  };
}

export function encodeManifest(manifest: Manifest): Bytes {
  return canonicalBytes(manifest);
}

/** The room's two public keys: it signs with one and receives asset keys at the other. */
export type RoomKeys = { readonly sign: KeyText; readonly receive: KeyText };
/** A vault's fresh nonce: thumbprint of the vault's key and 32 bytes as base64url. */
export type VaultNonce = { readonly vault: Digest; readonly nonce: string };

/** The 32 bytes that evidence carries as report data. @param manifestHash SHA-256 of the manifest's bytes. */
export async function roomBinding(
  nonces: readonly VaultNonce[],
  room: RoomKeys,
  manifestHash: Uint8Array,
): Promise<Bytes> {
  const sorted = nonces
    .map(({ vault, nonce }) => ({ vault, nonce }))
    .toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));
  const nonceHash = await sha256(canonicalBytes(sorted));
  return sha256(
    utf8Encode('sealroom/room/v1'),
    nonceHash,
    parseKey(room.receive).x,
    parseKey(room.sign).x,
    manifestHash,
  );
}

/** HPKE info of a released asset key: "sealroom/release/v1" ‖ SHA-256(manifest) ‖ the vault's public key. */
export function releaseInfo(manifestHash: Uint8Array, vaultKey: KeyText): Bytes {
  return concat(utf8Encode('sealroom/release/v1'), manifestHash, parseKey(vaultKey).x);
}

/** The key commitment as bytes, the HPKE aad of a released asset key. */
export function commitmentBytes(keyCommitment: string): Bytes {
  return base64urlDecode(keyCommitment);
}
