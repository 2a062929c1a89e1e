// Each static check of protocol.md section 7: a world in which everything is right, one thing made wrong, and the one code
// that must come of it.
import { type Evidence, NO_COLLATERAL } from '@sealroom/attest';
import { base64urlDecode, base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { type Signer } from '@sealroom/cose';
import {
  type Agreed,
  announceKeks,
  approveRun,
  type Assets,
  createWorld,
  draftContract,
  madeUpVault,
  manifestOf,
  memoryBook,
  openRoom,
  person,
  proveRoom,
  publishAssets,
  requestRun,
  reserveRun,
  type Room,
  type RoomReport,
  type Run,
  say,
  signContract,
  someNonces,
  stopContract,
  wrapKeys,
  type World,
} from '@sealroom/testkit/world';
import { describe, expect, it } from 'vitest';
import {
  buildManifest,
  type Contract,
  decideRelease,
  encodeManifest,
  freshSalt,
  type LedgerRecord,
  type PayloadOf,
  RELEASE_CODES,
  type ReleaseCode,
  type ReleaseQuestion,
} from './index.ts';

const ORIGIN = 'ledger.example';
const NOW = Date.parse('2026-11-22T10:00:00Z');
const DAY = 24 * 3_600_000;

type Stage = {
  readonly world: World;
  readonly record: LedgerRecord;
  readonly assets: Assets;
  readonly agreed: Agreed;
  readonly run: Run;
  readonly room: Room;
};

type Wrong = {
  readonly sensitivity?: 'test' | 'real';
  readonly contract?: (contract: Contract, other: Digest) => Contract;
  readonly request?: (request: PayloadOf<'run.requested'>, other: Digest) => PayloadOf<'run.requested'>;
  readonly requester?: 'steward' | 'owner';
  readonly approved?: boolean;
  /** After the approval, before the room starts. */
  readonly meanwhile?: (stage: Stage) => unknown;
  readonly report?: (report: RoomReport, other: Digest) => RoomReport;
  readonly simulator?: (stage: Stage) => Signer;
  readonly question?: (
    question: ReleaseQuestion,
    stage: Stage,
  ) => Partial<ReleaseQuestion> | Promise<Partial<ReleaseQuestion>>;
};

async function setStage(wrong: Wrong): Promise<Stage> {
  const book = memoryBook(ORIGIN);
  const world = await createWorld({ book, origin: ORIGIN, now: NOW });
  await announceKeks(world);
  const assets = await publishAssets(world, wrong.sensitivity ? { sensitivity: wrong.sensitivity } : {});
  const other = await sha256Digest(new Uint8Array([1]));
  const draft = draftContract(world, assets, (contract) => wrong.contract?.(contract, other) ?? contract);
  const agreed = await signContract(world, draft);
  const by = world[wrong.requester ?? 'owner'];
  const run = await requestRun(world, agreed, (asked) => wrong.request?.(asked, other) ?? asked, by);
  if (wrong.approved !== false) await approveRun(world, run);
  const stage = { world, record: book.record, assets, agreed, run, room: await openRoom() };
  await wrong.meanwhile?.(stage);
  return stage;
}

/** The question of the steward's vault. */
async function questionOf(stage: Stage, wrong: Wrong): Promise<ReleaseQuestion> {
  const { world, record, assets, run, room } = stage;
  const nonces = await someNonces(world);
  const other = await sha256Digest(new Uint8Array([2]));
  const evidence = await proveRoom(world, run, room, nonces, {
    change: (report) => wrong.report?.(report, other) ?? report,
    ...(wrong.simulator ? { signer: wrong.simulator(stage) } : {}),
  });
  const kid = world.vaultSigners[0]?.kid ?? other;
  const question: ReleaseQuestion = {
    now: world.now,
    record,
    vault: { kid, orgs: [world.steward.org], policy: { allowSimulated: true, distrust: [] } },
    run: run.digest,
    nonce: 'fresh',
    nonces,
    room: room.keys,
    manifest: await manifestOf(run),
    evidence,
    attest: { collateral: NO_COLLATERAL, roots: {} },
    commitments: new Map([[assets.dataset.digest, assets.dataset.keyCommitment]]),
  };
  return { ...question, ...(await wrong.question?.(question, stage)) };
}

async function codesOf(wrong: Wrong): Promise<ReleaseCode[]> {
  const stage = await setStage(wrong);
  const { reasons } = await decideRelease(await questionOf(stage, wrong));
  return [...new Set(reasons.map((reason) => reason.code))];
}

/** A run of the same contract, approved, that another room has. */
async function otherRun(stage: Stage): Promise<Run> {
  const run = await requestRun(stage.world, stage.agreed);
  await approveRun(stage.world, run);
  return run;
}

function flip(evidence: Evidence): Evidence {
  const body = base64urlDecode(evidence.body);
  body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
  return { ...evidence, body: base64urlEncode(body) };
}

async function withdraw(stage: Stage, which: 'dataset' | 'algorithm'): Promise<void> {
  const party = which === 'dataset' ? stage.world.steward : stage.world.owner;
  const { digest } = stage.assets[which];
  const named = { salt: freshSalt(), org: party.org, project: stage.world.project };
  const payload = { ...named, digest, note: null, prev: digest };
  await say(stage.world, person(party), `${which}.withdrawn`, payload);
}

const TABLE: readonly (readonly [ReleaseCode, string, Wrong])[] = [
  ['release/nonce', 'the nonce was used before', { question: () => ({ nonce: 'used' }) }],
  ['release/nonce', 'the vault never gave out the nonce', { question: () => ({ nonce: 'unknown' }) }],
  ['release/nonce', 'the nonce is too old', { question: () => ({ nonce: 'expired' }) }],
  [
    'release/nonce',
    'another vault of the contract was not asked for a nonce',
    {
      question: async (question, { world, run, room }) => {
        const nonces = question.nonces.slice(0, 1);
        return { nonces, evidence: await proveRoom(world, run, room, nonces) };
      },
    },
  ],
  [
    'release/nonce',
    'one vault has two nonces',
    {
      question: async (question, { world, run, room }) => {
        const nonces = [...question.nonces, ...question.nonces.slice(0, 1)];
        return { nonces, evidence: await proveRoom(world, run, room, nonces) };
      },
    },
  ],
  [
    'release/run-unknown',
    'nobody asked for the run',
    { question: (_, { agreed }) => ({ run: agreed.digest }) },
  ],
  [
    'release/evidence',
    'the evidence is not signed as it says',
    { question: ({ evidence }) => ({ evidence: flip(evidence) }) },
  ],
  [
    'release/technology',
    'the contract does not accept the technology',
    {
      question: async ({ evidence }, { run }) => {
        const technology = 'sev-snp' as 'simulated';
        const manifest = await buildManifest(run.digest, run.request, run.approvals, technology);
        return { evidence: { ...evidence, technology }, manifest: encodeManifest(manifest) };
      },
    },
  ],
  ['release/debug', 'the room can be debugged', { report: (report) => ({ ...report, debug: true }) }],
  ['release/code', 'the room runs another program', { report: (report, launch) => ({ ...report, launch }) }],
  [
    'release/run-binding',
    'the room was started for another manifest',
    { report: (report) => ({ ...report, hostData: new Uint8Array(32) }) },
  ],
  [
    'release/room-binding',
    'the evidence is of another room',
    { question: async () => ({ room: (await openRoom()).keys }) },
  ],
  [
    'release/room-binding',
    'the keys are to be sealed to another’s key than the room’s',
    {
      question: async ({ room }) => ({ room: { ...room, receive: (await openRoom()).keys.receive } }),
    },
  ],
  [
    'release/room-binding',
    'another’s key than the room’s is to end the run',
    {
      question: async ({ room }) => ({ room: { ...room, sign: (await openRoom()).keys.sign } }),
    },
  ],
  [
    'release/room-binding',
    'the evidence holds other nonces',
    { question: async (_, { world }) => ({ nonces: await someNonces(world) }) },
  ],
  [
    'release/platform',
    'another platform signed the evidence',
    { simulator: ({ world }) => world.steward.identity },
  ],
  [
    'release/contract-digest',
    'the record does not hold the contract',
    { meanwhile: ({ record, agreed }) => record.contracts.delete(agreed.digest) },
  ],
  [
    'release/contract-signature',
    'one participant has not signed',
    {
      meanwhile: ({ record, agreed, world }) =>
        record.contracts.get(agreed.digest)?.signatures.delete(world.steward.org),
    },
  ],
  ['release/contract-window', 'the contract has ended', { question: () => ({ now: NOW + 2 * DAY }) }],
  ['release/contract-window', 'the contract has not begun', { question: () => ({ now: NOW - 2 * DAY }) }],
  [
    'release/contract-suspended',
    'a participant has suspended the contract',
    { meanwhile: ({ world, agreed }) => stopContract(world, agreed, world.steward, 'contract.suspended') },
  ],
  [
    'release/contract-revoked',
    'a participant has revoked the contract',
    { meanwhile: ({ world, agreed }) => stopContract(world, agreed, world.owner, 'contract.revoked') },
  ],
  [
    'release/contract-revoked',
    'all have signed a newer version',
    {
      meanwhile: ({ world, agreed }) =>
        signContract(world, { ...agreed.contract, version: 2, first: agreed.digest, salt: freshSalt() }),
    },
  ],
  [
    'release/key-not-valid',
    'a signer had been revoked at the leaf of its signature',
    {
      meanwhile: ({ world, record }) => {
        const entry = record.keys.get(world.owner.identity.kid);
        if (entry) entry.until = entry.from + 1;
      },
    },
  ],
  ['release/request-signer', 'another than the algorithm owner asked for the run', { requester: 'steward' }],
  ['release/approval-missing', 'the steward has not approved', { approved: false }],
  [
    'release/approval-signer',
    'the approval is not by a key of the steward',
    {
      meanwhile: ({ record, run, world }) => {
        const approvals = record.runs.get(run.digest)?.approvals;
        const found = approvals?.get(world.steward.org);
        if (found) approvals?.set(world.steward.org, { ...found, kid: world.owner.identity.kid });
      },
    },
  ],
  [
    'release/run-ended',
    'the run was cancelled',
    {
      meanwhile: ({ world, agreed, run }) => {
        const payload = { salt: freshSalt(), contract: agreed.digest, run: run.digest, org: world.owner.org };
        return say(world, person(world.owner), 'run.cancelled', { ...payload, note: null });
      },
    },
  ],
  ['release/dataset', 'the dataset was withdrawn', { meanwhile: (stage) => withdraw(stage, 'dataset') }],
  [
    'release/dataset',
    'the dataset was published with another specification',
    {
      contract: (contract, specification) => ({
        ...contract,
        datasets: contract.datasets.map((item) => ({ ...item, specification })),
      }),
    },
  ],
  [
    'release/algorithm',
    'the algorithm was withdrawn',
    { meanwhile: (stage) => withdraw(stage, 'algorithm') },
  ],
  [
    'release/algorithm',
    'the algorithm is not one of the contract',
    {
      contract: (contract, other) => ({
        ...contract,
        algorithms: contract.algorithms.map((item) => ({ ...item, package: other })),
      }),
    },
  ],
  [
    'release/criteria',
    'the request names other criteria',
    { request: (request, criteria) => ({ ...request, criteria }) },
  ],
  [
    'release/criteria',
    'the algorithm was published with other criteria',
    { contract: (contract, criteria) => ({ ...contract, criteria }) },
  ],
  [
    'release/image',
    'the algorithm has another image',
    {
      contract: (contract, image) => ({
        ...contract,
        algorithms: contract.algorithms.map((item) => ({ ...item, image })),
      }),
    },
  ],
  [
    'release/parameters',
    'a parameter is out of range',
    { request: (request) => ({ ...request, parameters: { ITERATIONS: 5000 } }) },
  ],
  [
    'release/parameters',
    'a parameter is not declared',
    { request: (request) => ({ ...request, parameters: { SEED: 1 } }) },
  ],
  [
    'release/resources',
    'the run asks for too many processors',
    { request: (request) => ({ ...request, vcpu: 64 }) },
  ],
  [
    'release/resources',
    'the run asks for too much memory',
    { request: (request) => ({ ...request, memoryGiB: 64 }) },
  ],
  ['release/sensitivity', 'the room is simulated and the data real', { sensitivity: 'real' }],
  ['release/commitment', 'no key was uploaded', { question: () => ({ commitments: new Map() }) }],
  [
    'release/commitment',
    'the key that is wrapped now is another one',
    {
      question: (_, { assets }) => ({
        commitments: new Map([[assets.dataset.digest, assets.algorithm.keyCommitment]]),
      }),
    },
  ],
  [
    'release/commitment',
    'the key is wrapped for a key-encryption key that the contract does not name',
    {
      meanwhile: async ({ world, agreed }) => {
        const { steward } = world;
        const named = { salt: freshSalt(), org: steward.org, project: world.project, role: steward.role };
        const kek = await sha256Digest(base64urlDecode('AAAA'));
        const announced = { ...named, kek, spki: 'AAAA', version: 2, custody: 'own' as const };
        await say(world, madeUpVault(world, 'steward'), 'kek.created', announced);
        await wrapKeys(world, steward, kek, agreed.digest);
      },
    },
  ],
  [
    'release/manifest',
    'the room brings another manifest',
    {
      question: async (_, { run, agreed }) => {
        const manifest = await buildManifest(run.digest, run.request, [agreed.digest], 'simulated');
        return { manifest: encodeManifest(manifest) };
      },
    },
  ],
  [
    'release/quota',
    'another run had the last place',
    {
      contract: (contract) => ({ ...contract, quota: { runs: 1, attemptsPerRun: 1 } }),
      meanwhile: async (stage) => reserveRun(stage.world, await otherRun(stage), await openRoom()),
    },
  ],
  [
    'release/attempts',
    'another room was given the run',
    { meanwhile: async (stage) => reserveRun(stage.world, stage.run, await openRoom()) },
  ],
  [
    'release/not-served',
    'the vault serves none of the owners',
    { question: ({ vault }) => ({ vault: { ...vault, orgs: [] } }) },
  ],
  [
    'release/policy',
    'the vault’s owner allows no simulated rooms',
    { question: ({ vault }) => ({ vault: { ...vault, policy: { allowSimulated: false, distrust: [] } } }) },
  ],
];

const HARDWARE_CODES = ['release/revocation', 'release/tcb', 'release/configuration'] as const;

describe('the release decision', () => {
  it('has no reason against a run in which everything is right', async () => {
    expect(await codesOf({})).toEqual([]);
  });

  it.each(TABLE)('refuses with %s alone when %s', async (code, _, wrong) => {
    expect(await codesOf(wrong)).toEqual([code]);
  });

  it('has a case for every code that it can give', () => {
    // How fresh the record is, is known to the vault that follows the ledger, not to this decision.
    // Simulated evidence has no revocation, floor, configuration or device: release-hardware.test.ts and
    // release-devices.test.ts have those.
    const devices = RELEASE_CODES.filter((code) => code.startsWith('release/device'));
    const elsewhere = ['release/record-stale', ...HARDWARE_CODES, ...devices] as const;
    const cases = new Set<ReleaseCode>([...TABLE.map(([code]) => code), ...elsewhere]);
    expect(cases).toEqual(new Set(RELEASE_CODES));
  });

  it('tells all reasons, not only the first', async () => {
    const codes = await codesOf({
      request: (request) => ({ ...request, vcpu: 64, parameters: { SEED: 1 } }),
      question: () => ({ nonce: 'used' }),
    });
    expect(codes).toEqual(['release/nonce', 'release/parameters', 'release/resources']);
  });
});
