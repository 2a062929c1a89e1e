// One question over HTTP to what a platform has beside the machine: a Unix socket, or an address that only the machine reaches.
import { request, type RequestOptions } from 'node:http';
import { codeOf } from '../problem.ts';
import { ProviderError } from './error.ts';

export type HttpAnswer = { readonly status: number; readonly text: string };

export type HttpQuestion = {
  /** As errors name it, such as "Azure's metadata service". */
  readonly who: string;
  readonly where: Pick<RequestOptions, 'socketPath' | 'host' | 'port' | 'path' | 'method'>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Characters of the largest answer. */
  readonly largest: number;
  readonly timeoutMs: number;
};

/** Its whole answer, with any status; redirections are not followed. @throws provider/unavailable · provider/too-large */
export async function askHttp({
  who,
  where,
  headers: given = {},
  body = '',
  largest,
  timeoutMs,
}: HttpQuestion): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const headers = {
    ...given,
    ...(body !== '' && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  const signal = AbortSignal.timeout(timeoutMs);
  const asked = request({ ...where, headers, agent: false, signal });
  asked.once('error', reject);
  asked.once('response', (response) => {
    const parts: Buffer[] = [];
    let length = 0;
    response.on('data', (part: Buffer) => {
      length += part.length;
      if (length > largest)
        asked.destroy(
          new ProviderError('provider/too-large', `The answer of ${who} is larger than it can be.`),
        );
      else parts.push(part);
    });
    response.once('error', reject);
    response.once('end', () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('latin1') }),
    );
  });
  asked.end(body);
  return promise.catch((cause: unknown) => {
    if (cause instanceof ProviderError) throw cause;
    throw new ProviderError(
      'provider/unavailable',
      `${who} cannot be reached (${codeOf(cause) ?? 'no answer'}).`,
      { cause },
    );
  });
}
