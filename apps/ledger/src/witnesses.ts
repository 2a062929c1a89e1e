// The ledger's side of C2SP tlog-witness: after each group of appends, and when a reader asks for younger lines, every witness
// is sent the newest checkpoint with a proof from the one it cosigned last. No append waits for that, and a witness that
// fails is passed over until its turn comes again. What a witness says counts only with its signature; that it knows a larger
// tree, or another history, counts as a warning, since the log may have been set back to a copy.
// Lines are kept in memory: after a restart the witnesses are asked again. Decided elsewhere: which witnesses a reader wants.
import type { Bytes } from '@sealroom/bytes';
import {
  consistencyProof,
  formatAddCheckpoint,
  parseDecimal,
  readCosignature,
  type Witness,
} from '@sealroom/tlog';
import { hashNode } from './edge.ts';
import { LedgerError } from './error.ts';
import type { Head } from './state.ts';

/** A witness and how to ask it: sends the body of `add-checkpoint`, and gives status and body of the answer. */
export type WitnessLink = Witness & {
  ask(body: string, signal: AbortSignal): Promise<{ readonly status: number; readonly body: string }>;
};

/** A head, and its checkpoint with the lines that witnesses gave for it. */
export type Witnessed = { readonly head: Head; readonly note: string };

export type Witnesses = {
  /** The present head's note, with the lines there are. */
  note(): string;
  /**
   * Answers when every witness was asked about a head not older than the present one, with lines not older than `maxAgeMs`
   * where a witness gave one.
   */
  witnessed(maxAgeMs: number): Promise<Witnessed>;
  /** Asks about the present head, if that was not done; returns at once. */
  wake(): void;
  /** Why a witness did not cosign when it was asked last. */
  problems(): ReadonlyMap<string, Error>;
  close(): Promise<void>;
};

export type WitnessesOptions = {
  readonly links: readonly WitnessLink[];
  readonly head: () => Head;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly onProblem: (witness: string, error: Error) => void;
};

const TIMEOUT_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

type Line = {
  readonly size: number;
  readonly text: string;
  /** When the witness was asked, by this ledger's clock: the two clocks may differ, and readers hold theirs against the line. */
  readonly at: number;
};

/** What is known of one witness. */
class Contact {
  readonly link: WitnessLink;
  line: Line | undefined;
  problem: Error | undefined;
  /** Size of the tree that the witness cosigned last, as far as it is known. */
  #size = 0;
  #failures = 0;
  #notBefore = 0;

  constructor(link: WitnessLink) {
    this.link = link;
  }

  /** Whether the witness may be asked; one that failed is left alone for a while. */
  ready(now: number): boolean {
    return now >= this.#notBefore;
  }

  async ask(head: Head, now: number, signal: AbortSignal): Promise<void> {
    try {
      this.line = { ...(await this.#cosign(head, signal)), at: now };
      [this.problem, this.#failures, this.#notBefore] = [undefined, 0, 0];
    } catch (error) {
      this.problem = error instanceof Error ? error : new Error('The witness failed.');
      this.#notBefore = now + Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
      this.#failures += 1;
    }
  }

  async #cosign(head: Head, signal: AbortSignal): Promise<Omit<Line, 'at'>> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const oldSize = this.#size;
      const proof = await proofFrom(head, oldSize);
      const body = formatAddCheckpoint({ oldSize, proof, checkpoint: head.note });
      const answer = await this.link.ask(body, signal);
      if (answer.status === 200) {
        const { line } = await readCosignature(head.note, answer.body, this.link);
        this.#size = head.size;
        return { size: head.size, text: line };
      }
      if (answer.status === 422) throw refused('ledger/witness-conflict', this.link.name);
      if (answer.status !== 409) throw refused('ledger/witness-refused', this.link.name);
      this.#size = readSize(answer.body, this.link.name);
      if (this.#size > head.size) throw refused('ledger/witness-ahead', this.link.name);
    }
    throw refused('ledger/witness-refused', this.link.name);
  }
}

function proofFrom(head: Head, size: number): Promise<readonly Bytes[]> {
  if (size === 0 || size >= head.size) return Promise.resolve([]);
  return consistencyProof(head.read, size, head.size, hashNode);
}

/** The body of an answer with status 409. */
function readSize(body: string, name: string): number {
  const size = body.endsWith('\n') ? parseDecimal(body.slice(0, -1)) : undefined;
  if (size !== undefined) return size;
  throw refused('ledger/witness-refused', name);
}

function refused(
  code: 'ledger/witness-ahead' | 'ledger/witness-conflict' | 'ledger/witness-refused',
  name: string,
): LedgerError {
  const what = {
    'ledger/witness-ahead':
      'has cosigned a larger tree of this log. Was the log set back to a copy? Restore the newest one.',
    'ledger/witness-conflict': 'has cosigned another history of this log. Restore the one that it has seen.',
    'ledger/witness-refused': 'does not cosign. Does it watch this log, under its origin and key?',
  };
  return new LedgerError(code, `The witness ${JSON.stringify(name)} ${what[code]}`);
}

/** Whether a problem says that this log is not the one that the witness saw. */
export function isSetBack(error: Error): boolean {
  return (
    error instanceof LedgerError &&
    (error.code === 'ledger/witness-ahead' || error.code === 'ledger/witness-conflict')
  );
}

class Collector implements Witnesses {
  readonly #options: WitnessesOptions;
  readonly #contacts: readonly Contact[];
  readonly #stop = new AbortController();
  /** The last head that all witnesses were asked about. */
  #asked: Head | undefined;
  #round: Promise<void> | undefined;
  #awake = false;

  constructor(options: WitnessesOptions) {
    this.#options = options;
    this.#contacts = options.links.map((link) => new Contact(link));
  }

  note(): string {
    return this.#noteOf(this.#options.head());
  }

  async witnessed(maxAgeMs: number): Promise<Witnessed> {
    const { size } = this.#options.head();
    // The round that runs may be about an older head; the one after it is not.
    for (let rounds = 0; rounds < 2 && !this.#isAsked(size, maxAgeMs); rounds++) await this.#ask();
    const head = this.#asked ?? this.#options.head();
    return { head, note: this.#noteOf(head) };
  }

  wake(): void {
    if (!this.#awake && this.#contacts.length > 0) void this.#catchUp();
  }

  problems(): ReadonlyMap<string, Error> {
    return new Map(
      this.#contacts.flatMap(({ link, problem }) => (problem ? [[link.name, problem] as const] : [])),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#round;
  }

  /** Everybody was asked about a head of this size, and gave a young line or may not be asked now. */
  #isAsked(size: number, maxAgeMs: number): boolean {
    const asked = this.#asked;
    if (!asked || asked.size < size) return this.#contacts.length === 0;
    const now = this.#options.clock();
    const isYoung = ({ line }: Contact) => line?.size === asked.size && now - line.at <= maxAgeMs;
    return this.#contacts.every((contact) => isYoung(contact) || !contact.ready(now));
  }

  /** One round, or the one that runs. */
  #ask(): Promise<void> {
    this.#round ??= this.#oneRound(this.#options.head()).finally(() => {
      this.#round = undefined;
    });
    return this.#round;
  }

  async #catchUp(): Promise<void> {
    this.#awake = true;
    while (this.#asked?.size !== this.#options.head().size && !this.#stop.signal.aborted) await this.#ask();
    this.#awake = false;
  }

  async #oneRound(head: Head): Promise<void> {
    const { clock, onProblem } = this.#options;
    const now = clock();
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const ready = this.#contacts.filter((contact) => contact.ready(now));
    await Promise.all(ready.map((contact) => contact.ask(head, now, signal)));
    this.#asked = head;
    if (this.#stop.signal.aborted) return;
    for (const { link, problem } of ready) if (problem) onProblem(link.name, problem);
  }

  #noteOf(head: Head): string {
    const lines = this.#contacts.flatMap(({ line }) => (line?.size === head.size ? [line.text] : []));
    return head.note + lines.join('');
  }
}

/** The options of a ledger that asks nobody. */
export const NO_WITNESSES: Omit<WitnessesOptions, 'head'> = {
  links: [],
  clock: () => 0,
  onProblem: () => undefined,
};

/** Starts asking about the present head. Without witnesses everything answers at once. */
export function collectCosignatures(options: WitnessesOptions): Witnesses {
  const collector = new Collector(options);
  collector.wake();
  return collector;
}
