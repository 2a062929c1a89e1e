// The run itself: the algorithm's package laid out in memory, the sandbox, the Enclave API, and the gate through which the
// one final report passes (protocol.md section 8). What the algorithm prints, how it ends and what it posts besides stays
// inside; only `Execution` comes out, and only its report may leave.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  type Bytes,
  canonicalJson,
  hexEncode,
  type Json,
  type JsonObject,
  sha256,
  utf8Encode,
} from '@sealroom/bytes';
import {
  type Criteria,
  CriteriaError,
  gateReport,
  parseCriteria,
  fromPlain,
  unboxReport,
  unboxRules,
  writeValue,
} from '@sealroom/criteria';
import { createAuthority, issueCertificate, LOOPBACK_HOSTS } from '@sealroom/host/net';
import {
  type AlgorithmPackage,
  checkModules,
  PackageError,
  readPackage,
  resolveEntrypoint,
} from '@sealroom/host/package';
import { forEachFew } from '@sealroom/host/few';
import { streamRange } from '@sealroom/seal';
import { createEnclaveApi } from './enclave-api/api.ts';
import { serveEnclaveApi } from './enclave-api/serve.ts';
import type { DataFile } from './enclave-api/types.ts';
import { RoomError } from './error.ts';
import type { FailureCode } from './hub-link.ts';
import { type Plan, strictest } from './plan.ts';
import { sandboxPython } from './python.ts';
import { type OpenAsset, readAll } from './staging.ts';
import { hasSpace, runSandboxed, type SandboxLevel } from './sandbox/sandbox.ts';

export type Execution =
  | { readonly outcome: 'completed'; readonly report: Bytes }
  | { readonly outcome: 'failed'; readonly code: FailureCode };

const MEMORY_FOLDER = '/dev/shm';
const LOG_BYTES = 1024 * 1024;
const PROCESSES = 512;
/** Folder with the Python client, offered to every algorithm. */
const PYTHON_FOLDER = join(import.meta.dirname, '..', '..', '..', 'sdk', 'python');

/** Where the package's plaintext goes: a memory file system that holds it and the sandbox's copy, else the spool folder. */
async function packageFolder(spool: string, algorithm: OpenAsset): Promise<string> {
  const sizes = [...algorithm.files.values()].map((file) => file.size);
  const base = (await hasSpace(MEMORY_FOLDER, sizes, 2)) ? MEMORY_FOLDER : spool;
  // The spool folder's name stands in it, so that the node can clear up after a room that was killed.
  return mkdtemp(join(base, `sealroom-package-${basename(spool)}-`));
}

async function layOut(algorithm: OpenAsset, folder: string): Promise<void> {
  await forEachFew([...algorithm.files], async ([path, file]) => {
    const content = await readAll(file);
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 });
    const script = content[0] === 0x23 && content[1] === 0x21;
    await writeFile(join(folder, path), content, { mode: script ? 0o755 : 0o644, flag: 'wx' });
  });
}

/** @throws RoomError room/package when what was laid out cannot be started here */
async function describePackage(root: string, level: SandboxLevel): Promise<AlgorithmPackage> {
  try {
    const described = await readPackage(root);
    // Without a sandbox the package finds whatever Python the machine's own path has.
    if (level === 'process') checkModules(described.compiled, sandboxPython());
    return described;
  } catch (cause) {
    const foreign = cause instanceof PackageError && cause.code === 'package/foreign-modules';
    throw new RoomError(
      'room/package',
      foreign
        ? 'The algorithm package holds compiled modules for another Python or processor than this machine has.'
        : 'The algorithm package has no usable Dockerfile.',
      { cause },
    );
  }
}

async function listFiles(datasets: readonly OpenAsset[]): Promise<DataFile[]> {
  const listed: DataFile[] = [];
  for (const { asset, inventory } of datasets) {
    for (const { path, size } of inventory.files) {
      const hash = hexEncode(await sha256(utf8Encode(`${asset.asset}/${path}`)));
      const id = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-${hash.slice(12, 16)}-${hash.slice(16, 20)}-${hash.slice(20, 32)}`;
      listed.push({ id, name: path, size, uploadDate: asset.uploadedAt });
    }
  }
  if (new Set(listed.map((file) => file.name)).size !== listed.length) {
    throw new RoomError('room/staging', 'Two datasets of the run hold a file of the same name.');
  }
  return listed;
}

/** Bits charged for a report: what the criteria let one carry, at most what the contract allows. */
export function gateOf(plan: Plan): {
  readonly criteria: Criteria;
  readonly maxBytes: number;
  readonly maxBits: number;
} {
  const criteria = parseCriteria(plan.criteria, { mode: 'strict' });
  return {
    criteria,
    maxBytes: strictest(plan, (contract) => contract.output.maxBytes),
    maxBits: strictest(plan, (contract) => contract.output.maxBits),
  };
}

function environmentOf(plan: Plan): { [name: string]: string } {
  const ca = '/opt/sealroom/files/ca.pem';
  const parameters = Object.entries(plan.request.parameters).map(([name, value]) => [name, String(value)]);
  return {
    // The machine's processors are visible; libraries would start a thread for each of them, and a buffer for each thread.
    OMP_NUM_THREADS: String(Math.max(1, Math.ceil(plan.request.vcpu))),
    ...(Object.fromEntries(parameters) as { [name: string]: string }),
    ESCROW_PROJECT_ID: plan.project,
    ESCROW_RUN_CONFIG_ID: plan.runConfiguration,
    ESCROW_RUN_ID: plan.run,
    ESCROW_RUN_PARAMETERS_FILE: '/opt/sealroom/files/parameters.json',
    ENCLAVE_CA_FILE: ca,
    SSL_CERT_FILE: ca,
    CURL_CA_BUNDLE: ca,
    REQUESTS_CA_BUNDLE: ca,
    NODE_EXTRA_CA_CERTS: ca,
  };
}

/** The criteria that an algorithm sends along; undefined when they cannot be used, which refuses. */
function ownCriteria(schema: JsonObject): Criteria | undefined {
  try {
    const rules = unboxRules(fromPlain(schema));
    return parseCriteria(writeValue(rules), { mode: 'strict' });
  } catch (error) {
    if (error instanceof CriteriaError) return undefined;
    throw error;
  }
}

type Box = { report: Bytes | undefined; failed: boolean };

function createApi(plan: Plan, datasets: readonly OpenAsset[], files: readonly DataFile[], box: Box) {
  const gate = gateOf(plan);
  // R clients send lists of one where the criteria want one value; those are opened.
  const judge = (data: Json, schema: JsonObject | undefined) => {
    const value = unboxReport(gate.criteria, fromPlain(data));
    const verdict = gateReport({ ...gate, value });
    if (!verdict.ok) return { ok: false as const, messages: verdict.messages };
    if (schema) {
      // The caller's own schema may only make the gate stricter.
      const criteria = ownCriteria(schema);
      const own = criteria && gateReport({ ...gate, criteria, value });
      if (!own?.ok) return { ok: false as const, messages: own?.messages ?? { json_schema: ['not usable'] } };
    }
    return { ok: true as const, canonical: verdict.canonical };
  };
  return createEnclaveApi({
    files,
    ids: { project: plan.project, runConfiguration: plan.runConfiguration, run: plan.run },
    openFile: async (name, range) => {
      const file = datasets.map((item) => item.files.get(name)).find((item) => item !== undefined);
      if (!file) return undefined;
      const start = range?.start ?? 0;
      const length = range ? range.end - range.start + 1 : file.size;
      return { size: file.size, stream: streamRange(file, start, length) };
    },
    gateReport: async (data, schema) => judge(data, schema),
    submitReport: async ({ data }) => {
      if (box.report || box.failed) return 'final';
      const verdict = judge(data, undefined);
      if (!verdict.ok) return 'final';
      box.report = verdict.canonical;
      return 'accepted';
    },
    failRun: async () => {
      if (!box.report) box.failed = true;
    },
    // The contract's `logs` is `none` or `status`: no text of the algorithm leaves the room.
    postLog: async () => undefined,
  });
}

/**
 * Runs the algorithm to its end.
 * @param signal ends it early
 * @throws RoomError or SandboxError when it could not be run at all
 */
export async function execute(
  plan: Plan,
  {
    algorithm,
    datasets,
    level,
    spool,
    signal,
  }: {
    algorithm: OpenAsset;
    datasets: readonly OpenAsset[];
    level: SandboxLevel;
    spool: string;
    signal: AbortSignal;
  },
): Promise<Execution> {
  const box: Box = { report: undefined, failed: false };
  const app = createApi(plan, datasets, await listFiles(datasets), box);
  const authority = await createAuthority({ name: 'Sealroom room', days: 30 });
  const certificate = await issueCertificate(authority, { hosts: LOOPBACK_HOSTS, days: 30 });
  const root = await packageFolder(spool, algorithm);
  try {
    await layOut(algorithm, root);
    const described = await describePackage(root, level);
    const command = resolveEntrypoint(described.entrypoint, described.workdir, algorithm.files.keys());
    const result = await runSandboxed({
      level,
      root,
      workdir: described.workdir,
      command,
      environment: environmentOf(plan),
      files: [
        { name: 'ca.pem', content: authority.certPem },
        { name: 'parameters.json', content: canonicalJson(plan.request.parameters) },
      ],
      pythonPath: PYTHON_FOLDER,
      pythonPackages: ['EnclaveSDK', 'compat'],
      spool,
      serveApi: (place) =>
        serveEnclaveApi({ app, tls: { key: certificate.keyPem, cert: certificate.certPem }, place }),
      limits: {
        cpus: plan.request.vcpu,
        memoryBytes: plan.request.memoryGiB * 2 ** 30,
        processes: PROCESSES,
        wallMs: strictest(plan, (contract) => contract.room.maxMinutes) * 60_000,
        outputBytes: LOG_BYTES,
      },
      // What the algorithm prints does not leave the room.
      onLog: () => undefined,
      signal,
    });
    // A report that passed is final, but only an algorithm that also ended well has completed its run.
    if (box.report && !box.failed && result.exit === 'exited' && result.code === 0)
      return { outcome: 'completed', report: box.report };
    return { outcome: 'failed', code: 'room/no-report' };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
