// How a run ends once keys were released: every vault clears it, the output is sealed to the contract's recipients, the
// room signs run.finished and hands everything to the hub (protocol.md sections 8 and 9).
import { vaultRoutes } from '@sealroom/api';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  type Digest,
  sha256Digest,
} from '@sealroom/bytes';
import { call, ClientError, type Fetch } from '@sealroom/client';
import {
  createMessage,
  createStatement,
  freshSalt,
  isOfType,
  type Isolation,
  type PayloadOf,
  readStatement,
} from '@sealroom/contract';
import { verifySign1 } from '@sealroom/cose';
import { leakBudget } from '@sealroom/criteria';
import { encodeEnvelope, sealOutput } from '@sealroom/seal';
import { RoomError } from './error.ts';
import { type Execution, gateOf } from './execution.ts';
import type { HubLink } from './hub-link.ts';
import { type Released, type RoomIdentity, vaultsOf } from './keys.ts';
import type { Plan } from './plan.ts';

type Outcome = { readonly outcome: 'completed' | 'failed'; readonly bits: number; readonly bytes: number };

/**
 * What the end of a run is charged: for a report, all that the criteria and the contract let one carry (so that the charge
 * says nothing about the report itself) and the padded size; for a failure, the one bit that it failed.
 */
export function chargeOf(plan: Plan, execution: Execution): Outcome {
  if (execution.outcome === 'failed') return { outcome: 'failed', bits: 1, bytes: 0 };
  const { criteria, maxBits, maxBytes } = gateOf(plan);
  return { outcome: 'completed', bits: Math.ceil(Math.min(leakBudget(criteria), maxBits)), bytes: maxBytes };
}

type Cleared = { readonly cose: string; readonly payload: PayloadOf<'output.cleared'> };

async function clear(
  plan: Plan,
  identity: RoomIdentity,
  charge: Outcome,
  { fetch, now }: { fetch: Fetch; now: () => number },
): Promise<Cleared[]> {
  const manifest = await sha256Digest(plan.manifestBytes);
  const vaults = await vaultsOf(plan);
  return Promise.all(
    vaults.map(async (vault) => {
      const payload = { run: plan.run, manifest, ...charge };
      const message = await createMessage(identity.signer, {
        name: 'finish-request',
        payload,
        audience: vault.kid,
        now: now(),
      });
      try {
        const answer = await call({ baseUrl: vault.url, fetch }, vaultRoutes.finish, {
          body: { request: base64urlEncode(message) },
        });
        const bytes = base64urlDecode(answer.statement);
        await verifySign1(bytes, vault.key);
        const statement = await readStatement(bytes);
        if (
          !isOfType(statement, 'output.cleared') ||
          statement.payload.run !== plan.run ||
          statement.payload.room.sign !== identity.keys.sign
        ) {
          throw new RoomError('room/clearance', 'A vault cleared something else than this run.');
        }
        return { cose: answer.statement, payload: statement.payload };
      } catch (cause) {
        if (!(cause instanceof ClientError)) throw cause;
        throw new RoomError(
          'room/clearance',
          `A vault does not clear the end of the run: ${cause.problem ?? cause.code}.`,
          { cause },
        );
      }
    }),
  );
}

async function sealReport(plan: Plan, report: Bytes): Promise<{ sealed: Bytes; envelope: Bytes }> {
  const first = plan.contracts[0]?.contract;
  const allowed = (key: string) =>
    plan.contracts.every(({ contract }) => contract.output.recipients.some((item) => item.key === key));
  const recipients = (first?.output.recipients ?? []).map((item) => item.key).filter(allowed);
  if (recipients.length === 0)
    throw new RoomError('room/not-permitted', 'The contracts of the run name no common recipient.');
  const { sealed, envelope } = await sealOutput({
    content: report,
    maxBytes: gateOf(plan).maxBytes,
    recipients,
    manifest: await sha256Digest(plan.manifestBytes),
  });
  return { sealed, envelope: encodeEnvelope(envelope) };
}

function custodyOf(plan: Plan): PayloadOf<'run.finished'>['custody'] {
  const all = plan.contracts.flatMap(({ contract }) =>
    contract.vaults.map(({ org, custody }) => ({ org, custody })),
  );
  return all.filter((item, at) => all.findIndex((other) => other.org === item.org) === at);
}

type Ending = {
  readonly identity: RoomIdentity;
  readonly released: Released;
  readonly isolation: Isolation;
  readonly hub: HubLink;
  readonly fetch: Fetch;
  readonly origin: string;
  readonly now: () => number;
};

/**
 * Clears, seals, signs and uploads.
 * @throws room/clearance when a vault refuses: then nothing leaves, and the node reports the run as failed
 */
export async function endRun(
  plan: Plan,
  execution: Execution,
  { identity, released, isolation, hub, fetch, origin, now }: Ending,
): Promise<void> {
  const charge = chargeOf(plan, execution);
  const cleared = await clear(plan, identity, charge, { fetch, now });
  if (execution.outcome === 'failed') await hub.tell('Run Failed', execution.code);
  const output = execution.outcome === 'completed' ? await sealReport(plan, execution.report) : undefined;
  const times = released.payloads.map((item) => item.at).toSorted();
  const ends = cleared.map((item) => item.payload.at).toSorted();
  const digestOf = async (bytes: Bytes | undefined): Promise<Digest | null> =>
    bytes ? sha256Digest(bytes) : null;
  const payload: PayloadOf<'run.finished'> = {
    salt: freshSalt(),
    contract: plan.request.contract,
    run: plan.run,
    manifest: await sha256Digest(plan.manifestBytes),
    room: identity.keys,
    ...charge,
    datasets: plan.datasets.map((item) => item.asset),
    algorithms: [plan.algorithm.asset],
    criteria: plan.request.criteria,
    evidence: await sha256Digest(canonicalBytes(released.evidence)),
    output: await digestOf(output?.sealed),
    envelope: await digestOf(output?.envelope),
    isolation,
    technology: released.evidence.technology,
    platform: released.platform,
    custody: custodyOf(plan),
    answers: [...released.answerDigests],
    startedAt: times[0] ?? '',
    finishedAt: ends.at(-1) ?? '',
  };
  const statement = await createStatement(identity.signer, {
    type: 'run.finished',
    payload,
    iss: plan.run,
    origin,
    now: now(),
  });
  const receiptParts = canonicalBytes({
    manifest: base64urlEncode(plan.manifestBytes),
    challenges: released.challenges,
    evidence: released.evidence,
    ...(released.collateral && { collateral: released.collateral }),
    answers: released.answers,
    cleared: cleared.map((item) => item.cose),
    reservations: released.reservations,
  });
  const { digest } = await readStatement(statement);
  await hub.upload({
    sealed: output?.sealed ?? null,
    envelope: output?.envelope ?? null,
    statement,
    statementDigest: digest,
    receiptParts,
  });
  if (execution.outcome === 'completed') await hub.tell('Run Completed');
}
