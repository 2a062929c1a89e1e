// Work on many items, a few at a time.
const AT_A_TIME = 4;

/** Runs for each item, in order of starting; when one fails no more are started, and all have ended when this settles. */
export async function forEachFew<T>(
  items: readonly T[],
  run: (item: T, index: number) => Promise<void>,
  atATime = AT_A_TIME,
): Promise<void> {
  let next = 0;
  let failed = false;
  const lanes = Array.from({ length: atATime }, async () => {
    while (next < items.length && !failed) {
      const index = next++;
      const item = items[index];
      try {
        if (item !== undefined) await run(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  });
  const results = await Promise.allSettled(lanes);
  const failure = results.find((result) => result.status === 'rejected');
  if (failure) throw failure.reason;
}
