// Makes an input smaller while it still does the same: chunks are left out, then bytes become plain ones.
import { concat } from '@sealroom/bytes';

/**
 * @param still whether a smaller input shows the same violation
 * @param most executions spent
 */
export async function shrink(
  input: Uint8Array,
  still: (candidate: Uint8Array) => Promise<boolean>,
  most = 3000,
): Promise<Uint8Array> {
  let best = input;
  let left = most;
  for (let size = Math.max(1, best.length >> 1); size >= 1 && left > 0; size = size >> 1) {
    for (let at = 0; at < best.length && left > 0; left--) {
      const candidate = concat(best.subarray(0, at), best.subarray(at + size));
      if (await still(candidate)) best = candidate;
      else at += size;
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0x61) continue;
    left--;
    const candidate = new Uint8Array(best);
    candidate[at] = 0x61;
    if (await still(candidate)) best = candidate;
  }
  return best;
}
