// The parties of a test world and what they say, step by step; world.ts tells how the steps go together.
import { base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import {
  admitStatement,
  applyStatement,
  type Contract,
  createRecord,
  createStatement,
  encodeContract,
  freshSalt,
  type LedgerRecord,
  type PayloadOf,
  readStatement,
  signPayload,
  type StatementType,
  type Use,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, type KeyText, publicKeyOf, type Signer } from '@sealroom/cose';
import { assetKey, generateAssetSalt, generateCek, keyCommitment } from '@sealroom/seal';

/** Where statements are said. */
export type Book = { append(bytes: Uint8Array): Promise<{ readonly index: number }> };

/** A book that only folds: enough for what decides over a record. */
export function memoryBook(origin: string): Book & { readonly record: LedgerRecord } {
  const record = createRecord(origin);
  let next = 0;
  return {
    record,
    async append(bytes) {
      const admitted = await admitStatement(record, bytes);
      await applyStatement(record, admitted, next);
      return { index: next++ };
    },
  };
}

export type VaultPlace = {
  readonly key: KeyText;
  readonly url: string;
  readonly custody: Contract['vaults'][number]['custody'];
};

/** A participant: an organisation with one person, its content key and its vault. */
export type Party = {
  readonly org: Digest;
  readonly role: Contract['participants'][number]['role'];
  readonly root: Signer;
  readonly identity: Signer;
  readonly receiving: { readonly secret: Bytes; readonly key: KeyText };
  readonly cek: Bytes;
  readonly vault: VaultPlace;
  /** Digest of its key-encryption key's SPKI, once there is one. */
  kek: Digest | undefined;
};

export type World = {
  readonly book: Book;
  readonly origin: string;
  readonly ledgerKey: KeyText;
  readonly project: string;
  /** Milliseconds since 1970; tests move it. */
  now: number;
  readonly steward: Party;
  readonly owner: Party;
  /** Signers of the vaults that the world made up; empty where the vaults are real. */
  readonly vaultSigners: readonly Signer[];
  readonly simulator: Signer;
  /** Launch digest of the room program. */
  readonly launch: Digest;
  /** Everything said so far, in order. */
  readonly said: Bytes[];
};

export const USES_OF_ALL: readonly Use[] = ['contract', 'publish', 'request', 'approve', 'suspend'];

export const timeText = (milliseconds: number): string => new Date(milliseconds).toISOString();
const someDigest = (): Promise<Digest> => sha256Digest(crypto.getRandomValues(new Uint8Array(32)));
const newSigner = (): Promise<Signer> => ed25519Signer(generateSecret());

/** Signs a statement and says it. @returns its digest (of the payload), its bytes and its leaf */
export async function say<T extends StatementType>(
  world: World,
  by: { readonly signer: Signer; readonly iss: Digest },
  type: T,
  payload: PayloadOf<T>,
): Promise<{ readonly digest: Digest; readonly cose: Bytes; readonly index: number }> {
  const { origin, now } = world;
  const cose = await createStatement(by.signer, { type, payload, iss: by.iss, origin, now });
  return tell(world, cose);
}

async function tell(
  world: World,
  cose: Bytes,
): Promise<{ readonly digest: Digest; readonly cose: Bytes; readonly index: number }> {
  const { index } = await world.book.append(cose);
  world.said.push(cose);
  return { digest: (await readStatement(cose)).digest, cose, index };
}

/** What a party's person signs with. */
export function person({ identity, org }: Party): { readonly signer: Signer; readonly iss: Digest } {
  return { signer: identity, iss: org };
}

async function makeParty(role: Party['role'], vault: VaultPlace): Promise<Party> {
  const root = await newSigner();
  const secret = generateSecret();
  const receiving = { secret, key: await publicKeyOf('X25519', secret) };
  const identity = await newSigner();
  return { org: root.kid, role, root, identity, receiving, cek: generateCek(), vault, kek: undefined };
}

async function register(world: World, { root, org, vault, identity, receiving }: Party): Promise<void> {
  const by = { signer: root, iss: org };
  const base = { salt: freshSalt(), prev: null };
  await say(world, by, 'participant.registered', {
    ...base,
    root: root.key,
    domain: 'party.example',
    vaults: [vault],
  });
  await addIdentity(world, { root, org }, identity.key, receiving.key);
}

/** Vouches for one more key of an organisation. */
export async function addIdentity(
  world: World,
  { root, org }: Pick<Party, 'root' | 'org'>,
  key: KeyText,
  receiving: KeyText,
): Promise<void> {
  const payload = { salt: freshSalt(), org, key, receiving, uses: [...USES_OF_ALL], person: null };
  await say(world, { signer: root, iss: org }, 'identity.added', payload);
}

/**
 * Two registered organisations, each with an identity.
 * @param options.vaults the vaults of steward and owner; two are made up when left out
 */
export async function createWorld(options: {
  readonly book: Book;
  readonly origin: string;
  readonly now: number;
  readonly ledgerKey?: KeyText;
  readonly vaults?: { readonly steward: VaultPlace; readonly owner: VaultPlace };
}): Promise<World> {
  const vaultSigners = options.vaults ? [] : [await newSigner(), await newSigner()];
  const [first, second] = vaultSigners.map(({ key }, at) => {
    return { key, url: `https://vault-${at}.example`, custody: 'own' as const };
  });
  const steward = options.vaults?.steward ?? first;
  const owner = options.vaults?.owner ?? second;
  if (!steward || !owner) throw new Error('A world needs a vault for each party.');
  const world: World = {
    book: options.book,
    origin: options.origin,
    ledgerKey: options.ledgerKey ?? (await newSigner()).key,
    project: 'project-1',
    now: options.now,
    steward: await makeParty('data-steward', steward),
    owner: await makeParty('algorithm-owner', owner),
    vaultSigners,
    simulator: await newSigner(),
    launch: await someDigest(),
    said: [],
  };
  await register(world, world.steward);
  await register(world, world.owner);
  return world;
}

/** Says which wrapped key counts from now on. @returns the statement, for the vault that keeps the key */
export async function wrapKeys(world: World, party: Party, kek: Digest, wcek: Digest): Promise<Bytes> {
  party.kek = kek;
  const { org, role } = party;
  const payload = { salt: freshSalt(), org, project: world.project, role, kek, wcek };
  return (await say(world, person(party), 'key.wrapped', payload)).cose;
}

export type Asset = { readonly digest: Digest; readonly key: Bytes; readonly keyCommitment: string };
export type Assets = {
  readonly specification: Digest;
  readonly attestation: Digest;
  readonly criteria: Digest;
  readonly dataset: Asset;
  readonly algorithm: Asset;
};

async function version(party: Party, kind: 'dataset' | 'algorithm') {
  const assetSalt = generateAssetSalt();
  const key = await assetKey(party.cek, assetSalt, kind);
  const commitment = base64urlEncode(await keyCommitment(key));
  const digest = await someDigest();
  const payload = { digest, assetSalt: base64urlEncode(assetSalt), keyCommitment: commitment };
  return {
    asset: { digest, key, keyCommitment: commitment },
    payload: { ...payload, version: 1, files: 1, bytes: 100 },
  };
}

/** One specification, attestation and dataset of the steward; criteria and one algorithm of the owner. */
export async function publishAssets(
  world: World,
  change: { readonly sensitivity?: 'test' | 'real' } = {},
): Promise<Assets> {
  const { steward, owner, project } = world;
  const [specification, attestation, criteria] = [await someDigest(), await someDigest(), await someDigest()];
  const own = ({ org }: Party) => ({ salt: freshSalt(), org, project, prev: null });
  const document = { version: 1 };
  const by = { steward: person(steward), owner: person(owner) };
  await say(world, by.steward, 'specification.published', {
    ...own(steward),
    ...document,
    document: specification,
  });
  await say(world, by.steward, 'attestation.published', {
    ...own(steward),
    ...document,
    document: attestation,
    specification,
  });
  await say(world, by.owner, 'criteria.published', { ...own(owner), ...document, document: criteria });
  const dataset = await version(steward, 'dataset');
  await say(world, by.steward, 'dataset.published', {
    ...own(steward),
    ...dataset.payload,
    specification,
    attestation,
    sensitivity: change.sensitivity ?? 'test',
  });
  const algorithm = await version(owner, 'algorithm');
  await say(world, by.owner, 'algorithm.published', {
    ...own(owner),
    ...algorithm.payload,
    criteria,
    mode: 'validation',
    image: null,
    base: 'host',
    builder: 'owner',
    recipe: null,
  });
  return { specification, attestation, criteria, dataset: dataset.asset, algorithm: algorithm.asset };
}

function participantOf({ org, root, role, identity }: Party): Contract['participants'][number] {
  return { org, root: root.key, role, keys: [{ kid: identity.kid, uses: [...USES_OF_ALL] }] };
}

function vaultOfParty({ org, vault, kek }: Party): Contract['vaults'][number] {
  if (!kek) throw new Error('A contract names the key-encryption keys; make them first.');
  return { org, ...vault, keks: [kek] };
}

/** A contract over the assets that allows one integer parameter, ten runs, and simulated rooms of the world's node. */
export function draftContract(
  world: World,
  assets: Assets,
  change: (contract: Contract) => Contract = (contract) => contract,
): Contract {
  const { steward, owner, now, project, origin, ledgerKey } = world;
  const { dataset, algorithm, specification, attestation, criteria } = assets;
  const sensitivity = 'test' as const;
  return change({
    v: 1,
    version: 1,
    first: null,
    project,
    salt: freshSalt(),
    purpose: 'model validation',
    jurisdiction: 'EU',
    notBefore: timeText(now - 3_600_000),
    notAfter: timeText(now + 24 * 3_600_000),
    participants: [participantOf(steward), participantOf(owner)],
    datasets: [
      {
        digest: dataset.digest,
        steward: steward.org,
        specification,
        attestation,
        sensitivity,
        access: 'staged',
      },
    ],
    algorithms: [
      { package: algorithm.digest, image: null, base: 'host', owner: owner.org, mode: 'validation' },
    ],
    criteria,
    parameters: { ITERATIONS: { type: 'integer', minimum: 1, maximum: 1000 } },
    room: {
      accept: [
        {
          technology: 'simulated',
          keys: [world.simulator.key],
          launch: [world.launch],
          hostData: 'manifest',
        },
      ],
      isolation: 'none',
      network: 'none',
      maxVcpu: 4,
      maxMemoryGiB: 8,
      maxMinutes: 60,
    },
    output: {
      recipients: [{ org: owner.org, key: owner.receiving.key }],
      maxBytes: 65_536,
      maxBits: 512,
      classes: ['report'],
      logs: 'status',
      release: 'automatic',
      timing: 'at-once',
    },
    quota: { runs: 10, attemptsPerRun: 1 },
    ledger: { origin, key: ledgerKey, witnesses: [], maxAgeSeconds: 60 },
    vaults: [vaultOfParty(steward), vaultOfParty(owner)],
  });
}

export type Agreed = { readonly digest: Digest; readonly contract: Contract };

/** Signs the contract's bytes, by both parties unless told. */
export async function signContract(
  world: World,
  contract: Contract,
  by: readonly Party[] = [world.owner, world.steward],
): Promise<Agreed> {
  const bytes = encodeContract(contract);
  for (const party of by) {
    const head = { type: 'contract.signed' as const, bytes, iss: party.org };
    await tell(world, await signPayload(party.identity, { ...head, origin: world.origin, now: world.now }));
  }
  return { digest: await sha256Digest(bytes), contract };
}

type Request = PayloadOf<'run.requested'>;
export type Run = {
  readonly digest: Digest;
  readonly request: Request;
  readonly agreed: Agreed;
  readonly approvals: Digest[];
};

/** The algorithm owner asks for a run of everything in the contract. */
export async function requestRun(
  world: World,
  agreed: Agreed,
  change: (request: Request) => Request = (request) => request,
  by: Party = world.owner,
): Promise<Run> {
  const { contract, digest } = agreed;
  const request = change({
    salt: freshSalt(),
    contract: digest,
    contracts: [digest],
    project: world.project,
    runConfiguration: 'configuration-1',
    datasets: contract.datasets.map((item) => item.digest),
    algorithm: contract.algorithms[0]?.package ?? digest,
    criteria: contract.criteria,
    parameters: { ITERATIONS: 10 },
    vcpu: 1,
    memoryGiB: 1,
  });
  const said = await say(world, person(by), 'run.requested', request);
  return { digest: said.digest, request, agreed, approvals: [] };
}

/** INITIATE RUN, by the steward. */
export async function approveRun(world: World, run: Run, by: Party = world.steward): Promise<Bytes> {
  const payload = { salt: freshSalt(), contract: run.agreed.digest, run: run.digest, org: by.org };
  const said = await say(world, person(by), 'run.approved', payload);
  run.approvals.push(said.digest);
  return said.cose;
}

/** A participant stops the contract: suspends it, or revokes it for good. */
export async function stopContract(
  world: World,
  agreed: Agreed,
  by: Party,
  type: 'contract.suspended' | 'contract.revoked',
): Promise<Bytes> {
  return say(world, person(by), type, stopPayload(agreed, by)).then((said) => said.cose);
}

/** The payload of a suspension or revocation, for who says it elsewhere than in the book. */
export function stopPayload({ digest }: Agreed, { org }: Party): PayloadOf<'contract.revoked'> {
  return { salt: freshSalt(), contract: digest, org, note: null, prev: digest };
}
