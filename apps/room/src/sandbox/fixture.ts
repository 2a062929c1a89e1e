// Test support: runs a small package given as data. Stands nearly alone (node: imports, this folder, `linux` and `few` of host), so that a copy can be started as another user; started by itself it reads the run from stdin and prints its outcome.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { findProgram } from '@sealroom/host/linux';
import { canReach } from './identity.ts';
import {
  type ApiPlace,
  type Limits,
  runSandboxed,
  type SandboxFile,
  type SandboxResult,
  type ServedApi,
} from './sandbox.ts';
import type { SandboxLevel } from './types.ts';

/**
 * A program in Python that fills memory; slow enough for the watch that stands in for a control group to look between the limit
 * and the backstop.
 */
export const HOG =
  'import time\nhog = []\nwhile True: hog.append(bytearray(b"x" * (8 << 20))); time.sleep(0.02)';

export type Spec = {
  readonly level: SandboxLevel;
  readonly files: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly workdir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly limits?: Partial<Limits>;
  readonly extraFiles?: readonly SandboxFile[];
  readonly pythonPath?: string;
  /** Milliseconds after which the run is cancelled. */
  readonly cancelAfter?: number;
};

export type Outcome = { readonly result: SandboxResult; readonly stdout: string; readonly stderr: string };

export const LIMITS: Limits = {
  cpus: 2,
  memoryBytes: 512 * 1024 * 1024,
  processes: 64,
  wallMs: 30_000,
  outputBytes: 1_000_000,
  scratchBytes: 64 * 1024 * 1024,
};

/** Answers every connection with what it sends. */
function echo(place: ApiPlace): Promise<ServedApi> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.kind === 'socket' ? place.socketPath : 0, () =>
      resolve({ url: 'https://localhost:1', close: async () => void server.close() }),
    );
  });
}

/** Writes a package to a fresh folder. */
export function layOut(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), `sealroom-package-${process.pid}-`));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

export async function runSpec(
  spec: Spec,
  serveApi: (place: ApiPlace) => Promise<ServedApi> = echo,
): Promise<Outcome> {
  const root = layOut(spec.files);
  const output = { stdout: '', stderr: '' };
  try {
    const result = await runSandboxed({
      level: spec.level,
      root,
      workdir: spec.workdir ?? '/app',
      command: spec.command,
      environment: spec.environment ?? {},
      files: [{ name: 'parameters.json', content: '{"ITERATIONS":"7"}' }, ...(spec.extraFiles ?? [])],
      ...(spec.pythonPath === undefined
        ? {}
        : { pythonPath: spec.pythonPath, pythonPackages: ['EnclaveSDK'] }),
      spool: tmpdir(),
      serveApi,
      limits: { ...LIMITS, ...spec.limits },
      onLog(stream, chunk) {
        output[stream] += Buffer.from(chunk).toString('utf8');
      },
      ...(spec.cancelAfter === undefined ? {} : { signal: AbortSignal.timeout(spec.cancelAfter) }),
    });
    return { result, ...output };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The same in a process of an ordinary user, from a copy of this folder that the user can read. */
export async function runSpecAs(uid: number, spec: Spec): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-user-'));
  try {
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    cpSync(import.meta.dirname, join(folder, 'sandbox'), { recursive: true });
    const groups = fileURLToPath(import.meta.resolve('@sealroom/host/linux'));
    cpSync(dirname(groups), join(folder, 'host'), { recursive: true });
    copyFileSync(fileURLToPath(import.meta.resolve('@sealroom/host/few')), join(folder, 'host', 'few.ts'));
    const exported = { type: 'module', exports: { './linux': './index.ts', './few': './few.ts' } };
    writeFileSync(join(folder, 'host', 'package.json'), JSON.stringify(exported));
    mkdirSync(join(folder, 'node_modules', '@sealroom'), { recursive: true });
    symlinkSync('../../host', join(folder, 'node_modules', '@sealroom', 'host'));
    let node = realpathSync(process.execPath);
    if (!canReach(node, { uid, gid: uid, dedicated: true })) {
      copyFileSync(node, join(folder, 'node'));
      node = join(folder, 'node');
      chmodSync(node, 0o755);
    }
    const drop = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--', node];
    const child = spawn(findProgram('setpriv') ?? '', [...drop, join(folder, 'sandbox', 'fixture.ts')], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', ...(process.env['TMPDIR'] === undefined ? {} : { TMPDIR: tmpdir() }) },
    });
    child.stdin.end(JSON.stringify(spec));
    return JSON.parse(await text(child.stdout)) as Outcome;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const spec = JSON.parse(await text(process.stdin)) as Spec;
  process.stdout.write(JSON.stringify(await runSpec(spec)));
}
