// Runs an untrusted algorithm package at the isolation level that the caller has chosen; never at a weaker one.
import { SandboxError } from './error.ts';
import { runIsolated } from './run-isolated.ts';
import { runUnconfined } from './run-unconfined.ts';
import type { Limits, SandboxOptions, SandboxResult } from './types.ts';

export { detectIsolation } from './detect.ts';
export { SandboxError } from './error.ts';
export { hasSpace } from './stage.ts';
export type {
  ApiPlace,
  Limits,
  SandboxFile,
  SandboxLevel,
  SandboxOptions,
  SandboxResult,
  ServedApi,
} from './types.ts';

const MAX_TIMER_MS = 2 ** 31 - 1;

function checkLimits(limits: Limits): void {
  const { cpus, memoryBytes, processes, wallMs, outputBytes, scratchBytes = 1 } = limits;
  const whole = [memoryBytes, processes, wallMs, outputBytes, scratchBytes].every(Number.isSafeInteger);
  if (
    !whole ||
    !(cpus > 0 && cpus <= 4096) ||
    memoryBytes < 64 * 1024 * 1024 ||
    processes < 4 ||
    wallMs < 1 ||
    wallMs > MAX_TIMER_MS ||
    outputBytes < 0 ||
    scratchBytes < 1
  ) {
    throw new SandboxError(
      'sandbox/bad-limits',
      'Limits are whole numbers: memory from 64 MiB, 4 processes or more, up to 24 days.',
    );
  }
}

/**
 * Runs the package to its end and leaves neither process nor file behind.
 * @returns how the algorithm ended; whatever it does is a result.
 * @throws SandboxError when it could not be run, in particular `sandbox/start-failed`, `sandbox/unavailable`,
 *   `sandbox/bad-limits`, `sandbox/bad-workdir`, `sandbox/bad-command`, `sandbox/bad-package`, `sandbox/no-room`,
 *   `sandbox/forwarder-lost`.
 */
export async function runSandboxed(options: SandboxOptions): Promise<SandboxResult> {
  checkLimits(options.limits);
  const words = [...options.command, ...Object.entries(options.environment).flat()];
  if (
    options.command.length === 0 ||
    options.command[0] === '' ||
    words.some((word) => word.includes('\0'))
  ) {
    throw new SandboxError(
      'sandbox/bad-command',
      'The Dockerfile needs an ENTRYPOINT in its exec form, ["run.sh"].',
    );
  }
  return options.level === 'process' ? runIsolated(options) : runUnconfined(options);
}
