// One at a time for each key: what must not overlap inside this process (the database guards the rest).

export type Turns = <Result>(key: string, work: () => Promise<Result>) => Promise<Result>;

/** A queue for each key; keys that nobody waits for are forgotten. */
export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return (key, work) => {
    const before = last.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    last.set(key, settled);
    void settled.then(() => {
      if (last.get(key) === settled) last.delete(key);
    });
    return turn;
  };
}
