// Tells who waits in this process that something may have come. Another hub's work is found by looking now and then.
export type Bell = {
  /** Resolves at the next ring after this call. */
  next(): Promise<void>;
  ring(): void;
};

export function createBell(): Bell {
  let waiting = Promise.withResolvers<void>();
  return {
    next: () => waiting.promise,
    ring: () => {
      waiting.resolve();
      waiting = Promise.withResolvers<void>();
    },
  };
}
