// Rooms of the world's simulated node: keys, manifest, nonces and evidence (docs/protocol.md section 7).
import type { Evidence, RoomTechnology } from '@sealroom/attest';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlEncode, type Bytes, type Digest, sha256 } from '@sealroom/bytes';
import {
  buildManifest,
  encodeManifest,
  roomBinding,
  type RoomKeys,
  type VaultNonce,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, keyThumbprint, publicKeyOf, type Signer } from '@sealroom/cose';
import type { Run, World } from './world-story.ts';

export type Room = { readonly sign: Signer; readonly receiveSecret: Bytes; readonly keys: RoomKeys };

/** Fresh room keys. */
export async function openRoom(): Promise<Room> {
  const sign = await ed25519Signer(generateSecret());
  const receiveSecret = generateSecret();
  const receive = await publicKeyOf('X25519', receiveSecret);
  return { sign, receiveSecret, keys: { sign: sign.key, receive } };
}

/** The bytes of the manifest that the statements of a run make. */
export async function manifestOf(
  { digest, request, approvals }: Run,
  technology: RoomTechnology = 'simulated',
): Promise<Bytes> {
  return encodeManifest(await buildManifest(digest, request, approvals, technology));
}

export type RoomReport = Parameters<typeof simulatedEvidence>[1];

/** Evidence of the world's node for a room of a run. @param nonces one of each vault */
export async function proveRoom(
  world: World,
  run: Run,
  room: Room,
  nonces: readonly VaultNonce[],
  {
    signer = world.simulator,
    change = (report) => report,
  }: { readonly signer?: Signer; readonly change?: (report: RoomReport) => RoomReport } = {},
): Promise<Evidence> {
  const hostData = await sha256(await manifestOf(run));
  const reportData = await roomBinding(nonces, room.keys, hostData);
  const report = change({ launch: world.launch, hostData, reportData, debug: false });
  return simulatedEvidence(signer, report, Math.floor(world.now / 1000));
}

/** A made-up nonce of each vault of the world. */
export async function someNonces(world: World): Promise<VaultNonce[]> {
  const kids = new Set<Digest>();
  for (const { vault } of [world.steward, world.owner]) kids.add(await keyThumbprint(vault.key));
  return [...kids].map((vault) => ({
    vault,
    nonce: base64urlEncode(crypto.getRandomValues(new Uint8Array(32))),
  }));
}
