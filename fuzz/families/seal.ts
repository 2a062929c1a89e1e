// Family seal: sealed files and their parts, inventories, outputs, wrapped keys.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hexDecode, utf8Encode } from '@sealroom/bytes';
import {
  assetKey,
  fileKey,
  importKek,
  importKekSecret,
  leavesOf,
  parseInventory,
  segmentCapacity,
  treeDigest,
  wrapKey,
} from '@sealroom/seal';
import type { Family } from '../engine/target.ts';
import { vector } from './genuine.ts';
import {
  DATA,
  type FolderVector,
  headerTarget,
  inventoryTarget,
  KEY,
  leavesTarget,
  openInventoryTarget,
  openTarget,
  pathTarget,
  rangeTarget,
  sealWith,
  SMALL,
  streamTarget,
  type TinkFile,
  tinkTarget,
} from './seal-files.ts';
import {
  bkencFileTarget,
  bkencTarget,
  envelopeTarget,
  hpkeTarget,
  type HpkeVector,
  kekSecretTarget,
  kekTarget,
  outputTarget,
  type OutputVector,
  paddingTarget,
  rsaPair,
  unwrapTarget,
} from './seal-keys.ts';

export async function sealFamily(): Promise<Family> {
  const secret = { key: KEY, associatedData: DATA };
  const long = new Uint8Array(300).map((_, i) => i & 255);
  const small = [
    await sealWith(secret, new Uint8Array(), 1),
    await sealWith(secret, utf8Encode('hello'), 2),
    await sealWith(secret, long, 3),
    await sealWith(secret, long.slice(0, segmentCapacity(0, SMALL)), 4),
  ];
  const folder = vector<FolderVector>('seal/folder.json');
  const asset = await assetKey(hexDecode(folder.cek), hexDecode(folder.assetSalt), 'dataset');
  const inventory = parseInventory(utf8Encode(folder.inventory));
  const listed = inventory.files[0];
  const file = hexDecode(folder.file);
  const tree = listed?.tree ?? (await treeDigest(await leavesOf(file)));
  const tink = vector<{ key: string; files: readonly TinkFile[] }>('seal/tink.json');
  const output = vector<OutputVector>('seal/output.json');
  const rsa = rsaPair(3072);
  const kek = await importKek(rsa.spki);
  const range = rangeTarget(
    await fileKey(asset),
    file,
    hexDecode(folder.leaves),
    tree,
    hexDecode(folder.plaintext),
  );
  return {
    name: 'seal',
    targets: [
      headerTarget,
      openTarget(small),
      streamTarget(small),
      tinkTarget(
        hexDecode(tink.key),
        tink.files.filter(({ sealed }) => sealed.length < 20_000),
      ),
      inventoryTarget(folder.inventory),
      openInventoryTarget(asset, hexDecode(folder.sealedInventory)),
      range,
      leavesTarget,
      pathTarget,
      bkencTarget(),
      bkencFileTarget(mkdtempSync(join(tmpdir(), 'sealroom-fuzz-'))),
      envelopeTarget(output.envelope),
      outputTarget(output, 'envelope'),
      outputTarget(output, 'sealed'),
      paddingTarget,
      hpkeTarget(vector<HpkeVector>('seal/hpke.json')),
      kekTarget([rsa.spki, rsa.pem, rsaPair(2048).spki]),
      kekSecretTarget(rsa),
      unwrapTarget(await importKekSecret(rsa.pkcs8), await wrapKey(kek, KEY)),
    ],
  };
}
