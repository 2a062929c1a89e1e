// For tests: a store that is a folder, assets sealed into it, and a plan that asks for them.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { base64urlDecode, type Bytes, type Digest, sha256 } from '@sealroom/bytes';
import { buildManifest, encodeManifest, freshSalt, type PayloadOf } from '@sealroom/contract';
import { sealFolder } from '@sealroom/host/sealing';
import { assetKey, generateCek } from '@sealroom/seal';
import { announceKeks, createWorld, draftContract, memoryBook, publishAssets } from '@sealroom/testkit/world';
import type { Plan, PlannedAsset } from './plan.ts';
import type { StoreFetch } from './store.ts';

/** The repository's folder. */
export const REPOSITORY = join(import.meta.dirname, '..', '..', '..');

const BASE = 'https://store.example/container';

/** Serves a folder like a blob container, with Range; `tamper` may change what is served. */
export function folderStore(
  folder: string,
  tamper: (path: string, bytes: Buffer) => Buffer | undefined = (_, bytes) => bytes,
): StoreFetch {
  return async (url, init = {}) => {
    const path = decodeURIComponent(new URL(url).pathname.slice('/container/'.length));
    const stored = await readFile(join(folder, path)).catch(() => undefined);
    const bytes = stored && tamper(path, stored);
    if (!bytes) return new Response(null, { status: 404 });
    const range = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init.headers).get('range') ?? '');
    const [start, end] = range ? [Number(range[1]), Number(range[2]) + 1] : [0, bytes.length];
    const body = new Uint8Array(bytes.subarray(start, end));
    const headers: Record<string, string> = { 'content-length': String(body.length) };
    if (range) headers['content-range'] = `bytes ${start}-${start + body.length - 1}/${bytes.length}`;
    return new Response(body, { status: range ? 206 : 200, headers });
  };
}

export type SealedAsset = { readonly asset: PlannedAsset; readonly key: Bytes };

/** Seals a folder as a version and describes it as a plan would. */
export async function sealAsset(
  input: string,
  output: string,
  kind: 'dataset' | 'algorithm',
  access: PlannedAsset['access'] = 'staged',
): Promise<SealedAsset> {
  const cek = generateCek();
  const sealed = await sealFolder({ input, output, cek, kind });
  const key = await assetKey(cek, base64urlDecode(sealed.assetSalt), kind);
  const published = {
    salt: freshSalt(),
    org: sealed.digest,
    project: 'project-1',
    digest: sealed.digest,
    assetSalt: sealed.assetSalt,
    keyCommitment: sealed.keyCommitment,
    version: 1,
    files: sealed.inventory.files.length,
    bytes: sealed.inventory.files.reduce((sum, { size }) => sum + size, 0),
    prev: null,
    sensitivity: 'test' as const,
    specification: sealed.digest,
    attestation: sealed.digest,
  };
  return {
    asset: { asset: sealed.digest, kind, url: BASE, uploadedAt: '2026-11-22T10:00:00Z', published, access },
    key,
  };
}

/** A plan over sealed assets, under a contract of a world's terms. */
export async function planFor({
  dataset,
  algorithm,
  criteria,
  parameters = {},
  maxBits = 4096,
  minutes = 1,
  memoryGiB = 1,
}: {
  dataset: PlannedAsset;
  algorithm: PlannedAsset;
  criteria: string;
  parameters?: PayloadOf<'run.requested'>['parameters'];
  maxBits?: number;
  /** Any positive number: no contract is signed here, and tests are in a hurry. */
  minutes?: number;
  memoryGiB?: number;
}): Promise<Plan> {
  const now = Date.parse('2026-11-22T10:00:00Z');
  const world = await createWorld({ book: memoryBook('ledger.test'), origin: 'ledger.test', now });
  await announceKeks(world);
  const contract = draftContract(world, await publishAssets(world), (draft) => ({
    ...draft,
    room: { ...draft.room, maxMinutes: minutes },
    output: { ...draft.output, maxBits },
  }));
  const run: Digest = `sha256:${'1'.repeat(64)}`;
  const request: PayloadOf<'run.requested'> = {
    salt: freshSalt(),
    contract: run,
    contracts: [run],
    project: 'project-1',
    runConfiguration: 'configuration-1',
    datasets: [dataset.asset],
    algorithm: algorithm.asset,
    criteria: run,
    parameters,
    vcpu: 1,
    memoryGiB,
  };
  const manifest = await buildManifest(run, request, [], 'simulated');
  const manifestBytes = encodeManifest(manifest);
  return {
    run,
    project: 'project-1',
    runConfiguration: 'configuration-1',
    request,
    contracts: [{ digest: run, contract }],
    manifest,
    manifestBytes,
    manifestHash: await sha256(manifestBytes),
    datasets: [dataset],
    algorithm,
    criteria,
    statements: [],
  };
}
