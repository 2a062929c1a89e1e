// A run on a dataset that lies in the steward's own Azure container and is read by a SAS URL (Microsoft's emulator; no real
// Azure account was used).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openContainer, tlsFetch } from '@sealroom/host';
import { readSealedFolder } from '@sealroom/host/sealing';
import { type Azurite, sasUrl, startAzurite } from '@sealroom/testkit/azurite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXAMPLE, initiate, offer, openHouse, type OpenHouse, request, untilEnded } from './story.ts';

let azurite: Azurite;
let open: OpenHouse;

async function upload(sealed: string): Promise<string> {
  const container = await azurite.createContainer('hospital');
  const store = openContainer(await sasUrl(container, 'rcw'), { fetch: tlsFetch() });
  for (const file of (await readSealedFolder(sealed)).files)
    await store.put(file.path, await readFile(file.sealedPath));
  return sasUrl(container, 'r');
}

beforeAll(async () => {
  azurite = await startAzurite();
  open = await openHouse('azure', { storeOrigins: [azurite.origin], upload });
}, 180_000);

afterAll(async () => {
  await open?.close();
  await azurite?.stop();
}, 60_000);

test('the room reads the sealed dataset from an Azure container by its SAS URL', async () => {
  const { stage, folder } = open;
  const agreed = await offer(stage, join(EXAMPLE, 'algorithm-javascript'), join(folder, 'algorithm'));
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  expect((await untilEnded(stage, run)).status).toBe('Run Completed');
}, 120_000);
