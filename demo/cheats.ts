// Three cheats that the demo tries for real. Each gives the code with which it was refused, or undefined if it worked.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubRoutes, ledgerRoutes, vaultRoutes } from '@sealroom/api';
import { simulatedEvidence } from '@sealroom/attest/simulated';
import { base64urlDecode, base64urlEncode, type Digest, sha256 } from '@sealroom/bytes';
import { call, ClientError } from '@sealroom/client';
import {
  buildManifest,
  encodeManifest,
  freshSalt,
  isOfType,
  readStatement,
  roomBinding,
  verifyMessage,
} from '@sealroom/contract';
import { ed25519Signer, generateSecret, publicKeyOf } from '@sealroom/cose';
import type { Session } from '../e2e/party.ts';
import { type Agreed, initiate, offer, request, type Stage, untilEnded } from '../e2e/story.ts';

async function refusedWith(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof ClientError && error.problem !== undefined) return error.problem;
    throw error;
  }
}

/** The store's operator puts other bytes in the place of a sealed file of the dataset; the run must end before it begins. */
export async function swapDatasetFile(stage: Stage, agreed: Agreed): Promise<string | undefined> {
  const files = join(stage.house.directory, 'hub', 'files');
  const found = (await readdir(files, { recursive: true })).filter((path) => path.endsWith('validation.csv'));
  for (const path of found) {
    const sealed = await readFile(join(files, path));
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    await writeFile(join(files, path), sealed);
  }
  if (found.length === 0) throw new Error('The demo found no sealed file to swap.');
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  const { status, detail } = await untilEnded(stage, run);
  return status === 'Run Failed' ? (detail ?? status) : undefined;
}

async function askForKeys(
  stage: Stage,
  agreed: Agreed,
  run: Digest,
  approval: Uint8Array,
  asks: Session,
): Promise<string | undefined> {
  const services = [stage.steward.vault, stage.owner.vault];
  const forged = await readStatement(approval);
  const asked = await readStatement(
    base64urlDecode(
      (await call(stage.owner.hub, hubRoutes.run, { params: { run } })).statements.at(-1)?.cose ?? '',
    ),
  );
  if (!isOfType(asked, 'run.requested')) throw new Error('The run’s last statement should be its request.');
  const manifest = encodeManifest(await buildManifest(run, asked.payload, [forged.digest], 'simulated'));
  const challenges = await Promise.all(
    services.map((vault) => call(vault, vaultRoutes.challenge, { body: {} })),
  );
  const nonces = await Promise.all(
    challenges.map(async ({ challenge }, at) => {
      const vault = services[at] ?? stage.steward.vault;
      const { payload } = await verifyMessage('challenge', base64urlDecode(challenge), {
        key: vault.key,
        audience: 'room',
      });
      return { vault: vault.kid, nonce: payload.nonce };
    }),
  );
  const sign = await ed25519Signer(generateSecret());
  const room = { sign: sign.key, receive: await publicKeyOf('X25519', generateSecret()) };
  const hostData = await sha256(manifest);
  // The operator holds the node's simulator key, so its evidence is as good as that of any simulated room.
  const simulator = await ed25519Signer(
    new Uint8Array(await readFile(join(stage.house.directory, 'node', 'simulator.key'))),
  );
  const report = {
    launch: stage.node.launch,
    hostData,
    reportData: await roomBinding(nonces, room, hostData),
    debug: false,
  };
  const evidence = await simulatedEvidence(simulator, report, Math.floor(Date.now() / 1000));
  const statements = (
    await call(stage.owner.hub, hubRoutes.runConfiguration, {
      params: { runConfiguration: agreed.runConfiguration },
    })
  ).statements;
  const body = {
    run,
    manifest: base64urlEncode(manifest),
    room,
    challenges: challenges.map((item) => item.challenge),
    evidence,
    statements: [
      ...statements.map((item) => item.cose),
      base64urlEncode(asked.bytes),
      base64urlEncode(approval),
    ],
  };
  return refusedWith(() => call(asks.vault, vaultRoutes.release, { body }));
}

/**
 * The operator makes the steward's approval itself: to the hub, to the ledger, and, with evidence by the simulator key that
 * it holds, to the steward's vault.
 */
export async function forgeApproval(stage: Stage, agreed: Agreed): Promise<readonly string[] | undefined> {
  const run = await request(stage, agreed);
  const { steward, owner, house } = stage;
  const payload = { salt: freshSalt(), contract: agreed.digest, run, org: steward.party.org };
  const signed = base64urlDecode(await steward.sign('run.approved', payload));
  // The last 64 bytes are the signature; the operator has everything but the key that makes them.
  const approval = signed.slice();
  approval.fill(0, approval.length - 64);
  const statement = base64urlEncode(approval);
  const params = { runConfiguration: agreed.runConfiguration };
  const toHub = await refusedWith(() =>
    call(steward.hub, hubRoutes.submitStatement, { params, body: { statement } }),
  );
  const ledger = { baseUrl: house.ledger.url, fetch: owner.hub.fetch };
  const toLedger = await refusedWith(() =>
    call(ledger, ledgerRoutes.append, { body: approval, headers: { 'content-type': 'application/cose' } }),
  );
  const toVault = await askForKeys(stage, agreed, run, approval, steward);
  const withdrawn = { salt: freshSalt(), contract: agreed.digest, run, org: owner.party.org, note: null };
  await call(owner.hub, hubRoutes.submitStatement, {
    params,
    body: { statement: await owner.sign('run.withdrawn', withdrawn) },
  });
  return toHub && toLedger && toVault ? [toHub, toLedger, toVault] : undefined;
}

/** The algorithm owner ships an algorithm that puts a patient's row into its report. */
export async function smuggleRow(
  stage: Stage,
  packageFolder: string,
  output: string,
): Promise<string | undefined> {
  const agreed = await offer(stage, packageFolder, output);
  const run = await request(stage, agreed);
  await initiate(stage, agreed, run);
  const { status, detail, hasOutput } = await untilEnded(stage, run);
  return status === 'Run Failed' && !hasOutput ? (detail ?? status) : undefined;
}
