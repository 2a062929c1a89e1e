// A run on a dataset that lies in the steward's own Azure container and is read by a SAS URL (Microsoft's emulator; no real
// Azure account was used).
import { readFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openContainer, tlsFetch } from '@sealroom/host';
import { readSealedFolder } from '@sealroom/host/sealing';
import { type Azurite, sasUrl, startAzurite } from '@sealroom/testkit/azurite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createCast,
  EXAMPLE,
  initiate,
  offer,
  request,
  type RunningHouse,
  setStage,
  type Stage,
  startHouse,
  untilEnded,
} from './story.ts';

let folder: string;
let azurite: Azurite;
let house: RunningHouse;
let stage: Stage;

async function upload(sealed: string): Promise<string> {
  const container = await azurite.createContainer('hospital');
  const store = openContainer(await sasUrl(container, 'rcw'), { fetch: tlsFetch() });
  for (const file of (await readSealedFolder(sealed)).files)
    await store.put(file.path, await readFile(file.sealedPath));
  return sasUrl(container, 'r');
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-azure-'));
  azurite = await startAzurite();
  const cast = await createCast();
  house = await startHouse(join(folder, 'house'), { hospital: cast.steward.org, vendor: cast.owner.org }, [
    azurite.origin,
  ]);
  stage = await setStage(house, cast, folder, upload);
}, 180_000);

afterAll(async () => {
  await house?.stop();
  await azurite?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

test('the room reads the sealed dataset from an Azure container by its SAS URL', async () => {
  const agreed = await offer(stage, join(EXAMPLE, 'algorithm-javascript'), join(folder, 'algorithm'));
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  expect((await untilEnded(stage, run)).status).toBe('Run Completed');
}, 120_000);
