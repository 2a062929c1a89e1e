// Two vaults in this process over a fake ledger, with real databases, and the world of the testkit played through them.
import { vaultRoutes } from '@sealroom/api';
import type { Entry, Evidence } from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { call, type Fetch } from '@sealroom/client';
import {
  type Contract,
  createMessage,
  isOfType,
  type MessageOf,
  messageUnverified,
  readStatement,
  STATEMENTS,
  type VaultNonce,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { createLog, Refusal, type RunningServer, startServer } from '@sealroom/host';
import { generateKekPair, importKek, wrapKey } from '@sealroom/seal';
import { type FakePlatform, proveOn } from '@sealroom/testkit/hardware';
import { createFakeLedger, type FakeLedger } from '@sealroom/testkit/ledger';
import { testDatabase, type TestDatabase } from '@sealroom/testkit/postgres';
import {
  type Agreed,
  approveRun,
  type Assets,
  createWorld,
  draftContract,
  manifestOf,
  openRoom,
  type Party,
  person,
  proveRoom,
  publishAssets,
  requestRun,
  type Room,
  type RoomReport,
  type Run,
  say,
  signContract,
  type World,
} from '@sealroom/testkit/world';
import { createVaultApp } from './app.ts';
import type { AttestParty } from './attest/supply.ts';
import { openVault, type Timing, type Vault } from './context.ts';
import { MIGRATIONS, type Tables } from './db.ts';
import { createKekPool, type KekPair } from './keys/pool.ts';

export const ORIGIN = 'ledger.example/test';
const silent = createLog({ name: 'vault-test', silent: process.env['SEALROOM_TEST_LOG'] === undefined });

/** RSA-4096 pairs are slow to make; tests take turns with a few. */
const pairs: Promise<KekPair>[] = [];
async function somePair(at: number): Promise<KekPair> {
  const pair = await (pairs[at] ??= generateKekPair());
  return { publicDer: pair.publicDer, privatePkcs8: pair.privatePkcs8.slice() };
}

export type Clock = { now: number };

export type TestVault = {
  readonly signer: Signer;
  readonly party: () => Party;
  readonly database: TestDatabase<Tables>;
  readonly rootKey: Bytes;
  /** The vault as it runs now; `restart` makes it anew over the same database. */
  vault: Vault;
  fetch: Fetch;
  /** Thrown or waited for between the steps of a release. */
  barrier: Vault['barrier'];
  restart(): Promise<void>;
};

export type Stage = {
  readonly ledger: FakeLedger;
  /** What both vaults reach when they call the ledger; tests put a cheat in its place. */
  ledgerFetch: Fetch;
  /** How far the clock of the steward's vault is ahead, in milliseconds. */
  stewardAhead: number;
  readonly clock: Clock;
  readonly world: World;
  readonly steward: TestVault;
  readonly owner: TestVault;
  readonly assets: Assets;
  readonly agreed: Agreed;
  close(): Promise<void>;
};

type VaultSetting = {
  readonly stage: { ledgerFetch: Fetch };
  readonly ledger: FakeLedger;
  readonly clock: Clock;
  readonly orgs: () => readonly Digest[];
  readonly party: () => Party;
  readonly pair: number;
  readonly timing?: Partial<Timing>;
  readonly allowSimulated?: boolean;
  readonly database?: TestDatabase<Tables> | undefined;
  readonly attest?: AttestParty | undefined;
};

async function startVault(setting: VaultSetting, signer: Signer): Promise<TestVault> {
  const { stage, ledger, clock, pair } = setting;
  const database = setting.database ?? (await testDatabase<Tables>(MIGRATIONS));
  const rootKey = generateSecret();
  const found: { current?: TestVault } = {};
  let made = 0;
  const open = async (): Promise<{ vault: Vault; fetch: Fetch }> => {
    const vault = await openVault({
      identity: {
        signer,
        orgs: setting.orgs(),
        custody: 'own',
        allowSimulated: setting.allowSimulated ?? true,
      },
      db: database.db,
      rootKey,
      pool: createKekPool(0, () => somePair(pair + 2 * made++)),
      ledger: { url: 'https://ledger.test', origin: ledger.origin, key: ledger.key },
      fetch: (url, init) => stage.ledgerFetch(url, init),
      timing: { clock: () => clock.now, waitMs: 5_000, pollMs: 20, gridMs: 0, ...setting.timing },
      ...(setting.attest && { attest: setting.attest }),
      barrier: async (step, run) => found.current?.barrier(step, run),
    });
    const app = createVaultApp(vault, silent);
    return { vault, fetch: async (url, init) => app.request(url, init) };
  };
  const started: TestVault = {
    signer,
    party: setting.party,
    database,
    rootKey,
    ...(await open()),
    barrier: async () => undefined,
    restart: async () => {
      started.barrier = async () => undefined;
      Object.assign(started, await open());
    },
  };
  found.current = started;
  return started;
}

/** A service to `call` for a vault. */
export function at(vault: TestVault) {
  return {
    baseUrl: 'https://vault.test',
    fetch: (url: string, init: RequestInit) => vault.fetch(url, init),
  };
}

export async function ask<N extends 'kek-request' | 'finish-request'>(
  stage: Pick<Stage, 'clock'>,
  signer: Signer,
  audience: Digest,
  name: N,
  payload: MessageOf<N>,
): Promise<string> {
  return base64urlEncode(await createMessage(signer, { name, payload, audience, now: stage.clock.now }));
}

/** Has the vault make the party's KEK, wraps the party's content key for it and hands both in. */
export async function giveKey(
  stage: Pick<Stage, 'clock' | 'world'>,
  vault: TestVault,
  party: Party = vault.party(),
): Promise<void> {
  const { world } = stage;
  const payload = { org: party.org, project: world.project, role: party.role };
  const request = await ask(stage, party.identity, vault.signer.kid, 'kek-request', payload);
  const made = await call(at(vault), vaultRoutes.createKek, { body: { request } });
  const statement = await readStatement(base64urlDecode(made.statement));
  if (!isOfType(statement, 'kek.created')) throw new Error('not a kek.created');
  const kek = await importKek(base64urlDecode(statement.payload.spki));
  const wcek = await wrapKey(kek, party.cek);
  party.kek = statement.payload.kek;
  const digest = await sha256Digest(wcek);
  const named = { ...payload, salt: statement.payload.salt, kek: statement.payload.kek, wcek: digest };
  const { cose } = await say(world, person(party), 'key.wrapped', named);
  const body = { statement: base64urlEncode(cose), wcek: base64urlEncode(wcek) };
  await call(at(vault), vaultRoutes.wrapKey, { body });
}

export type StageOptions = {
  readonly contract?: (contract: Contract) => Contract;
  readonly timing?: Partial<Timing>;
  readonly allowSimulated?: boolean;
  /** One vault for both parties; `owner` and `steward` are then the same. */
  readonly shared?: boolean;
  /** The steward's vault keeps its state here instead of in the tests' own PostgreSQL. */
  readonly database?: TestDatabase<Tables>;
  /** What both vaults hold hardware evidence against. */
  readonly attest?: AttestParty;
  /** As the dataset is published. */
  readonly sensitivity?: 'test' | 'real';
};

/** Everything up to the signed contract. */
export async function setStage(options: StageOptions = {}): Promise<Stage> {
  const clock = { now: Date.parse('2026-11-22T10:00:00Z') };
  const ledger = await createFakeLedger({ origin: ORIGIN });
  const first = await ed25519Signer(generateSecret());
  const second = options.shared ? first : await ed25519Signer(generateSecret());
  const place = (signer: Signer) => ({ key: signer.key, url: 'https://vault.test', custody: 'own' as const });
  const world = await createWorld({
    book: ledger,
    origin: ORIGIN,
    now: clock.now,
    ledgerKey: ledger.key,
    vaults: { steward: place(first), owner: place(second) },
  });
  const reach: Pick<Stage, 'ledgerFetch' | 'stewardAhead'> = {
    stewardAhead: 0,
    ledgerFetch: (url, init) => ledger.fetch(url, init),
  };
  const vaultOf = (which: 'steward' | 'owner', signer: Signer) =>
    startVault(
      {
        stage: reach,
        ledger,
        clock,
        party: () => world[which],
        orgs: () => (options.shared ? [world.steward.org, world.owner.org] : [world[which].org]),
        pair: which === 'steward' ? 0 : 1,
        database: which === 'steward' ? options.database : undefined,
        attest: options.attest,
        timing: {
          ...options.timing,
          ...(which === 'steward' ? { clock: () => clock.now + reach.stewardAhead } : {}),
        },
        ...(options.allowSimulated === undefined ? {} : { allowSimulated: options.allowSimulated }),
      },
      signer,
    );
  const steward = await vaultOf('steward', first);
  const owner = options.shared ? steward : await vaultOf('owner', second);
  await giveKey({ clock, world }, steward, world.steward);
  await giveKey({ clock, world }, owner, world.owner);
  const assets = await publishAssets(world, { sensitivity: options.sensitivity ?? 'test' });
  const agreed = await signContract(world, draftContract(world, assets, options.contract));
  const close = async () => {
    await steward.database.close();
    if (owner !== steward) await owner.database.close();
  };
  return Object.assign(reach, { ledger, clock, world, steward, owner, assets, agreed, close });
}

export async function approvedRun(stage: Stage): Promise<Run> {
  const run = await requestRun(stage.world, stage.agreed);
  await approveRun(stage.world, run);
  return run;
}

/** What a room brings: everything about the contract, and of the runs its own. */
export async function scopedStatements({ said }: World, { digest }: Run): Promise<string[]> {
  const statements = await Promise.all(said.map((cose) => readStatement(cose)));
  return statements
    .filter(({ type }) => STATEMENTS[type].scope === 'contract')
    .filter((statement) =>
      'run' in statement.payload
        ? statement.payload.run === digest
        : statement.type !== 'run.requested' || statement.digest === digest,
    )
    .map(({ bytes }) => base64urlEncode(bytes));
}

/** A nonce of one vault, and the message that it came in. */
export async function challenge(vault: TestVault): Promise<{ challenge: string; nonce: VaultNonce }> {
  const { challenge: message } = await call(at(vault), vaultRoutes.challenge, { body: {} });
  const { nonce } = messageUnverified('challenge', base64urlDecode(message));
  return { challenge: message, nonce: { vault: vault.signer.kid, nonce } };
}

async function challenges(stage: Stage): Promise<{ challenges: string[]; nonces: VaultNonce[] }> {
  const all = [];
  for (const vault of new Set([stage.steward, stage.owner])) all.push(await challenge(vault));
  return { challenges: all.map((one) => one.challenge), nonces: all.map(({ nonce }) => nonce) };
}

/** Asks each vault for a challenge and proves the room. @returns the body to send to each vault */
export async function prove(stage: Stage, run: Run, room: Room, change?: (report: RoomReport) => RoomReport) {
  const { challenges: asked, nonces } = await challenges(stage);
  const evidence = await proveRoom(stage.world, run, room, nonces, change ? { change } : {});
  return {
    run: run.digest,
    manifest: base64urlEncode(await manifestOf(run)),
    room: room.keys,
    challenges: asked,
    evidence,
    statements: await scopedStatements(stage.world, run),
  };
}

/** The same for a room on hardware. */
export async function proveHardware(stage: Stage, run: Run, room: Room, platform: FakePlatform) {
  const { challenges: asked, nonces } = await challenges(stage);
  return {
    run: run.digest,
    manifest: base64urlEncode(await manifestOf(run, platform.technology)),
    room: room.keys,
    challenges: asked,
    evidence: await proveOn(platform, run, room, nonces),
    statements: await scopedStatements(stage.world, run),
  };
}

/** A contract over real data, for many runs in rooms that these entries accept. */
export const onHardware =
  (...accept: readonly Entry[]) =>
  (contract: Contract): Contract => ({
    ...contract,
    datasets: contract.datasets.map((item) => ({ ...item, sensitivity: 'real' })),
    quota: { runs: 1000, attemptsPerRun: 10 },
    room: { ...contract.room, accept: [...accept] },
  });

export async function releaseAt(
  vault: TestVault,
  body: {
    run: Digest;
    manifest: string;
    room: Room['keys'];
    challenges: string[];
    evidence: Evidence;
    statements: string[];
  },
) {
  return call(at(vault), vaultRoutes.release, { body });
}

/** A room of a run that both vaults are asked for at once. */
export async function releaseBoth(stage: Stage, run: Run, room?: Room) {
  const opened = room ?? (await openRoom());
  const body = await prove(stage, run, opened);
  const asked = [releaseAt(stage.steward, body), releaseAt(stage.owner, body)] as const;
  // Both have answered before one's refusal is told, so that a test finds the other's reasons too.
  await Promise.allSettled(asked);
  const [steward, owner] = await Promise.all(asked);
  return { room: opened, body, steward, owner };
}

export async function finishAt(
  stage: Stage,
  vault: TestVault,
  room: Room,
  payload: MessageOf<'finish-request'>,
) {
  const request = await ask(stage, room.sign, vault.signer.kid, 'finish-request', payload);
  return call(at(vault), vaultRoutes.finish, { body: { request } });
}

/** The codes that the owner of a vault reads, newest refusal first. */
export async function codesAt(stage: Stage, vault: TestVault): Promise<string[][]> {
  const party = vault.party();
  const payload = { org: party.org, project: stage.world.project, role: party.role };
  const request = await ask(stage, party.identity, vault.signer.kid, 'kek-request', payload);
  const { refusals } = await call(at(vault), vaultRoutes.refusals, { query: { request } });
  return refusals.map(({ reasons }) => [...new Set(reasons.map(({ code }) => code))]);
}

/** What a killed process looks like from inside: the step ends and nothing after it happens. */
export function killAt(vault: TestVault, wanted: Parameters<Vault['barrier']>[0]): void {
  vault.barrier = async (step) => {
    if (step === wanted) throw new Refusal('test/killed', `killed at ${step}`, { status: 500 });
  };
}

export const opaque = { code: 'client/refused', problem: 'vault/refused', status: 403 };

/** Puts HTTP between the test and a vault. @returns the server, for the test to close */
export async function overHttp(vault: TestVault): Promise<RunningServer> {
  const app = createVaultApp(vault.vault, silent);
  const server = await startServer({ app, host: '127.0.0.1', port: 0, log: silent });
  vault.fetch = (url, init) => fetch(url.replace('https://vault.test', server.url), init);
  return server;
}
