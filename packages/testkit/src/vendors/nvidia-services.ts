// NVIDIA's two services beside GPUs, as a server on this machine answers: reference manifests by id, as JSON around the signed XML
// (its members as NVIDIA's service writes them), and answers on revocation to RFC 6960's questions by POST. They answer for a fake
// NVIDIA; a test can have any answer be another.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { hexEncode } from '@sealroom/bytes';
import { type Authority, type FakeGpu, type FakeNvidia, gpuManifests } from './nvidia-gpu.ts';
import { issueOcspResponse, type OcspOptions } from './issue-ocsp.ts';
import type { VendorAnswer, VendorAnswers, VendorHandler } from './services.ts';

export const OCSP_PATH = '/ocsp';
export const DRIVER_PATH = '/v1/rim/NV_GPU_DRIVER_GH100_590.12';
export const VBIOS_PATH = '/v1/rim/NV_GPU_VBIOS_G520_0200_885_9600A50001';

const LARGEST_QUESTION = 4096;
/** OCSPResponse with the status `unauthorized`: the responder has no such certificate. */
const UNAUTHORIZED = new Uint8Array([0x30, 0x03, 0x0a, 0x01, 0x06]);

/** The contents of the elements of which these bytes consist; lengths of one or two octets. */
function elements(bytes: Uint8Array): { readonly tag: number; readonly content: Uint8Array }[] {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const [tag = 0, first = 0, second = 0] = bytes.subarray(at);
    const long = first === 0x81;
    if (first > 0x81) throw new Error('The question is longer than questions are.');
    const start = at + (long ? 3 : 2);
    const end = start + (long ? second : first);
    if (end > bytes.length) throw new Error('The question is cut short.');
    found.push({ tag, content: bytes.subarray(start, end) });
    at = end;
  }
  return found;
}

/** The serial number that a question asks about. @throws when it is no question with one CertID and nothing else */
export function askedSerial(question: Uint8Array): number {
  let inside = elements(question);
  // OCSPRequest, TBSRequest, requestList, Request, CertID
  for (let depth = 0; depth < 5; depth++) {
    const [only, ...others] = inside;
    if (only?.tag !== 0x30 || others.length > 0) throw new Error('The question has another shape.');
    inside = elements(only.content);
  }
  const [, name, key, serial] = inside;
  if (inside.length !== 4 || name?.content.length !== 20 || key?.content.length !== 20)
    throw new Error('The question names its certificate in another way.');
  return Number.parseInt(hexEncode(serial?.content ?? new Uint8Array()), 16);
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > LARGEST_QUESTION) throw new Error('The question is longer than questions are.');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export type Responder = {
  readonly answers: VendorAnswers;
  /** Serial numbers in the order in which they were asked for. */
  readonly questions: number[];
  /** What is answered instead, by serial number. */
  readonly instead: Map<number, Uint8Array | VendorAnswer>;
  /** Changes each answer. */
  change: (serial: number) => Partial<OcspOptions>;
};

/** @param paths from a certificate to the root above it; each but the root is answered for. @param at when answers are issued */
export function fakeResponder(paths: readonly (readonly Authority[])[], at: () => number): Responder {
  const issuers = new Map(
    paths.flatMap((path) =>
      path.slice(0, -1).map((one, index) => [one.serial, path[index + 1] ?? one] as const),
    ),
  );
  const answerTo = async (question: Uint8Array): Promise<VendorAnswer> => {
    const serial = askedSerial(question);
    made.questions.push(serial);
    const other = made.instead.get(serial);
    const issuer = issuers.get(serial);
    const headers = { 'content-type': 'application/ocsp-response' };
    if (other) return other instanceof Uint8Array ? { headers, body: other } : other;
    if (!issuer) return { headers, body: UNAUTHORIZED };
    const window = { thisUpdate: at() - 3_600_000, nextUpdate: at() + 86_400_000 };
    const body = await issueOcspResponse({ issuer: issuer.key, serial, ...window, ...made.change(serial) });
    return { headers, body };
  };
  const handle: VendorHandler = (request, response) => {
    const asks = request.method === 'POST' && request.headers['content-type'] === 'application/ocsp-request';
    const answered = asks ? bodyOf(request).then(answerTo) : Promise.reject(new Error('No question.'));
    void answered.then(
      ({ status = 200, headers = {}, body }) => response.writeHead(status, headers).end(body),
      () => response.writeHead(400).end(),
    );
  };
  const made: Responder = {
    answers: new Map([[OCSP_PATH, handle]]),
    questions: [],
    instead: new Map(),
    change: () => ({}),
  };
  return made;
}

/** As NVIDIA's service writes it. */
export function manifestAnswer(id: string, manifest: string): VendorAnswer {
  const bytes = Buffer.from(manifest);
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      id,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      rim: bytes.toString('base64'),
      rim_format: 'TCG',
      last_updated: '2026-11-01T09:05:11.595000',
      request_id: '00000000-0000-4000-8000-000000000000',
    }),
  };
}

/** Both manifests of the made-up GPUs' versions, by path. */
export async function manifestAnswers(nvidia: FakeNvidia): Promise<VendorAnswers> {
  const { driver, vbios } = await gpuManifests(nvidia);
  return new Map([
    [DRIVER_PATH, manifestAnswer('NV_GPU_DRIVER_GH100_590.12', driver)],
    [VBIOS_PATH, manifestAnswer('NV_GPU_VBIOS_G520_0200_885_9600A50001', vbios)],
  ]);
}

/** The paths that are asked about: of each GPU above its signing key, and of who signs manifests. */
export function askedPaths(nvidia: FakeNvidia, gpus: readonly FakeGpu[]): Authority[][] {
  return [
    ...gpus.map(({ path }) => [...path.slice(1), nvidia.root]),
    [...nvidia.manifestPath, nvidia.manifestRoot],
  ];
}
