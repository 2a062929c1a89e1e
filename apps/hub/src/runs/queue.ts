// The queue of approved runs: pg-boss, one queue for each kind of room (simulator key, room program, isolation), since a job
// can only be handed to who may have it. A run stands once in each queue that fits; whoever takes it first has it, and the
// row of the run decides that.
import { canonicalBytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { fromKysely, PgBoss } from 'pg-boss';
import type { Log } from '@sealroom/host';
import type { Tx } from '../db.ts';
import type { RoomKind } from './rules.ts';

type Job = { readonly id: string; readonly run: Digest };

export type Queue = {
  /** Makes the queues, outside any transaction. */
  prepare(kinds: readonly RoomKind[]): Promise<void>;
  /** Puts the run into the queues of these kinds when the transaction commits. @param delaySeconds not before that */
  send(tx: Tx, run: Digest, kinds: readonly RoomKind[], delaySeconds?: number): Promise<void>;
  /** The next job of a kind; it comes back unless it is done within a minute. */
  fetch(kind: RoomKind): Promise<Job | undefined>;
  done(tx: Tx, kind: RoomKind, job: Job): Promise<void>;
  stop(): Promise<void>;
};

async function nameOf(kind: RoomKind): Promise<string> {
  const digest = await sha256Digest(canonicalBytes(kind));
  return `room-${digest.slice('sha256:'.length, 'sha256:'.length + 40)}`;
}

const OPTIONS = { expireInSeconds: 60, retryLimit: 1000, retryDelay: 1, deleteAfterSeconds: 86_400 };

export async function openQueue({ url, log }: { url: string; log: Log }): Promise<Queue> {
  const boss = new PgBoss({ connectionString: url, max: 3, schedule: false });
  boss.on('error', (error) => log.failure('database.error', error, {}));
  await boss.start();
  const ready = new Map<string, Promise<string>>();

  const make = async (name: string): Promise<string> => {
    await boss.createQueue(name, OPTIONS);
    return name;
  };
  const queue = async (kind: RoomKind): Promise<string> => {
    const name = await nameOf(kind);
    const made = ready.get(name) ?? make(name);
    ready.set(name, made);
    made.catch(() => ready.delete(name));
    return made;
  };

  return {
    prepare: async (kinds) => {
      for (const kind of kinds) await queue(kind);
    },
    send: async (tx, run, kinds, delaySeconds = 0) => {
      const db = fromKysely(tx);
      for (const kind of kinds)
        await boss.send(await nameOf(kind), { run }, { db, startAfter: delaySeconds, ...OPTIONS });
    },
    fetch: async (kind) => {
      const [job] = await boss.fetch<{ run: Digest }>(await queue(kind));
      return job && { id: job.id, run: job.data.run };
    },
    done: async (tx, kind, job) => {
      await boss.complete(await nameOf(kind), job.id, null, { db: fromKysely(tx) });
    },
    stop: () => boss.stop({ graceful: false, close: true }),
  };
}
