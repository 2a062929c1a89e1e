// The node's two keys: one signs its requests to the hub, the other is its simulated TEE's. Both are made at the first
// start and stay in the data directory (0600); neither opens anything of a party's.
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { generateSecret, ed25519Signer, type Signer } from '@sealroom/cose';
import { ensureDirectory, readSecretFile, writeFileAtomic } from '@sealroom/host';

export type NodeKeys = { readonly node: Signer; readonly simulator: Signer };

async function keyFile(path: string): Promise<Signer> {
  if (!existsSync(path)) await writeFileAtomic(path, generateSecret(), 0o600);
  return ed25519Signer(new Uint8Array(readSecretFile(path)));
}

export async function loadKeys(dataDirectory: string): Promise<NodeKeys> {
  await ensureDirectory(dataDirectory, 0o700);
  return {
    node: await keyFile(join(dataDirectory, 'node.key')),
    simulator: await keyFile(join(dataDirectory, 'simulator.key')),
  };
}
