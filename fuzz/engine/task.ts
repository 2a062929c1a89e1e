// What the main thread tells the thread that fuzzes, and the memory that both see.
export type Task = {
  readonly family: string;
  /** The module with FAMILIES; the project's own when left out. */
  readonly source?: string;
  readonly seed: number;
  readonly executions: number | undefined;
  /** Executions of each target. */
  readonly each: number | undefined;
  /** Only targets whose name has one of these in it; all when there is none. */
  readonly targets: readonly string[];
  /** Milliseconds since 1970. */
  readonly end: number | undefined;
  readonly coverage: 'feedback' | 'count' | 'none';
  readonly large: number;
  /** Int32: executions begun, target, length of the input; then the input itself. */
  readonly shared: SharedArrayBuffer;
};

export const SHARED_HEAD = 12;
export const SHARED_INPUT = 4 * 1024 * 1024;
