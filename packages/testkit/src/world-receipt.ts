// Plays a whole run in a world of made-up vaults, from challenge to run.finished, and makes its receipt. The ledger is the
// fake one, the node simulated, the output a handful of bytes; every signature and proof is real. Each part can be
// changed before it is signed, so that a test can cheat in one place.
import { appraiseEvidence, type Evidence, roomPolicy, type RoomTechnology } from '@sealroom/attest';
import {
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  type Digest,
  sha256Digest,
  utf8Encode,
} from '@sealroom/bytes';
import {
  type Contract,
  createMessage,
  createStatement,
  encodeReceipt,
  freshSalt,
  type KeySetWord,
  keySetWords,
  type Manifest,
  packCollateral,
  parseReceipt,
  pathText,
  type PayloadOf,
  placeStatements,
  type ReceiptFile,
  selectReceiptStatements,
  type Trust,
  type VaultNonce,
} from '@sealroom/contract';
import { encodeEnvelope, sealOutput } from '@sealroom/seal';
import { parseTlogProof } from '@sealroom/tlog';
import type { FakeLedger } from './ledger.ts';
import { type FakePlatform, proveOn } from './world-hardware.ts';
import { manifestOf, openRoom, proveRoom, type Room } from './world-room.ts';
import {
  approveRun,
  createWorld,
  draftContract,
  publishAssets,
  requestRun,
  type Run,
  say,
  signContract,
  timeText,
  type World,
} from './world-story.ts';
import { announceKeks, madeUpVault, type Which } from './world-vault.ts';

const BOTH: readonly Which[] = ['steward', 'owner'];

export type PlayedRun = {
  readonly world: World;
  readonly ledger: FakeLedger;
  readonly run: Run;
  readonly room: Room;
  readonly finished: PayloadOf<'run.finished'>;
  readonly sealed: Bytes;
  readonly envelope: Bytes;
  readonly receipt: Bytes;
  /** A trust file that pins exactly this world. */
  readonly trust: Trust;
};

export type Changes = {
  readonly contract?: (contract: Contract) => Contract;
  readonly request?: (payload: PayloadOf<'run.requested'>) => PayloadOf<'run.requested'>;
  readonly finished?: (payload: PayloadOf<'run.finished'>) => PayloadOf<'run.finished'>;
  readonly answer?: (payload: PayloadOf<'key.released'>, which: Which) => PayloadOf<'key.released'>;
  readonly evidence?: (evidence: Evidence) => Evidence | Promise<Evidence>;
  readonly nonces?: (nonces: VaultNonce[]) => VaultNonce[];
  /** Of the data, as contract and publication state it. */
  readonly sensitivity?: 'test' | 'real';
  /** Hardware that the room is on, instead of the simulated node; its entry goes into the contract. */
  readonly platform?: FakePlatform;
};

/** A receipt's parts that only the room has. */
type Parts = {
  readonly manifest: Manifest;
  readonly evidence: Evidence;
  readonly challenges: string[];
  readonly answers: string[];
  readonly collateral?: string[];
};

/** Selects the needed statements of a ledger and proves them all under one checkpoint. */
export async function receiptFrom(
  ledger: FakeLedger,
  run: Digest,
  parts: Parts,
  change: (file: ReceiptFile) => ReceiptFile = (file) => file,
): Promise<Bytes> {
  const items = ledger.statements.map((bytes, index) => ({ cose: base64urlEncode(bytes), index }));
  const selected = await selectReceiptStatements(await placeStatements(items), run);
  const statements: ReceiptFile['statements'] = [];
  let checkpoint = '';
  for (const { statement, index } of selected) {
    const proof = parseTlogProof(await ledger.proof(index));
    checkpoint = proof.checkpoint;
    statements.push({ cose: base64urlEncode(statement.bytes), index, path: pathText(proof.proof) });
  }
  const { manifest, ...rest } = parts;
  const plain = {
    ...manifest,
    contracts: [...manifest.contracts],
    approvals: [...manifest.approvals],
    datasets: [...manifest.datasets],
    algorithms: [...manifest.algorithms],
  };
  return encodeReceipt(
    change({ v: 1, kind: 'sealroom/run-receipt', checkpoint, manifest: plain, ...rest, statements }),
  );
}

async function challengeRoom(world: World): Promise<{ nonces: VaultNonce[]; challenges: string[] }> {
  const nonces: VaultNonce[] = [];
  const challenges: string[] = [];
  for (const which of BOTH) {
    const { signer } = madeUpVault(world, which);
    const nonce = base64urlEncode(crypto.getRandomValues(new Uint8Array(32)));
    const payload = { nonce, expiresAt: timeText(world.now + 60_000) };
    const message = await createMessage(signer, {
      name: 'challenge',
      payload,
      audience: 'room',
      now: world.now,
    });
    nonces.push({ vault: signer.kid, nonce });
    challenges.push(base64urlEncode(message));
  }
  return { nonces, challenges };
}

type Ready = {
  readonly run: Run;
  readonly room: Room;
  readonly evidence: Evidence;
  readonly manifest: Bytes;
  readonly evidenceDigest: Digest;
  readonly technology: RoomTechnology;
  readonly platform: string;
  readonly words: readonly KeySetWord[];
};

async function release(
  world: World,
  which: Which,
  { run, room, manifest, evidenceDigest, technology, platform, words }: Ready,
  change: NonNullable<Changes['answer']>,
) {
  const vault = madeUpVault(world, which);
  const base = {
    salt: freshSalt(),
    contract: run.agreed.digest,
    run: run.digest,
    manifest: await sha256Digest(manifest),
    room: room.keys,
  };
  const at = timeText(world.now);
  const reserved = await say(world, vault, 'key.reserved', {
    ...base,
    technology,
    platform,
    evidence: evidenceDigest,
    debit: { runs: 1 },
    at,
  });
  const asset = which === 'steward' ? run.request.datasets[0] : run.request.algorithm;
  const some = base64urlEncode(new Uint8Array(32));
  const payload: PayloadOf<'key.released'> = {
    ...base,
    salt: freshSalt(),
    keys: [
      {
        asset: asset ?? run.digest,
        kind: which === 'steward' ? 'dataset' : 'algorithm',
        keyCommitment: some,
        enc: some,
        ciphertext: some,
      },
    ],
    debit: { runs: 1 },
    reservation: reserved.digest,
    checkpoint: run.digest,
    at,
    releaseNotAfter: timeText(world.now + 3_600_000),
    ...(words.length > 0 && { keySets: [...words] }),
  };
  const { origin, now } = world;
  const cose = await createStatement(vault.signer, {
    type: 'key.released',
    payload: change(payload, which),
    iss: vault.iss,
    origin,
    now,
  });
  const body = canonicalBytes(change(payload, which));
  return { cose: base64urlEncode(cose), digest: await sha256Digest(body) };
}

/** What a vault would hand out and say: the pieces that its own appraisal used, and whose key sets were among them. */
async function heldAgainst(
  { entry, roots, collateral, keySets = [] }: FakePlatform,
  { evidence, at }: { evidence: Evidence; at: number },
) {
  const context = { at, collateral, roots, keySets };
  const { used } = await appraiseEvidence(evidence, roomPolicy([entry]), { context });
  const pieces = await packCollateral(collateral, used, { roots, keySets });
  return { pieces, words: keySetWords(keySets, used) };
}

/** Plays a run whose report is `{"accuracy":0.9577}` to its receipt. */
export async function playRun(
  world: World,
  ledger: FakeLedger,
  run: Run,
  changes: Changes = {},
): Promise<PlayedRun> {
  const {
    finished: changeFinished = (it) => it,
    answer = (it) => it,
    evidence: changeEvidence = (it) => it,
    nonces: changeNonces = (it) => it,
    platform,
  } = changes;
  const room = await openRoom();
  const technology = platform?.technology ?? 'simulated';
  const manifest = await manifestOf(run, technology);
  const { nonces, challenges } = await challengeRoom(world);
  const shown = changeNonces(nonces);
  const evidence = await changeEvidence(
    platform ? await proveOn(platform, run, room, shown) : await proveRoom(world, run, room, shown),
  );
  const held = platform && (await heldAgainst(platform, { evidence, at: world.now }));
  const ready: Ready = {
    run,
    room,
    evidence,
    manifest,
    evidenceDigest: await sha256Digest(canonicalBytes(evidence)),
    technology,
    platform: platform?.name ?? world.simulator.kid,
    words: held?.words ?? [],
  };
  const answers = [
    await release(world, 'steward', ready, answer),
    await release(world, 'owner', ready, answer),
  ];
  const { contract } = run.agreed;
  const recipients = contract.output.recipients.map((item) => item.key);
  const digest = await sha256Digest(manifest);
  const content = utf8Encode('{"accuracy":0.9577}');
  const output = await sealOutput({
    content,
    maxBytes: contract.output.maxBytes,
    recipients,
    manifest: digest,
  });
  const envelope = encodeEnvelope(output.envelope);
  const charge = { outcome: 'completed' as const, bits: 64, bytes: contract.output.maxBytes };
  const base = { contract: run.agreed.digest, run: run.digest, manifest: digest, room: room.keys, ...charge };
  const at = timeText(world.now);
  for (const which of BOTH)
    await say(world, madeUpVault(world, which), 'output.cleared', { salt: freshSalt(), ...base, at });
  const finished = changeFinished({
    salt: freshSalt(),
    ...base,
    datasets: run.request.datasets,
    algorithms: [run.request.algorithm],
    criteria: run.request.criteria,
    evidence: ready.evidenceDigest,
    output: await sha256Digest(output.sealed),
    envelope: await sha256Digest(envelope),
    isolation: 'process',
    technology: ready.technology,
    platform: ready.platform,
    custody: contract.vaults.map(({ org, custody }) => ({ org, custody })),
    answers: answers.map((item) => item.digest),
    startedAt: at,
    finishedAt: at,
  });
  await say(world, { signer: room.sign, iss: run.digest }, 'run.finished', finished);
  const parts = {
    manifest: JSON.parse(new TextDecoder().decode(manifest)) as Manifest,
    evidence,
    challenges,
    answers: answers.map((item) => item.cose),
    ...(held && held.pieces.length > 0 && { collateral: held.pieces }),
  };
  const receipt = await receiptFrom(ledger, run.digest, parts);
  return {
    world,
    ledger,
    run,
    room,
    finished,
    sealed: output.sealed,
    envelope,
    receipt,
    trust: { ...trustOf(world, ledger), ...(platform && { accept: [platform.entry] }) },
  };
}

/** Pins the two organisations, the ledger, the node and the room program of a world. */
export function trustOf(world: World, ledger: FakeLedger): Trust {
  return {
    v: 1,
    ledger: { origin: ledger.origin, key: ledger.key, witnesses: [] },
    organisations: [world.steward.org, world.owner.org],
    contracts: [],
    rooms: [world.launch],
    simulators: [world.simulator.key],
  };
}

/** A fresh world, played from registration to receipt. */
export async function playWorld(ledger: FakeLedger, now: number, changes: Changes = {}): Promise<PlayedRun> {
  const world = await createWorld({ book: ledger, origin: ledger.origin, now, ledgerKey: ledger.key });
  await announceKeks(world);
  const { platform, sensitivity = 'test', contract: change = (it) => it } = changes;
  const draft = draftContract(world, await publishAssets(world, { sensitivity }), (plain) =>
    change({
      ...plain,
      datasets: plain.datasets.map((item) => ({ ...item, sensitivity })),
      room: platform ? { ...plain.room, accept: [platform.entry] } : plain.room,
    }),
  );
  const agreed = await signContract(world, draft);
  const run = await requestRun(world, agreed, changes.request);
  await approveRun(world, run);
  return playRun(world, ledger, run, changes);
}

/** Rewrites a receipt file and encodes it again. */
export function rewriteReceipt(receipt: Uint8Array, change: (file: ReceiptFile) => ReceiptFile): Bytes {
  return encodeReceipt(change(parseReceipt(receipt)));
}
