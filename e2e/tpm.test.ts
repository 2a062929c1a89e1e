// The story on a machine that proves itself: hub, ledger and vaults as `sealroom up` starts them, and a node beside them that is told
// of a TPM, a software one (swtpm) whose boot the test measures. The parties pin its key and registers in the contract. It is
// a real TPM's whole protocol from node to receipt; it is no hardware, and a TPM hides no memory: the data are marked `test`.
import { type ChildProcess, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hubRoutes, type NodeShape } from '@sealroom/api';
import { type Entry, technologyOf } from '@sealroom/attest';
import { base64urlDecode, hexEncode, sha256 } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { type Trust, verifyReceipt } from '@sealroom/contract';
import { tpm2 } from '@sealroom/host/attest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasSwtpm, startSwtpm, type Swtpm } from '../packages/host/src/attest/tpm2/swtpm-for-tests.ts';
import { refusalReasons, trustOf } from './collect.ts';
import {
  type Agreed,
  EXAMPLE,
  initiate,
  offer,
  openHouse,
  type OpenHouse,
  REPOSITORY,
  request,
  untilEnded,
} from './story.ts';

const RUN_REGISTER = 13;
const KERNEL = 'the kernel that both parties built';

let open: OpenHouse;
let machine: Swtpm;
let entry: Entry;
let agreed: Agreed;
let trust: Trust;
let node: ChildProcess;

/** What firmware does before a node starts: registers begin at zeros and each stage measures the next. */
async function boot(kernel = KERNEL): Promise<void> {
  await machine.restart();
  const stages = { 0: 'firmware', 4: 'boot loader', 7: 'secure boot', 8: kernel, 9: 'initial RAM disk' };
  for (const [register, stage] of Object.entries(stages)) {
    const digest = hexEncode(await sha256(new TextEncoder().encode(stage)));
    await machine.tool('tpm2_pcrextend', `${register}:sha256=${digest}`);
  }
}

/** What both parties know of the machine: its key's name, and what its boot leaves in registers. */
async function knownMachine(): Promise<Entry> {
  const provider = await tpm2({ open: machine.open, runRegister: null });
  const { body } = await provider.provide(new Uint8Array(32).fill(1), new Uint8Array(32));
  const bytes = base64urlDecode(body);
  const { ak } = JSON.parse(new TextDecoder().decode(bytes)) as { ak: string };
  const found = technologyOf('tpm');
  const {
    runBinding: _,
    pcrs,
    ...pinned
  } = found.pin(found.parse(bytes)) as Entry & {
    runBinding?: unknown;
    pcrs: { bank: 'sha256'; values: { [register: string]: string[] } };
  };
  const { [RUN_REGISTER]: __, ...values } = pcrs.values;
  return {
    ...pinned,
    ak: { names: [hexEncode(await sha256(base64urlDecode(ak)))] },
    pcrs: { ...pcrs, values },
    platforms: { any: 'accepted' },
    hostData: 'manifest',
    runRegister: RUN_REGISTER,
  } as Entry;
}

async function startNode(): Promise<NodeShape> {
  const { stage, house, folder } = open;
  const name = 'with-tpm';
  const { code } = await call(stage.steward.hub, hubRoutes.createNodeCode, { body: { name } });
  const [codePath, caPath] = [join(folder, 'node.code'), join(folder, 'node-ca.pem')];
  await writeFile(codePath, code, { mode: 0o600 });
  await writeFile(caPath, house.caPem);
  const settings = {
    NAME: name,
    HUB_URL: house.hub,
    DATA_DIRECTORY: join(folder, 'node-with-tpm'),
    CODE_FILE: codePath,
    CA_PATH: caPath,
    SIMULATED: 'false',
    TPM: machine.path,
    STOP_WITH_PARENT: 'true',
  };
  const env = Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [`SEALROOM_NODE_${key}`, value]),
  );
  node = spawn(process.execPath, [join(REPOSITORY, 'apps', 'node', 'src', 'main.ts')], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (!node.stdout) throw new Error('The node has no output.');
  await createInterface({ input: node.stdout })[Symbol.asyncIterator]().next();
  const { nodes } = await call(stage.owner.hub, hubRoutes.nodes, {});
  const found = nodes.find((one) => one.name === name);
  if (!found) throw new Error('The node did not enrol; its log says why.');
  return found;
}

async function run(): Promise<{ status: string; detail: string | null; digest: Agreed['digest'] }> {
  const digest = await request(open.stage, agreed);
  await initiate(open.stage, agreed, digest);
  const { status, detail } = await untilEnded(open.stage, digest);
  return { status, detail, digest };
}

describe.runIf(hasSwtpm())('a room on a machine with a TPM', () => {
  beforeAll(async () => {
    [open, machine] = await Promise.all([openHouse('tpm'), startSwtpm()]);
    await boot();
    entry = await knownMachine();
    const found = await startNode();
    expect(found).toMatchObject({ hardware: 'tpm', simulator: null });
    agreed = await offer(
      open.stage,
      join(EXAMPLE, 'algorithm-python'),
      join(open.folder, 'python'),
      ({ room, ...contract }) => ({ ...contract, room: { ...room, accept: [entry] } }),
    );
    trust = { ...trustOf(open.stage), simulators: [], accept: [entry] };
  }, 180_000);

  afterAll(async () => {
    node?.stdin?.end();
    await open?.close();
    await machine?.stop();
    await rm(open?.folder ?? '', { recursive: true, force: true });
  }, 60_000);

  test('gets keys by its quote alone, and its receipt proves the boot to whoever knows the machine', async () => {
    const { status, digest } = await run();
    expect(status).toBe('Run Completed');
    const receipt = await call(open.stage.owner.hub, hubRoutes.receipt, { params: { run: digest } });
    const [told, pinned] = [await verifyReceipt(receipt), await verifyReceipt(receipt, trust)];
    expect(told).toMatchObject({
      verdict: 'consistent',
      attestation: { technology: 'tpm', basis: 'contract' },
      hardwareAttested: false,
    });
    expect(pinned).toMatchObject({
      verdict: 'pinned',
      attestation: { basis: 'reader' },
      hardwareAttested: true,
    });
    const others = { ...trust, accept: [{ ...entry, ak: { names: ['00'.repeat(32)] } } as Entry] };
    await expect(verifyReceipt(receipt, others)).rejects.toMatchObject({ code: 'receipt/pins-hardware' });
  }, 180_000);

  test('proves one run a boot: the register that names the run takes no second', async () => {
    expect(await run()).toMatchObject({ status: 'Run Failed', detail: 'node/no-evidence' });
  }, 180_000);

  test('gets no keys when it was booted with another kernel', async () => {
    await boot('a kernel of the operator’s own');
    const { digest, ...ended } = await run();
    expect(ended).toMatchObject({ status: 'Run Failed', detail: 'room/release' });
    const reasons = await refusalReasons(open.stage, digest);
    expect(reasons.map(({ code, check }) => [code, check])).toEqual([['release/code', 'tpm/pcr/8']]);
  }, 180_000);

  test('gets keys again after a boot as both parties know it', async () => {
    await boot();
    expect(await run()).toMatchObject({ status: 'Run Completed' });
  }, 180_000);
});
