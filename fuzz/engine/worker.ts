// The thread in which a family is fuzzed. It writes each input to shared memory before it runs it, so that the main thread
// can save the one that never ends or that takes all memory.
import { parentPort, workerData } from 'node:worker_threads';
import { runCampaign } from './campaign.ts';
import type { Coverage } from './coverage.ts';
import type { Family } from './target.ts';
import { SHARED_HEAD, SHARED_INPUT, type Task } from './task.ts';

const PROGRESS_MS = 1000;

type Families = { readonly FAMILIES: { readonly [name: string]: () => Promise<Family> } };

async function familyOf({ family, targets: wanted, source = '../families/index.ts' }: Task): Promise<Family> {
  const { FAMILIES } = (await import(source)) as Families;
  const load = FAMILIES[family];
  if (load === undefined) throw new Error(`There is no family ${family}.`);
  const whole = await load();
  if (wanted.length === 0) return whole;
  const targets = whole.targets.filter(({ name }) => wanted.some((part) => name.includes(part)));
  if (targets.length === 0) throw new Error(`No target of ${family} is named so: ${wanted.join(', ')}`);
  return { ...whole, targets };
}

async function work(task: Task): Promise<void> {
  let coverage: Coverage | undefined;
  if (task.coverage !== 'none') coverage = (await import('./coverage.ts')).startCoverage();
  const family = await familyOf(task);
  parentPort?.postMessage({ targets: family.targets.map(({ name }) => name) });
  coverage?.grew();
  const head = new Int32Array(task.shared, 0, 3);
  const place = new Uint8Array(task.shared, SHARED_HEAD);
  let told = 0;
  const feedback = task.coverage === 'feedback' ? { coverage } : {};
  const measured = coverage;
  const progress = await runCampaign(family, {
    seed: task.seed,
    large: task.large,
    ...(task.executions === undefined ? {} : { executions: task.executions }),
    ...(task.each === undefined ? {} : { each: task.each }),
    ...(task.end === undefined ? {} : { until: () => Date.now() >= (task.end ?? 0) }),
    ...(feedback.coverage ? { coverage: feedback.coverage } : {}),
    before: (target, input) => {
      place.set(input.subarray(0, SHARED_INPUT));
      Atomics.store(head, 1, target);
      Atomics.store(head, 2, Math.min(input.length, SHARED_INPUT));
      Atomics.add(head, 0, 1);
    },
    onFinding: (finding) => parentPort?.postMessage({ finding }),
    onProgress: (state) => {
      const now = Date.now();
      if (now - told < PROGRESS_MS) return;
      told = now;
      parentPort?.postMessage({ progress: state });
    },
  });
  measured?.grew();
  parentPort?.postMessage({ done: { ...progress, covered: measured?.covered() ?? 0 } });
}

await work(workerData as Task);
