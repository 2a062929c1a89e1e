// TPM 2.0 commands as bytes (Trusted Platform Module Library, Part 3), those that evidence needs. Authorisation is an empty
// password, which is what attestation keys, registers and the memory of cloud TPMs have. Responses are checked in length and
// tag; what a quote says is verified by whoever receives it, not here.
import { type Bytes, BytesError, concat, hexDecode, Reader } from '@sealroom/bytes';
import { ProviderError } from '../error.ts';
import type { TpmTransport } from './transport.ts';

const TAG = { plain: 0x8001, sessions: 0x8002 } as const;
const COMMAND = {
  createPrimary: 0x131,
  nvRead: 0x14e,
  quote: 0x158,
  flushContext: 0x165,
  nvReadPublic: 0x169,
  readPublic: 0x173,
  pcrRead: 0x17e,
  pcrExtend: 0x182,
} as const;
export const HANDLE = { owner: 0x4000_0001, endorsement: 0x4000_000b } as const;
const PASSWORD = 0x4000_0009;
const SHA256 = 0x000b;
const NULL_ALGORITHM = 0x0010;
const NV_CHUNK = 512;
/** Bits of TPMA_NV (Part 2, 13.4). */
const NV = { ownerRead: 1 << 17, authRead: 1 << 18 } as const;
/** TPM_RC_HANDLE for the first handle: nothing is there. */
const NO_HANDLE = 0x18b;
const RETRY = 0x922;
const RETRIES = 20;

export class TpmRefusal extends ProviderError {
  readonly responseCode: number;
  constructor(what: string, responseCode: number) {
    super('provider/refused', `The TPM refused ${what} (response code 0x${responseCode.toString(16)}).`);
    this.responseCode = responseCode;
  }
}

export function uint(value: number, length: 1 | 2 | 4): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes.slice(4 - length);
}

export function sized(bytes: Uint8Array): Bytes {
  return concat(uint(bytes.length, 2), bytes);
}

type Command = {
  readonly what: string;
  readonly code: number;
  readonly handles?: readonly number[];
  /** One empty password for each of the first handles. */
  readonly passwords?: number;
  readonly parameters?: Uint8Array;
  readonly handlesBack?: number;
};

type Response = { readonly handle: number; readonly parameters: Reader };

function encode({ code, handles = [], passwords = 0, parameters = new Uint8Array() }: Command): Bytes {
  const one = concat(
    uint(PASSWORD, 4),
    sized(new Uint8Array()),
    new Uint8Array([0]),
    sized(new Uint8Array()),
  );
  const sessions = concat(...Array.from({ length: passwords }, () => one));
  const body = concat(
    uint(code, 4),
    ...handles.map((handle) => uint(handle, 4)),
    ...(passwords > 0 ? [uint(sessions.length, 4), sessions] : []),
    parameters,
  );
  return concat(uint(passwords > 0 ? TAG.sessions : TAG.plain, 2), uint(body.length + 6, 4), body);
}

function decode({ what, passwords = 0, handlesBack = 0 }: Command, bytes: Uint8Array): Response {
  const reader = new Reader(bytes);
  const tag = reader.uintBE(2);
  const size = reader.uintBE(4);
  const code = reader.uintBE(4);
  if (size !== bytes.length)
    throw new ProviderError('provider/malformed', `The TPM's answer to ${what} is cut short.`);
  if (code !== 0) throw new TpmRefusal(what, code);
  if (tag !== (passwords > 0 ? TAG.sessions : TAG.plain))
    throw new ProviderError('provider/malformed', `The TPM's answer to ${what} has another form.`);
  const handle = handlesBack > 0 ? reader.uintBE(4) : 0;
  const length = passwords > 0 ? reader.uintBE(4) : reader.remaining;
  return { handle, parameters: new Reader(reader.take(length)) };
}

async function run<T>(tpm: TpmTransport, command: Command, read: (response: Response) => T): Promise<T> {
  for (let left = RETRIES; ; left -= 1) {
    const bytes = await tpm.send(encode(command));
    try {
      return read(decode(command, bytes));
    } catch (cause) {
      if (cause instanceof TpmRefusal && cause.responseCode === RETRY && left > 0) continue;
      if (!(cause instanceof BytesError)) throw cause;
      throw new ProviderError('provider/malformed', `The TPM's answer to ${command.what} is cut short.`, {
        cause,
      });
    }
  }
}

const take = (reader: Reader) => reader.take(reader.uintBE(2));

/** Attributes and size of a place in the TPM's memory; undefined when nothing is there. */
async function nvPublic(
  tpm: TpmTransport,
  index: number,
): Promise<{ attributes: number; size: number } | undefined> {
  try {
    return await run(
      tpm,
      { what: 'to describe its memory', code: COMMAND.nvReadPublic, handles: [index] },
      ({ parameters }) => {
        const place = new Reader(take(parameters));
        place.take(6);
        const attributes = place.uintBE(4);
        take(place);
        return { attributes, size: place.uintBE(2) };
      },
    );
  } catch (error) {
    if (error instanceof TpmRefusal && error.responseCode === NO_HANDLE) return undefined;
    throw error;
  }
}

/** What lies at an index of the TPM's memory; undefined when nothing is there. @throws ProviderError */
export async function nvRead(tpm: TpmTransport, index: number): Promise<Bytes | undefined> {
  const place = await nvPublic(tpm, index);
  if (!place) return undefined;
  const parts: Bytes[] = [];
  const self = (place.attributes & NV.authRead) !== 0;
  if (!self && (place.attributes & NV.ownerRead) === 0)
    throw new ProviderError(
      'provider/refused',
      `The TPM's memory at 0x${index.toString(16)} needs a secret to be read.`,
    );
  for (let offset = 0; offset < place.size; offset += NV_CHUNK) {
    const size = Math.min(NV_CHUNK, place.size - offset);
    const command = {
      what: 'to read its memory',
      code: COMMAND.nvRead,
      handles: [self ? index : HANDLE.owner, index],
      passwords: 1,
      parameters: concat(uint(size, 2), uint(offset, 2)),
    };
    const part = await run(tpm, command, ({ parameters }) => take(parameters));
    if (part.length !== size)
      throw new ProviderError('provider/malformed', 'The TPM gave another length of its memory.');
    parts.push(part);
  }
  return concat(...parts);
}

/** TPMT_PUBLIC of a loaded or persistent key; undefined when nothing is there. @throws ProviderError */
export async function readPublic(tpm: TpmTransport, handle: number): Promise<Bytes | undefined> {
  try {
    return await run(
      tpm,
      { what: 'to give a public key', code: COMMAND.readPublic, handles: [handle] },
      ({ parameters }) => take(parameters),
    );
  } catch (error) {
    if (error instanceof TpmRefusal && error.responseCode === NO_HANDLE) return undefined;
    throw error;
  }
}

/** Makes the primary key of a hierarchy and template; the same seed gives the same key. Flush it when done. */
export async function createPrimary(
  tpm: TpmTransport,
  hierarchy: number,
  template: Uint8Array,
): Promise<{ readonly handle: number; readonly publicArea: Bytes }> {
  const sensitive = sized(concat(sized(new Uint8Array()), sized(new Uint8Array())));
  const command = {
    what: 'to make a key',
    code: COMMAND.createPrimary,
    handles: [hierarchy],
    passwords: 1,
    parameters: concat(sensitive, sized(template), sized(new Uint8Array()), uint(0, 4)),
    handlesBack: 1,
  };
  return run(tpm, command, ({ handle, parameters }) => ({ handle, publicArea: take(parameters) }));
}

export async function flushContext(tpm: TpmTransport, handle: number): Promise<void> {
  const command = { what: 'to forget a key', code: COMMAND.flushContext, parameters: uint(handle, 4) };
  await run(tpm, command, () => undefined);
}

/** TPML_PCR_SELECTION of SHA-256 registers. */
function selectionOf(indices: readonly number[]): Bytes {
  const bits = new Uint8Array(3);
  for (const index of indices) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return concat(uint(1, 4), uint(SHA256, 2), new Uint8Array([bits.length]), bits);
}

function selectedIn(reader: Reader): number[] {
  if (reader.uintBE(4) !== 1 || reader.uintBE(2) !== SHA256)
    throw new ProviderError('provider/malformed', 'The TPM gave registers of another bank.');
  return [...reader.take(reader.uint8())].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte >> bit) & 1).map((bit) => 8 * at + bit),
  );
}

/** Values of SHA-256 registers by index; a TPM gives some at a time. @throws ProviderError */
export async function pcrRead(
  tpm: TpmTransport,
  indices: readonly number[],
): Promise<ReadonlyMap<number, Bytes>> {
  const values = new Map<number, Bytes>();
  for (let left = indices; left.length > 0; ) {
    const command = { what: 'to read registers', code: COMMAND.pcrRead, parameters: selectionOf(left) };
    await run(tpm, command, ({ parameters }) => {
      parameters.take(4);
      const given = selectedIn(parameters);
      const count = parameters.uintBE(4);
      if (count === 0 || count !== given.length)
        throw new ProviderError('provider/malformed', 'The TPM gave other registers than it was asked for.');
      for (const index of given) values.set(index, take(parameters));
    });
    const rest = left.filter((index) => !values.has(index));
    if (rest.length === left.length)
      throw new ProviderError('provider/malformed', 'The TPM gave other registers than it was asked for.');
    left = rest;
  }
  return values;
}

/** Extends the SHA-256 bank of a register. */
export async function pcrExtend(tpm: TpmTransport, index: number, digest: Uint8Array): Promise<void> {
  const parameters = concat(uint(1, 4), uint(SHA256, 2), digest);
  const command = {
    what: 'to extend a register',
    code: COMMAND.pcrExtend,
    handles: [index],
    passwords: 1,
    parameters,
  };
  await run(tpm, command, () => undefined);
}

/** TPMS_ATTEST and TPMT_SIGNATURE over nonce and registers. @throws ProviderError */
export async function quote(
  tpm: TpmTransport,
  key: number,
  { nonce, indices }: { nonce: Uint8Array; indices: readonly number[] },
): Promise<{ readonly message: Bytes; readonly signature: Bytes }> {
  const parameters = concat(sized(nonce), uint(NULL_ALGORITHM, 2), selectionOf(indices));
  const command = { what: 'to sign a quote', code: COMMAND.quote, handles: [key], passwords: 1, parameters };
  return run(tpm, command, ({ parameters: answer }) => ({
    message: take(answer),
    signature: answer.take(answer.remaining),
  }));
}

/**
 * TPMT_PUBLIC of an attestation key: RSA 2048, RSASSA with SHA-256, restricted, made in this TPM and bound to it. As a template it
 * gives the same key on the same TPM each time.
 */
export const AK_TEMPLATE: Bytes = hexDecode('0001000b00050072000000100014000b0800000000000000');
