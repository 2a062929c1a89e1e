// What the algorithm owner has of a run when it has ended: the receipt, verified by the keys of the story's parties, and the
// report that only the owner can open; and why the steward's vault refused one.
import { hubRoutes, vaultRoutes } from '@sealroom/api';
import { base64urlEncode, type Bytes, type Digest } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { createMessage, type Trust, type VerifiedReceipt, verifyReceipt } from '@sealroom/contract';
import { openOutput, parseEnvelope } from '@sealroom/seal';
import type { Stage } from './story.ts';

/** The pins of both parties: each other, the ledger, the room program and its simulator. */
export function trustOf({ house, steward, owner, node }: Stage): Trust {
  const { origin, key } = house.ledger;
  return {
    v: 1,
    ledger: { origin, key, witnesses: [] },
    organisations: [steward.party.org, owner.party.org],
    contracts: [],
    rooms: [node.launch],
    simulators: node.simulator ? [node.simulator] : [],
  };
}

export type Collected = {
  readonly receipt: Bytes;
  readonly verified: VerifiedReceipt;
  readonly output: Bytes;
  readonly report: unknown;
};

/** @throws when the receipt does not verify, or the output is not the one that it names */
export async function collect(stage: Stage, run: Digest): Promise<Collected> {
  const { hub, party } = stage.owner;
  const get = { params: { run } };
  const receipt = await call(hub, hubRoutes.receipt, get);
  const verified = await verifyReceipt(receipt, trustOf(stage));
  const output = await openOutput({
    sealed: await call(hub, hubRoutes.output, get),
    envelope: parseEnvelope(await call(hub, hubRoutes.envelope, get)),
    secret: party.receiving.secret,
    manifest: verified.finished.manifest,
  });
  const report: unknown = JSON.parse(new TextDecoder().decode(output));
  return { receipt, verified, output, report };
}

/** The steward's vault tells its owner, and nobody else, why it refused. */
export async function refusalReasons({ steward, project }: Stage, run: Digest) {
  const { party, vault } = steward;
  const asked = await createMessage(party.identity, {
    name: 'kek-request',
    payload: { org: party.org, project, role: party.role },
    audience: vault.kid,
    now: Date.now(),
  });
  const query = { request: base64urlEncode(asked) };
  const { refusals } = await call(vault, vaultRoutes.refusals, { query });
  return refusals.filter((item) => item.run === run).flatMap(({ reasons }) => reasons);
}
