// What the ledger's tests share: an admission that takes any bytes, and a ledger in a fresh temporary directory.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bytes, concat, utf8Encode } from '@sealroom/bytes';
import { ed25519Signer, generateSecret, type Signer } from '@sealroom/cose';
import { PUBLIC_SUBJECT_KEY, subjectKey } from '@sealroom/tlog';
import type { Admission } from './admission.ts';
import { type Disk, openDisk } from './disk.ts';
import { type Ledger, openLedger } from './ledger.ts';

export const ORIGIN = 'ledger.test/log';
export const PRIVATE_KEY = await subjectKey(utf8Encode('the salt of a contract'));

/** A refusal as an admission throws it. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(`refused: ${code}`);
    this.code = code;
  }
}

/** Takes everything but bytes that begin with `bad`; what begins with `private` is about a contract. */
export function fakeAdmission(committed: number[] = []): Admission {
  return {
    async admit(bytes) {
      await Promise.resolve();
      const text = new TextDecoder().decode(bytes);
      if (text.startsWith('bad')) throw new Refused('statement/unknown-type');
      return {
        subjectKey: text.startsWith('private') ? PRIVATE_KEY : PUBLIC_SUBJECT_KEY,
        commit: (index) => {
          committed.push(index);
        },
      };
    },
  };
}

export type Fixture = {
  readonly data: string;
  readonly signer: Signer;
  readonly disk: Disk;
  open(disk?: Disk): Promise<Ledger>;
  remove(): Promise<void>;
};

export async function fixture(): Promise<Fixture> {
  const data = await mkdtemp(join(tmpdir(), 'sealroom-ledger-'));
  const signer = await ed25519Signer(generateSecret());
  const disk = openDisk(data);
  return {
    data,
    signer,
    disk,
    open: (other = disk) =>
      openLedger({ disk: other, signer, origin: ORIGIN, createAdmission: () => fakeAdmission() }),
    remove: () => rm(data, { recursive: true, force: true }),
  };
}

/** Statement number `i`, in a fake form. */
export function statement(i: number, prefix = 'public'): Bytes {
  return concat(utf8Encode(`${prefix} ${i}`));
}
