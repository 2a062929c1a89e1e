// What a comparison counts, whatever it compares.

export interface Disagreement {
  readonly seed: number;
  readonly what: string;
  /** The request that oracle.py takes, with the one document or text that matters. */
  readonly request: string;
  readonly here: string;
  readonly there: string;
}

export interface Tally {
  cases: number;
  /** Cases by what the other side said of them. */
  readonly outcomes: Map<string, number>;
  /** Agreeing with the other side under another hash seed. */
  unordered: number;
  /** Not compared: refused here by name (what the linear-time engine does not do, a limit of size), or given up there. */
  readonly refused: Map<string, number>;
  readonly disagreements: Disagreement[];
}

export interface Plan {
  /** Cases after which it stops. */
  readonly cases: number;
  readonly seed: number;
  /** Disagreements after which it stops. */
  readonly most: number;
  readonly progress?: (tally: Tally) => void;
}

export function emptyTally(): Tally {
  return { cases: 0, outcomes: new Map(), unordered: 0, refused: new Map(), disagreements: [] };
}

export function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
