// What the Enclave API needs of the room. No cryptography and no contract here: decrypted bytes come from `openFile`, and
// what may leave is judged by `gateReport`.
import type { Json, JsonObject } from '@sealroom/bytes';

export type DataFile = {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  /** RFC 3339 UTC. */
  readonly uploadDate: string;
};

/** Both ends are included, as in HTTP. */
export type ByteRange = { readonly start: number; readonly end: number };

export type ReportStatus = 'In Progress' | 'Completed' | 'Failed';

export type Report = { readonly name: string; readonly data: Json };

/** `messages` by field, as the manual's validation answer; they must not hold values of the report. */
export type GateVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly messages: Readonly<Record<string, readonly string[]>> };

export type LogEntry = {
  /** `report` for a report that was posted as In Progress or Failed; its message is the JSON text of its data. */
  readonly source: 'log' | 'report';
  readonly message: string;
  readonly status: ReportStatus | undefined;
};

export type EnclaveApiOptions = {
  readonly files: readonly DataFile[];
  /** The bytes of one listed file, of the range only if one is given; undefined if it is no longer there. */
  readonly openFile: (
    name: string,
    range?: ByteRange,
  ) => Promise<
    | { readonly size: number; readonly stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> }
    | undefined
  >;
  /** Judges a report's data. A schema that the algorithm sent along can only make it stricter. */
  readonly gateReport: (data: Json, schema: JsonObject | undefined) => Promise<GateVerdict>;
  /** Takes the first Completed report that passed; `final` if the run has ended already. */
  readonly submitReport: (report: Report) => Promise<'accepted' | 'final'>;
  /** The algorithm says that it has failed: the run ends as failed. */
  readonly failRun: (report: Report) => Promise<void>;
  readonly postLog: (entry: LogEntry) => Promise<void>;
  readonly ids: { readonly project: string; readonly runConfiguration: string; readonly run: string };
  readonly limits?: { readonly reportBytes: number; readonly logBytes: number };
  /** Told what went wrong inside the room; the algorithm sees only a 500. */
  readonly onError?: (cause: unknown) => void;
};
