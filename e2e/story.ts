// The story that the end-to-end tests and crash runs play: a hospital and a vendor agree on one validation of one model on
// one dataset, against the real processes of `sealroom up`.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hubRoutes, type NodeShape, type RunShape } from '@sealroom/api';
import { base64urlDecode, type Digest, sha256Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { type Contract, freshSalt, type Isolation, type PayloadOf } from '@sealroom/contract';
import {
  createParty,
  type House,
  join as joinHouse,
  type Party,
  publishAsset,
  publishDocument,
  type Session,
  signContract,
  wrapCek,
} from './party.ts';

export const REPOSITORY = join(import.meta.dirname, '..');
export const EXAMPLE = join(REPOSITORY, 'examples', 'breast-cancer');
const CLI = join(REPOSITORY, 'apps', 'cli', 'src', 'main.ts');

export type RunningHouse = House & {
  readonly directory: string;
  readonly ledger: House['ledger'] & { readonly kid: string };
  readonly vaults: Readonly<{ [name: string]: string }>;
  /** Thumbprints of the vaults' keys. */
  readonly vaultKeys: Readonly<{ [name: string]: string }>;
  readonly pids: Readonly<{ [name: string]: number }>;
  stop(): Promise<void>;
};

/** Starts `sealroom up` as a user would and waits for its ready line. */
export async function startHouse(
  directory: string,
  vaults: Readonly<{ [name: string]: Digest }>,
  storeOrigins: readonly string[] = [],
): Promise<RunningHouse> {
  const flags = [
    ...Object.entries(vaults).flatMap(([name, org]) => ['--vault', `${name}=${org}`]),
    ...storeOrigins.flatMap((origin) => ['--store-origin', origin]),
  ];
  const child = spawn(process.execPath, [CLI, 'up', '--json', '--dir', directory, ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([lines[Symbol.asyncIterator]().next(), ended.then(() => undefined)]);
  if (!first || first.done)
    throw new Error(`sealroom up ended before it was ready; see ${join(directory, 'logs')}`);
  const said = JSON.parse(first.value) as { ready?: boolean; message?: string };
  if (said.ready !== true) throw new Error(`sealroom up did not start: ${said.message ?? first.value}`);
  const ready = said as {
    hub: string;
    ledger: RunningHouse['ledger'];
    vaults: RunningHouse['vaults'];
    vaultKeys: RunningHouse['vaultKeys'];
    pids: RunningHouse['pids'];
    ca: string;
  };
  const stop = async () => {
    child.stdin.end();
    await ended;
  };
  return {
    directory,
    hub: ready.hub,
    ledger: ready.ledger,
    vaults: ready.vaults,
    vaultKeys: ready.vaultKeys,
    pids: ready.pids,
    caPem: await readFile(ready.ca, 'utf8'),
    stop,
  };
}

export type Cast = { readonly steward: Party; readonly owner: Party };

export async function createCast(): Promise<Cast> {
  return {
    steward: await createParty('hospital', 'data-steward'),
    owner: await createParty('vendor', 'algorithm-owner'),
  };
}

export type Stage = {
  readonly house: RunningHouse;
  readonly steward: Session;
  readonly owner: Session;
  readonly project: string;
  readonly keks: { readonly steward: Digest; readonly owner: Digest };
  readonly specification: Digest;
  readonly attestation: Digest;
  readonly criteria: Digest;
  readonly dataset: Digest;
  readonly node: NodeShape;
};

/** Both parties join, wrap their keys and publish all but the algorithm. @param spool a folder for sealed files */
export async function setStage(
  house: RunningHouse,
  cast: Cast,
  spool: string,
  upload?: (folder: string) => Promise<string>,
): Promise<Stage> {
  const steward = await joinHouse(house, cast.steward, house.vaults['hospital'] ?? '');
  const owner = await joinHouse(house, cast.owner, house.vaults['vendor'] ?? '');
  const participants = [cast.steward, cast.owner].map(({ org, role }) => ({ org, role }));
  const { project } = await call(steward.hub, hubRoutes.createProject, {
    body: { name: 'Breast cancer', participants },
  });
  const keks = { steward: await wrapCek(steward, project), owner: await wrapCek(owner, project) };
  const specification = await publishDocument(
    owner,
    project,
    'specification.published',
    await readFile(join(EXAMPLE, 'specification.md')),
  );
  const attestation = await publishDocument(
    steward,
    project,
    'attestation.published',
    await readFile(join(EXAMPLE, 'attestation.md')),
    { specification },
  );
  const criteria = await publishDocument(
    owner,
    project,
    'criteria.published',
    await readFile(join(EXAMPLE, 'criteria.json')),
  );
  const answer = { salt: freshSalt(), org: cast.steward.org, project, document: criteria, note: null };
  await call(steward.hub, hubRoutes.publish, {
    params: { project },
    body: { statement: await steward.sign('criteria.accepted', answer) },
  });
  const dataset = await publishAsset(steward, project, {
    kind: 'dataset',
    input: join(EXAMPLE, 'data', 'steward'),
    output: join(spool, 'dataset'),
    specification,
    attestation,
    ...(upload ? { upload } : {}),
  });
  const { nodes } = await call(owner.hub, hubRoutes.nodes, {});
  const node = nodes[0];
  if (!node) throw new Error('The hub has no node.');
  return { house, steward, owner, project, keks, specification, attestation, criteria, dataset, node };
}

/** The contract of the story over one algorithm. */
export async function draft(
  stage: Stage,
  algorithm: Digest,
  isolation: Isolation,
  change: (contract: Contract) => Contract = (it) => it,
): Promise<Contract> {
  const { steward, owner, keks, node } = stage;
  const uses = ['contract', 'publish', 'request', 'approve', 'suspend'] as const;
  const participant = ({ party }: Session) => ({
    org: party.org,
    root: party.root.key,
    role: party.role,
    keys: [{ kid: party.identity.kid, uses: [...uses] }],
  });
  const vault = (session: Session, kek: Digest) => ({
    org: session.party.org,
    url: session.vault.baseUrl,
    key: session.vault.key,
    keks: [kek],
    custody: 'operator' as const,
  });
  const simulator = node.simulator ?? '';
  return change({
    v: 1,
    version: 1,
    first: null,
    project: stage.project,
    salt: freshSalt(),
    purpose: 'validation of a diagnostic model',
    jurisdiction: 'EU',
    notBefore: new Date(Date.now() - 60_000).toISOString(),
    notAfter: new Date(Date.now() + 86_400_000).toISOString(),
    participants: [participant(steward), participant(owner)],
    datasets: [
      {
        digest: stage.dataset,
        steward: steward.party.org,
        specification: stage.specification,
        attestation: stage.attestation,
        sensitivity: 'test',
        access: 'staged',
      },
    ],
    algorithms: [
      { package: algorithm, image: null, base: 'host', owner: owner.party.org, mode: 'validation' },
    ],
    criteria: stage.criteria,
    parameters: { ITERATIONS: { type: 'integer', minimum: 1, maximum: 1000 } },
    room: {
      accept: [{ technology: 'simulated', keys: [simulator], launch: [node.launch], hostData: 'manifest' }],
      isolation,
      network: 'none',
      maxVcpu: 2,
      maxMemoryGiB: 2,
      maxMinutes: 5,
    },
    output: {
      recipients: [{ org: owner.party.org, key: owner.party.receiving.key }],
      maxBytes: 4096,
      maxBits: 1024,
      classes: ['report'],
      logs: 'status',
      release: 'automatic',
      timing: 'at-once',
    },
    quota: { runs: 10, attemptsPerRun: 1 },
    ledger: {
      origin: stage.house.ledger.origin,
      key: stage.house.ledger.key,
      witnesses: [],
      maxAgeSeconds: 60,
    },
    vaults: [vault(steward, keks.steward), vault(owner, keks.owner)],
  });
}

export type Agreed = {
  readonly digest: Digest;
  readonly runConfiguration: string;
  readonly contract: Contract;
  readonly algorithm: Digest;
};

/** The owner publishes an algorithm and offers a contract over it; the steward's signature is given at the first initiation. */
export async function offer(
  stage: Stage,
  packageFolder: string,
  output: string,
  change?: (contract: Contract) => Contract,
): Promise<Agreed> {
  const { owner, project, node } = stage;
  const algorithm = await publishAsset(owner, project, {
    kind: 'algorithm',
    input: packageFolder,
    output,
    criteria: stage.criteria,
  });
  const contract = await draft(stage, algorithm, node.isolation === 'none' ? 'none' : 'process', change);
  const statement = await signContract(owner, contract);
  const { runConfiguration } = await call(owner.hub, hubRoutes.createRunConfiguration, {
    params: { project },
    body: { name: packageFolder.split('/').at(-1) ?? 'run', statement },
  });
  const digest = await sha256Digest(
    base64urlDecode(
      (await call(owner.hub, hubRoutes.runConfiguration, { params: { runConfiguration } })).contractBytes,
    ),
  );
  return { digest, runConfiguration, contract, algorithm };
}

export async function request(
  stage: Stage,
  agreed: Agreed,
  change: (payload: PayloadOf<'run.requested'>) => PayloadOf<'run.requested'> = (it) => it,
): Promise<Digest> {
  const { owner, project } = stage;
  const payload = change({
    salt: freshSalt(),
    contract: agreed.digest,
    contracts: [agreed.digest],
    project,
    runConfiguration: agreed.runConfiguration,
    datasets: [stage.dataset],
    algorithm: agreed.algorithm,
    criteria: stage.criteria,
    parameters: { ITERATIONS: 5 },
    vcpu: 1,
    memoryGiB: 1,
  });
  const statement = await owner.sign('run.requested', payload);
  const { digest } = await call(owner.hub, hubRoutes.submitStatement, {
    params: { runConfiguration: agreed.runConfiguration },
    body: { statement },
  });
  return digest;
}

/** INITIATE RUN: countersigns the contract the first time, and approves the run. */
export async function initiate(stage: Stage, agreed: Agreed, run: Digest): Promise<void> {
  const { steward } = stage;
  const { runConfiguration } = agreed;
  const submit = (statement: string) =>
    call(steward.hub, hubRoutes.submitStatement, { params: { runConfiguration }, body: { statement } });
  const { signedBy } = await call(steward.hub, hubRoutes.runConfiguration, { params: { runConfiguration } });
  if (!signedBy.includes(steward.party.org)) await submit(await signContract(steward, agreed.contract));
  const payload = { salt: freshSalt(), contract: agreed.digest, run, org: steward.party.org };
  await submit(await steward.sign('run.approved', payload));
}

const ENDED = ['Run Completed', 'Run Failed', 'Run Cancelled', 'Run Rejected', 'Run Withdrawn'];

/** A run that has not ended within its time. */
export class NotEnded extends Error {}

/** Waits for the end of a run. @throws NotEnded, and what the hub refuses */
export async function untilEnded(stage: Stage, run: Digest, withinMs = 90_000): Promise<RunShape> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await call(stage.owner.hub, hubRoutes.run, { params: { run } });
    if (ENDED.includes(found.status) && (found.status !== 'Run Completed' || found.hasReceipt)) return found;
    if (Date.now() > deadline) throw new NotEnded(`The run is still "${found.status}".`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

export type OpenHouse = {
  readonly folder: string;
  readonly cast: Cast;
  readonly house: RunningHouse;
  readonly stage: Stage;
  close(): Promise<void>;
};

/** A house of its own in a temporary folder, with the stage set; for one test file. */
export async function openHouse(
  name: string,
  {
    storeOrigins = [],
    upload,
  }: { storeOrigins?: readonly string[]; upload?: (folder: string) => Promise<string> } = {},
): Promise<OpenHouse> {
  const folder = await mkdtemp(join(tmpdir(), `sealroom-${name}-`));
  const cast = await createCast();
  const served = { hospital: cast.steward.org, vendor: cast.owner.org };
  const house = await startHouse(join(folder, 'house'), served, storeOrigins);
  const close = async () => {
    await house.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    return { folder, cast, house, stage: await setStage(house, cast, folder, upload), close };
  } catch (error) {
    await close();
    throw error;
  }
}
