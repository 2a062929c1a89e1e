// RSA-4096 pairs made ahead of time: one takes a tenth of a second to some seconds, and people should not wait for it.
import type { Bytes } from '@sealroom/bytes';
import { generateKekPair } from '@sealroom/seal';

export type KekPair = { readonly publicDer: Bytes; readonly privatePkcs8: Bytes };
export type KekPool = {
  /** A pair that nobody else gets. */
  take(): Promise<KekPair>;
};

/** @param size how many pairs wait; 0 makes each when it is asked for */
export function createKekPool(size: number, make: () => Promise<KekPair> = generateKekPair): KekPool {
  const ready: Promise<KekPair>[] = [];
  const add = (): void => {
    const pair = make();
    // A failure is told to who takes the pair, not to the process.
    pair.catch(() => undefined);
    ready.push(pair);
  };
  while (ready.length < size) add();
  return {
    take: async () => {
      const pair = ready.shift() ?? make();
      const found = await pair;
      if (ready.length < size) add();
      return found;
    },
  };
}
