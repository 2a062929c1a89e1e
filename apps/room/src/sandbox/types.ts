// What a run of an untrusted package takes and gives back. Isolation levels: `none` (labelled, no boundary) < `process`
// (bubblewrap: namespaces, seccomp, limits).

export type SandboxLevel = 'none' | 'process';

/** What the host offers, found by trying it. `reasons` says what is missing for more and how to get it. */
export type Isolation = {
  readonly level: SandboxLevel;
  readonly reasons: readonly string[];
  /** Kind of control groups whose limits work here; with `none`, resource limits and a watch stand in. */
  readonly cgroups: 'v1' | 'v2' | 'none';
  readonly seccomp: boolean;
};

export type Limits = {
  /** Processor share in cores, for example 0.5. Enforced by control groups only. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Processes and threads together. */
  readonly processes: number;
  readonly wallMs: number;
  /** Bytes of stdout and stderr together that are passed on; the rest is discarded and counted. */
  readonly outputBytes: number;
  /** What the algorithm may write to /tmp, /dev/shm and beside itself together, beyond its package. Default 512 MiB. */
  readonly scratchBytes?: number;
};

/** Where the run needs the Enclave API to listen: the sandbox's end of its forwarder, or the host's loopback. */
export type ApiPlace =
  | { readonly kind: 'socket'; readonly socketPath: string }
  | { readonly kind: 'loopback'; readonly hostname: '127.0.0.1'; readonly preferredPort: number };

/** A listening API: `url` becomes ENCLAVE_URL at level `none`; in the sandbox that is always https://localhost:5000. */
export type ServedApi = { readonly url: string; close(): Promise<void> };

export type SandboxFile = { readonly name: string; readonly content: string | Uint8Array };

export type SandboxOptions = {
  readonly level: SandboxLevel;
  /** Folder of the laid-out package: plain files and folders. It is copied, never changed. */
  readonly root: string;
  /** The Dockerfile's WORKDIR: where the copy of the package lies inside. */
  readonly workdir: string;
  /** The Dockerfile's ENTRYPOINT in its exec form. */
  readonly command: readonly string[];
  /** Variables of the algorithm. Values that begin with the workdir or /opt/sealroom/ are moved along at level `none`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Extra read-only files, at /opt/sealroom/files/<name>. */
  readonly files: readonly SandboxFile[];
  /** Folder that holds Python packages for the algorithm (EnclaveSDK), at /opt/sealroom/python. */
  readonly pythonPath?: string;
  /** Names in that folder to take; all of it if left out. */
  readonly pythonPackages?: readonly string[];
  /** Folder to stage in when the host has no memory file system that is large enough. */
  readonly spool: string;
  /** Starts the Enclave API where the run can reach it, before the algorithm starts. */
  readonly serveApi: (place: ApiPlace) => Promise<ServedApi>;
  readonly limits: Limits;
  readonly onLog: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  readonly signal?: AbortSignal;
};

/**
 * How the algorithm ended. `exited` has the code; `signalled` the signal (a shell's code above 128 counts as one);
 * `timeout`, `memory` and `cancelled` were ended by the room.
 */
export type SandboxResult = {
  readonly exit: 'exited' | 'signalled' | 'timeout' | 'memory' | 'cancelled';
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly cpuMs: number;
  readonly peakMemoryBytes: number;
  readonly discardedOutputBytes: number;
};
