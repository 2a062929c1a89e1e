// Refusals leave on a grid of time, so that when they leave tells little about their cause.
import { setTimeout as delay } from 'node:timers/promises';
import type { Vault } from '../context.ts';

/** Waits for the next multiple of the grid since `started`. */
export async function untilGrid({ timing }: Pick<Vault, 'timing'>, started: number): Promise<void> {
  if (timing.gridMs <= 0) return;
  const passed = performance.now() - started;
  await delay(Math.ceil(passed / timing.gridMs) * timing.gridMs - passed);
}
