// Every cheat with evidence against a vault, for technologies whose made-up vendors sign in the genuine formats: two vaults over
// HTTP with real databases, contracts, a ledger, and a store of collateral that is filled by vendors' services or by import.
// Good evidence gets keys, and what the vaults hand out with them is enough to judge it offline. Each cheat is refused by
// the checks that the table names, and by no others; a cheat that makes no sense somewhere says why.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vaultRoutes } from '@sealroom/api';
import {
  appraiseEvidence,
  type CollateralFile,
  type KeySet,
  readCollateral,
  readKeySet,
  roomPolicy,
} from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, sha256, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { isOfType, type PayloadOf, readStatement, roomBinding, type VaultNonce } from '@sealroom/contract';
import type { RunningServer } from '@sealroom/host';
import { openCollateralStore } from '@sealroom/host/collateral';
import {
  type Attempt,
  type Bounds,
  type Cheat,
  type CheatName,
  CHEATS,
  playAzureCvm,
  playMaaContainer,
  playMaaGuest,
  playSgx,
  playSpaceChain,
  playSpacePublished,
  playTpm,
  type PlayedTechnology,
} from '@sealroom/testkit/cheats';
import { startVendorServices, type VendorServices } from '@sealroom/testkit/vendors/services';
import {
  type Agreed,
  approveRun,
  draftContract,
  manifestOf,
  openRoom,
  publishAssets,
  requestRun,
  type Room,
  type Run,
  signContract,
} from '@sealroom/testkit/world';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collateralSettings, openVaultCollateral, type VaultCollateral } from '../attest/collateral.ts';
import type { AttestParty } from '../attest/supply.ts';
import {
  ask,
  at,
  challenge,
  opaque,
  overHttp,
  releaseAt,
  scopedStatements,
  setStage,
  type Stage,
} from '../fixtures.ts';
import { createVaultLog } from '../start.ts';

const NOW = Date.parse('2026-11-22T10:00:00Z');
const HOUR = 3_600_000;
const MAKERS = [
  playSgx,
  playTpm,
  playAzureCvm,
  playMaaGuest,
  playMaaContainer,
  playSpaceChain,
  playSpacePublished,
];

const played: readonly PlayedTechnology[] = await Promise.all(MAKERS.map((make) => make(NOW)));

let stage: Stage;
let folder = '';
let store: VaultCollateral;
/** Platforms that the vaults' owners believe no more. */
let distrust: string[] = [];
/** What the vault is given in place of what its store has. */
let shown: Pick<Attempt, 'collateral' | 'keySets'> = {};
let vendors: VendorServices;
const servers: RunningServer[] = [];
const contracts = new Map<string, Agreed>();

/** A store as a vault's operator sets it up: addresses of services, their authority, and files that were imported. */
async function openStore(roots: AttestParty['roots']): Promise<VaultCollateral> {
  folder = await mkdtemp(join(tmpdir(), 'sealroom-vault-cheats-'));
  vendors = await startVendorServices(...played.map(({ answers }) => answers));
  const { url, caPem } = vendors;
  const keySets = Object.fromEntries(
    played.flatMap((one) => Object.entries(one.keySets).map(([issuer, path]) => [issuer, url + path])),
  );
  const caPath = join(folder, 'ca.pem');
  await writeFile(caPath, caPem);
  const kept = join(folder, 'collateral');
  const filling = await openCollateralStore({ folder: kept, roots, clock: () => NOW });
  await filling.import(played.flatMap(({ imports }) => imports));
  filling.close();
  const settings = collateralSettings.parse({
    folder: kept,
    services: { amd: url, intel: url, intelCertificates: url, keySets },
    caPath,
  });
  return openVaultCollateral(settings, {
    dataDirectory: folder,
    log: createVaultLog(true),
    clock: () => NOW,
    roots,
  });
}

async function agree({ title, sensitivity, entry }: PlayedTechnology): Promise<void> {
  const { world } = stage;
  const assets = await publishAssets(world, { sensitivity });
  const contract = draftContract(world, assets, (plain) => ({
    ...plain,
    datasets: plain.datasets.map((item) => ({ ...item, sensitivity })),
    quota: { runs: 1000, attemptsPerRun: 10 },
    room: { ...plain.room, accept: [entry] },
  }));
  contracts.set(title, await signContract(world, contract));
}

beforeAll(async () => {
  const roots: Record<string, unknown[]> = {};
  for (const one of played)
    for (const [vendor, anchors] of Object.entries(one.roots))
      roots[vendor] = [...(roots[vendor] ?? []), ...anchors];
  store = await openStore(roots);
  const attest: AttestParty = {
    roots,
    get distrust() {
      return distrust;
    },
    collateral: async (evidence) => shown.collateral ?? store.forEvidence(evidence),
    keySets: async (evidence) => shown.keySets ?? store.keySets(evidence),
  };
  stage = await setStage({ attest, allowSimulated: false });
  for (const vault of [stage.steward, stage.owner]) servers.push(await overHttp(vault));
  for (const one of played) await agree(one);
}, 120_000);

afterAll(async () => {
  for (const server of servers) await server.close();
  await vendors.close();
  store.close();
  await stage.close();
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => {
  shown = {};
  distrust = [];
});

/** A run with a room, and a nonce of each vault: what its evidence must bind. */
type Prepared = {
  readonly run: Run;
  readonly room: Room;
  readonly body: Omit<Parameters<typeof releaseAt>[1], 'evidence'>;
  readonly bounds: Bounds;
};

async function prepare({ title, technology }: PlayedTechnology): Promise<Prepared> {
  const agreed = contracts.get(title);
  if (!agreed) throw new Error('no contract');
  const { world, steward, owner } = stage;
  const run = await requestRun(world, agreed);
  await approveRun(world, run);
  const room = await openRoom();
  const challenges = await Promise.all([steward, owner].map((vault) => challenge(vault)));
  const manifest = await manifestOf(run, technology);
  const hostData = await sha256(manifest);
  const nonces = challenges.map(({ nonce }) => nonce);
  const bind = async (
    how: { nonces?: readonly VaultNonce[]; keys?: Room['keys']; hash?: typeof hostData } = {},
  ) => {
    const { nonces: brought = nonces, keys = room.keys, hash = hostData } = how;
    return { reportData: await roomBinding(brought, keys, hash), hostData: hash };
  };
  const stale = nonces.map(({ vault }) => ({ vault, nonce: base64urlEncode(new Uint8Array(32).fill(1)) }));
  return {
    run,
    room,
    body: {
      run: run.digest,
      manifest: base64urlEncode(manifest),
      room: room.keys,
      challenges: challenges.map((one) => one.challenge),
      statements: await scopedStatements(world, run),
    },
    bounds: {
      good: await bind(),
      nonce: await bind({ nonces: stale }),
      key: await bind({ keys: (await openRoom()).keys }),
      manifest: await bind({ hash: await sha256(manifest, new Uint8Array(1)) }),
    },
  };
}

const evidenceOf = ({ technology }: PlayedTechnology, bytes: Uint8Array) => ({
  technology,
  body: base64urlEncode(new Uint8Array(bytes)),
});

/** The newest refusal as the vault's owner reads it: codes, with the check where evidence did not hold. */
async function newestRefusal(): Promise<string[]> {
  const { steward, world } = stage;
  const { org, role, identity } = steward.party();
  const request = await ask(stage, identity, steward.signer.kid, 'kek-request', {
    org,
    project: world.project,
    role,
  });
  const { refusals } = await call(at(steward), vaultRoutes.refusals, { query: { request } });
  const reasons = refusals[0]?.reasons ?? [];
  return [...new Set(reasons.map(({ code, check }) => (check ? `${code} ${check}` : code)))].toSorted();
}

async function refusalOf(one: PlayedTechnology, { body, bounds }: Prepared, cheat: Cheat): Promise<string[]> {
  const { body: bytes, ...instead } = await cheat.attempt(bounds);
  shown = instead;
  const evidence = evidenceOf(one, bytes);
  await expect(releaseAt(stage.steward, { ...body, evidence })).rejects.toMatchObject(opaque);
  return newestRefusal();
}

/** The key sets that a vault names in its answer, out of the pieces that it hands out. */
async function namedSets(
  words: PayloadOf<'key.released'>['keySets'] = [],
  pieces: readonly CollateralFile[],
): Promise<KeySet[]> {
  const texts = new Map<string, string>();
  for (const { bytes } of pieces)
    texts.set(await sha256Digest(new Uint8Array(bytes)), Buffer.from(bytes).toString());
  return Promise.all(
    words.map(async ({ issuer, digest, origin, fetchedAt, notAfter }) => {
      const dates = { fetchedAt: Date.parse(fetchedAt), notAfter: Date.parse(notAfter) };
      return readKeySet({ issuer, text: texts.get(digest) ?? '', origin, ...dates });
    }),
  );
}

describe.each(played)('$title: good evidence', (one) => {
  it('gets keys, and collateral with which a reader can judge it offline', async () => {
    const { body, bounds, room, run } = await prepare(one);
    const evidence = evidenceOf(one, await one.prove(bounds.good));
    const both = [stage.steward, stage.owner].map((vault) => releaseAt(vault, { ...body, evidence }));
    for (const { answer, reservation, collateral } of await Promise.all(both)) {
      const released = await readStatement(base64urlDecode(answer));
      if (!isOfType(released, 'key.released')) throw new Error('not a release');
      expect(released.payload).toMatchObject({ run: run.digest, room: room.keys });
      expect(released.payload.keys).toHaveLength(1);
      const reserved = await readStatement(base64urlDecode(reservation));
      expect(reserved.payload).toMatchObject({ technology: one.technology, platform: one.platform });
      const pieces = collateral.map((piece, index) => ({
        name: String(index),
        bytes: base64urlDecode(piece),
      }));
      const keySets = await namedSets(released.payload.keySets, pieces);
      expect(keySets.length > 0).toBe(one.basis === 'vaults');
      const { verdict } = await appraiseEvidence(evidence, roomPolicy([one.entry]), {
        binding: bounds.good,
        context: { at: NOW, roots: one.roots, collateral: readCollateral(pieces), keySets },
      });
      expect(verdict).toBe('affirmed');
    }
  });
});

const CLOCKS = { 'a clock an hour behind': -HOUR, 'a clock an hour ahead': HOUR } as const;
const isClock = (name: string): name is keyof typeof CLOCKS => Object.hasOwn(CLOCKS, name);

/** What is played of a technology, by the cheat's name. */
function rowsOf({ cheats }: PlayedTechnology): [CheatName, readonly Cheat[]][] {
  return CHEATS.flatMap((name) => {
    const row = cheats[name];
    return 'none' in row ? [] : [[name, row] as [CheatName, readonly Cheat[]]];
  });
}

describe.each(played)('$title: no key is released on', (one) => {
  let prepared: Prepared;
  beforeAll(async () => {
    prepared = await prepare(one);
  });

  it.each(rowsOf(one).filter(([name]) => !isClock(name)))('%s', async (_, row) => {
    const found = new Map<string, readonly string[]>();
    const told = new Map(row.map((cheat) => [cheat.what, cheat.told.toSorted()]));
    for (const cheat of row) found.set(cheat.what, await refusalOf(one, prepared, cheat));
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(told));
    expect(told.size).toBe(row.length);
    expect(row.length).toBeGreaterThan(0);
  });

  it('a platform that the vault’s owner distrusts, by its name', async () => {
    const honest: Cheat = {
      what: 'good evidence of it',
      told: [`release/platform ${one.technology}/distrusted`],
      attempt: async ({ good }) => ({ body: await one.prove(good) }),
    };
    distrust = [one.platform.toUpperCase()];
    expect(await refusalOf(one, prepared, honest)).toEqual(honest.told);
  });

  it('what is not played here has its reason, and little is not', () => {
    const reasons = Object.values(one.cheats).flatMap((row) => ('none' in row ? [row.none] : []));
    for (const reason of reasons) expect(reason.length).toBeGreaterThan(20);
    expect(rowsOf(one).length + reasons.length).toBe(CHEATS.length);
    expect(reasons.length).toBeLessThan(CHEATS.length / 3);
  });
});

it('no key is released on ten megabytes: the vault does not read them', async () => {
  const [one] = played;
  if (!one) throw new Error('nothing is played');
  const { body } = await prepare(one);
  const evidence = evidenceOf(one, new Uint8Array(10 * 1024 * 1024));
  await expect(releaseAt(stage.steward, { ...body, evidence })).rejects.toMatchObject({
    problem: 'http/too-large',
    status: 413,
  });
});

// The last ones: a vault remembers the latest time that its clock has shown.
describe.each(Object.entries(CLOCKS))('no key is released by %s', (name, ahead) => {
  it.each(played)('$title', async (one) => {
    const row = isClock(name) ? one.cheats[name] : [];
    stage.stewardAhead = ahead;
    const prepared = await prepare(one);
    if ('none' in row) throw new Error('every technology knows the time');
    for (const cheat of row) {
      stage.stewardAhead = ahead;
      const { body: bytes, ...instead } = await cheat.attempt(prepared.bounds);
      shown = instead;
      const evidence = evidenceOf(one, bytes);
      await expect(releaseAt(stage.steward, { ...prepared.body, evidence })).rejects.toMatchObject(opaque);
      stage.stewardAhead = 0;
      const also = ahead < 0 ? ['release/record-stale'] : [];
      expect([cheat.what, await newestRefusal()]).toEqual([cheat.what, [...cheat.told, ...also].toSorted()]);
    }
    expect(row.length).toBeGreaterThan(0);
  });
});
