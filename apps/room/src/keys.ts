// Challenges, evidence and release: how the room comes by the keys of its run (protocol.md section 7). Every vault of the
// contracts is asked; each answer is checked under the key the contract names, and each key against its commitment.
import {
  appraiseEvidence,
  type DeviceTechnology,
  type Entry,
  type Evidence,
  isReason,
  roomPolicy,
  technologyOf,
} from '@sealroom/attest';
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode, type Bytes, bytesEqual, type Digest } from '@sealroom/bytes';
import { call, ClientError, type Fetch } from '@sealroom/client';
import {
  commitmentBytes,
  type Contract,
  isOfType,
  joinPieces,
  type PayloadOf,
  readStatement,
  releaseInfo,
  roomBinding,
  type RoomKeys,
  type VaultNonce,
  verifyMessage,
} from '@sealroom/contract';
import {
  ed25519Signer,
  generateSecret,
  type KeyText,
  keyThumbprint,
  publicKeyOf,
  type Signer,
  verifySign1,
} from '@sealroom/cose';
import { hpkeOpen, keyCommitment } from '@sealroom/seal';
import { RoomError } from './error.ts';
import type { Plan } from './plan.ts';

/** Fresh keys for the life of the room. */
export type RoomIdentity = { readonly signer: Signer; readonly receiving: Bytes; readonly keys: RoomKeys };

export async function createIdentity(): Promise<RoomIdentity> {
  const signer = await ed25519Signer(generateSecret());
  const receiving = generateSecret();
  return { signer, receiving, keys: { sign: signer.key, receive: await publicKeyOf('X25519', receiving) } };
}

export type Vault = Contract['vaults'][number] & { readonly kid: Digest };

/** Every vault of the contracts, once. */
export async function vaultsOf(plan: Plan): Promise<Vault[]> {
  const found = new Map<Digest, Vault>();
  for (const { contract } of plan.contracts) {
    for (const vault of contract.vaults) {
      const kid = await keyThumbprint(vault.key);
      found.set(kid, { ...vault, kid });
    }
  }
  return [...found.values()];
}

/** Asks the platform for evidence over 32 bytes of report data, and for that of its devices where a kind of them is named. */
export type Quote = (reportData: Uint8Array, devices: DeviceTechnology | undefined) => Promise<Evidence>;

type Challenge = { readonly cose: string; readonly nonce: VaultNonce };

async function challengeOf(vault: Vault, fetch: Fetch): Promise<Challenge> {
  const { challenge } = await call({ baseUrl: vault.url, fetch }, vaultRoutes.challenge, { body: {} });
  const { payload } = await verifyMessage('challenge', base64urlDecode(challenge), {
    key: vault.key,
    audience: 'room',
  });
  return { cose: challenge, nonce: { vault: vault.kid, nonce: payload.nonce } };
}

export type Released = {
  readonly evidence: Evidence;
  readonly challenges: readonly string[];
  /** COSE of each vault's answer and reservation, base64url. */
  readonly answers: readonly string[];
  readonly reservations: readonly string[];
  readonly payloads: readonly PayloadOf<'key.released'>[];
  readonly answerDigests: readonly Digest[];
  /** As the vaults name it. */
  readonly platform: string;
  /** What the vaults held the evidence against; undefined where they used none. */
  readonly collateral: string[] | undefined;
  /** Asset keys by asset digest. */
  readonly keys: ReadonlyMap<Digest, Bytes>;
};

async function checkAnswer(
  plan: Plan,
  identity: RoomIdentity,
  vault: { key: KeyText; kid: Digest },
  answer: string,
) {
  const bytes = base64urlDecode(answer);
  const statement = await readStatement(bytes);
  await verifySign1(bytes, vault.key);
  const { keys } = identity;
  const good =
    isOfType(statement, 'key.released') &&
    statement.payload.run === plan.run &&
    bytesEqual(base64urlDecode(statement.payload.room.sign), base64urlDecode(keys.sign)) &&
    statement.payload.room.receive === keys.receive;
  if (!good) throw new RoomError('room/answer', 'A vault answered for another run or room.');
  return statement;
}

async function openKeys(
  plan: Plan,
  identity: RoomIdentity,
  vaultKey: KeyText,
  released: PayloadOf<'key.released'>,
): Promise<Map<Digest, Bytes>> {
  const opened = new Map<Digest, Bytes>();
  for (const item of released.keys) {
    const planned = [plan.algorithm, ...plan.datasets].find(
      (asset) => asset.asset === item.asset && asset.kind === item.kind,
    );
    const commitment = commitmentBytes(item.keyCommitment);
    const key = await hpkeOpen(identity.receiving, {
      enc: base64urlDecode(item.enc),
      ciphertext: base64urlDecode(item.ciphertext),
      info: releaseInfo(plan.manifestHash, vaultKey),
      aad: commitment,
    });
    if (
      !planned ||
      planned.published.keyCommitment !== item.keyCommitment ||
      !bytesEqual(await keyCommitment(key), commitment)
    ) {
      throw new RoomError('room/commitment', 'A vault released a key that an asset was not sealed with.');
    }
    opened.set(item.asset, key);
  }
  return opened;
}

/**
 * Whether the contracts accept this room, before a vault is asked. Hardware evidence is judged by the vaults alone: the room
 * has neither the vendors' collateral nor a clock that anybody believes; here only that an entry could accept it.
 */
async function checkOwnEvidence(plan: Plan, evidence: Evidence, reportData: Uint8Array): Promise<void> {
  if (evidence.technology !== plan.manifest.technology)
    throw new RoomError(
      'room/evidence',
      'The evidence is of another technology than the room was started as.',
    );
  for (const { contract } of plan.contracts) {
    const { accept } = contract.room;
    if (technologyOf(evidence.technology).hardware) {
      if (accept.some((entry) => entry.technology === evidence.technology)) continue;
      throw new RoomError('room/evidence', 'The contract does not accept rooms of this technology.');
    }
    // Devices are hardware as well.
    const { technology, body } = evidence;
    const own = accept.map((entry) => {
      const { devices: _, ...rest } = entry;
      return rest as Entry;
    });
    const appraisal = await appraiseEvidence({ technology, body }, roomPolicy(own), {
      binding: { reportData, hostData: plan.manifestHash },
    });
    const failed = appraisal.checks.find(isReason);
    if (failed)
      throw new RoomError('room/evidence', `The contract does not accept this room: ${failed.detail}.`);
  }
}

/**
 * Whether the host is to ask devices, and how: as the first entry for this room's technology says. Another entry may say
 * something else; the vaults judge what comes.
 */
export function demandedDevices({
  contracts,
  manifest,
}: {
  readonly contracts: readonly { readonly contract: Pick<Contract, 'room'> }[];
  readonly manifest: Pick<Plan['manifest'], 'technology'>;
}): DeviceTechnology | undefined {
  const entries = contracts.flatMap(({ contract }) => contract.room.accept);
  return entries.find(({ technology }) => technology === manifest.technology)?.devices?.[0]?.technology;
}

/** The platform as every vault's reservation names it. */
async function platformOf(reservations: readonly string[]): Promise<string> {
  const names = new Set<string>();
  for (const text of reservations) {
    const statement = await readStatement(base64urlDecode(text));
    if (isOfType(statement, 'key.reserved')) names.add(statement.payload.platform);
  }
  const [platform, ...others] = names;
  if (platform === undefined || others.length > 0)
    throw new RoomError('room/answer', 'The vaults do not name one platform.');
  return platform;
}

/**
 * Gets every key of the run, or none.
 * @throws room/evidence · room/release · room/answer · room/commitment
 */
export async function obtainKeys(
  plan: Plan,
  identity: RoomIdentity,
  { quote, fetch }: { quote: Quote; fetch: Fetch },
): Promise<Released> {
  const vaults = await vaultsOf(plan);
  const challenges = await Promise.all(vaults.map((vault) => challengeOf(vault, fetch))).catch(
    (cause: unknown) => {
      throw new RoomError('room/release', 'A vault gave no challenge; it may be down.', { cause });
    },
  );
  const reportData = await roomBinding(
    challenges.map((item) => item.nonce),
    identity.keys,
    plan.manifestHash,
  );
  const evidence = await quote(reportData, demandedDevices(plan));
  await checkOwnEvidence(plan, evidence, reportData);
  const body = {
    run: plan.run,
    manifest: base64urlEncode(plan.manifestBytes),
    room: identity.keys,
    challenges: challenges.map((item) => item.cose),
    evidence,
    statements: [...plan.statements],
  };
  const answers = await Promise.all(
    vaults.map(async (vault) => {
      try {
        return await call({ baseUrl: vault.url, fetch }, vaultRoutes.release, { body });
      } catch (cause) {
        if (!(cause instanceof ClientError)) throw cause;
        throw new RoomError('room/release', `A vault released no keys: ${cause.problem ?? cause.code}.`, {
          cause,
        });
      }
    }),
  );
  const keys = new Map<Digest, Bytes>();
  const payloads: PayloadOf<'key.released'>[] = [];
  const answerDigests: Digest[] = [];
  for (const [position, vault] of vaults.entries()) {
    const statement = await checkAnswer(plan, identity, vault, answers[position]?.answer ?? '');
    payloads.push(statement.payload);
    answerDigests.push(statement.digest);
    for (const [asset, key] of await openKeys(plan, identity, vault.key, statement.payload))
      keys.set(asset, key);
  }
  if ([plan.algorithm, ...plan.datasets].some((item) => !keys.has(item.asset))) {
    throw new RoomError('room/answer', 'The vaults released fewer keys than the run needs.');
  }
  return {
    evidence,
    challenges: body.challenges,
    answers: answers.map((item) => item.answer),
    reservations: answers.map((item) => item.reservation),
    payloads,
    answerDigests,
    platform: await platformOf(answers.map((item) => item.reservation)),
    collateral: joinPieces(...answers.map((item) => item.collateral)),
    keys,
  };
}
