// Helper programs that ask the platform what a Node program cannot: they take a request on standard input and write the answer on
// standard output. They get no variable of this process but PATH, are killed when they take too long or say too much, and what
// they say on standard error goes nowhere.
import { spawn } from 'node:child_process';
import { type Bytes, concat } from '@sealroom/bytes';
import { ProviderError } from './error.ts';

/** `words` is the program and its arguments; `timeoutMs` is how long it may take for one answer. */
export type Helper = { readonly words: readonly string[]; readonly timeoutMs: number };

/** @param failed what its operator reads when it fails, stalls or says more than `largest` bytes @throws provider/unavailable */
export async function askHelper(
  { words: helper, timeoutMs }: Helper,
  message: Uint8Array,
  { largest, failed }: { readonly largest: number; readonly failed: string },
): Promise<Bytes> {
  const [program = '', ...words] = helper;
  const { PATH } = process.env;
  const env = PATH === undefined ? {} : { PATH };
  const ends = { timeout: timeoutMs, killSignal: 'SIGKILL' } as const;
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'], ...ends, env });
  const { promise, resolve, reject } = Promise.withResolvers<Bytes>();
  let got: Bytes = new Uint8Array();
  child.stdout.on('data', (part: Uint8Array) => {
    got = concat(got, part);
    if (got.length > largest) child.kill('SIGKILL');
  });
  child.once('error', reject);
  child.once('close', (code) => {
    if (code === 0) resolve(got);
    else reject(new Error('the helper failed'));
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(message);
  return promise.catch((cause: unknown) => {
    throw new ProviderError('provider/unavailable', failed, { cause });
  });
}
