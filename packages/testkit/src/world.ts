// A small world for tests: a data steward and an algorithm owner who register, publish, agree on a contract, ask for a run
// and approve it; and rooms of a simulated node that prove themselves. Everything is said through a book (a fake ledger, a
// real one, or `memoryBook`), so that the same story plays with and without processes. Each step takes a `change` with
// which a test makes one thing wrong. Not here: files and their sealing, the hub.
//
//   const world = await createWorld({ book: memoryBook(ORIGIN), now });
//   await announceKeks(world);                    // or let real vaults make them and call `wrapKeys`
//   const assets = await publishAssets(world);
//   const contract = await signContract(world, draftContract(world, assets));
//   const run = await requestRun(world, contract);
//   await approveRun(world, run);
//   const room = await openRoom();
//   const evidence = await proveRoom(world, run, room, nonces);
export {
  addIdentity,
  type Agreed,
  approveRun,
  type Asset,
  type Assets,
  type Book,
  createWorld,
  draftContract,
  memoryBook,
  type Party,
  person,
  publishAssets,
  requestRun,
  type Run,
  say,
  signContract,
  stopContract,
  stopPayload,
  timeText,
  USES_OF_ALL,
  type VaultPlace,
  type World,
  wrapKeys,
} from './world-story.ts';
export { outsider, registration } from './world-outsider.ts';
export { announceKeks, denyRun, madeUpVault, reserveRun, type Which } from './world-vault.ts';
export { manifestOf, openRoom, proveRoom, type Room, type RoomReport, someNonces } from './world-room.ts';
