// Cheats with quotes of TPMs, as evidence of several technologies holds them: what the TPM is made to sign, and what is done to the
// document around it. Register 13 names the run.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  concat,
  hexEncode,
  sha256,
} from '@sealroom/bytes';
import { type FakeTpm, type QuoteOptions } from '../vendors/tpm.ts';
import type { Bound } from '../world-hardware.ts';
import {
  changed,
  type Cheat,
  type CheatTable,
  flip,
  notEvidence,
  otherBindings,
  overwrite,
  startedForAnother,
} from './cheats.ts';

const of = (byte: string) => byte.repeat(32);
export const PINNED = { 0: of('a0'), 4: of('a4'), 7: of('a7'), 8: of('a8'), 9: of('a9') } as const;
export const RUN_REGISTER = 13;
export const FIRMWARE = '0000000200000000';

/** What a TPM quotes for what must be bound. */
export async function quoteFor({ reportData, hostData }: Bound): Promise<QuoteOptions> {
  const extended = hexEncode(await sha256(new Uint8Array(32), hostData));
  const registers = { ...PINNED, [RUN_REGISTER]: extended };
  return { extraData: reportData, registers, firmwareVersion: FIRMWARE };
}

export type Document = {
  readonly v: number;
  readonly quote: { readonly message: string; readonly signature: string };
  readonly pcrs: { readonly bank: string; readonly values: { readonly [index: string]: string } };
  readonly [member: string]: unknown;
};

export function edit(evidence: Bytes, change: (document: Document) => object): Bytes {
  const document = JSON.parse(new TextDecoder().decode(evidence)) as Document;
  return canonicalBytes({ ...document, ...change(document) } as Parameters<typeof canonicalBytes>[0]);
}

export const editBytes = (text: string, change: (bytes: Bytes) => Uint8Array): string =>
  base64urlEncode(new Uint8Array(change(base64urlDecode(text))));

/** Of TPMS_ATTEST, with a nonce of 32 bytes and one bank. */
const FIELDS = {
  qualifiedSigner: 10,
  extraData: 44,
  clock: 83,
  resetCount: 87,
  restartCount: 91,
  safe: 92,
  firmwareVersion: 100,
};
const MAGIC = 3;
const TYPE = 5;
const SELECTION = 108;
const DIGEST = 113;
/** Of TPMT_SIGNATURE: scheme, hash and size before it. */
const SIGNATURE = 6;

export type QuotingMachine = {
  readonly technology: 'tpm' | 'azure-cvm';
  readonly prove: (bound: Bound, change?: Partial<QuoteOptions>) => Promise<Bytes>;
  /** A TPM that nobody vouches for. */
  readonly stranger: FakeTpm;
};

function editing(
  { technology, prove }: QuotingMachine,
  what: string,
  checks: readonly string[],
  change: (document: Document) => object,
): Cheat {
  const told = checks.map((id) => `release/evidence ${technology}/${id}`);
  return changed(prove, what, told, (good) => edit(good, change));
}

function signedFields(machine: QuotingMachine): Cheat[] {
  const at = (what: string, offset: number, ...checks: string[]) =>
    editing(machine, what, checks, ({ quote }) => ({
      quote: { ...quote, message: editBytes(quote.message, (bytes) => flip(bytes, offset)) },
    }));
  return [
    ...Object.entries(FIELDS).map(([what, offset]) => at(what, offset, 'quote-signature')),
    at('magic', MAGIC, 'malformed'),
    at('type', TYPE, 'malformed'),
    at('selection of registers', SELECTION, 'quote-signature', 'pcr-selection'),
    at('digest of registers', DIGEST, 'quote-signature', 'pcr-digest'),
    editing(machine, 'a register beside the quote', ['pcr-digest'], ({ pcrs }) => ({
      pcrs: { ...pcrs, values: { ...pcrs.values, 4: of('b4') } },
    })),
    editing(machine, 'a register that was not quoted', ['pcr-selection'], ({ pcrs }) => ({
      pcrs: { ...pcrs, values: { ...pcrs.values, 10: of('00') } },
    })),
  ];
}

function signatures(machine: QuotingMachine) {
  const signature = (what: string, check: string, change: (bytes: Bytes) => Uint8Array) =>
    editing(machine, what, [check], ({ quote }) => ({
      quote: { ...quote, signature: editBytes(quote.signature, change) },
    }));
  const number = (value: number) => (bytes: Bytes) =>
    overwrite(bytes, SIGNATURE, new Uint8Array(bytes.length - SIGNATURE).fill(value));
  /** One more byte, with the size to it. */
  const longer = (before: boolean) => (bytes: Bytes) => {
    const size = bytes.length - SIGNATURE + 1;
    const head = overwrite(bytes.slice(0, SIGNATURE), 4, new Uint8Array([size >> 8, size & 0xff]));
    const zero = new Uint8Array(1);
    const number_ = bytes.slice(SIGNATURE);
    return concat(head, ...(before ? [zero, number_] : [number_, zero]));
  };
  return {
    'numbers of a signature that sign nothing': [
      signature('an RSA number of zero', 'quote-signature', number(0)),
      signature('an RSA number of one', 'quote-signature', (bytes) =>
        overwrite(number(0)(bytes), bytes.length - 1, new Uint8Array([1])),
      ),
      signature('an RSA number beyond the modulus', 'quote-signature', number(0xff)),
    ],
    'padding in or behind the signature': [
      signature('a zero before the number', 'quote-signature', longer(true)),
      signature('a zero behind the number', 'quote-signature', longer(false)),
      signature('a byte behind the structure', 'malformed', (bytes) => concat(bytes, new Uint8Array(1))),
    ],
    'an unknown version': [
      editing(machine, 'the document’s', ['malformed'], () => ({ v: 2 })),
      signature('a scheme of signatures that is none here', 'malformed', (bytes) =>
        overwrite(bytes, 0, new Uint8Array([0, 0x1a])),
      ),
    ],
  } satisfies Partial<CheatTable>;
}

/** Rows that all technologies with a TPM have alike, but for who vouches for its key. */
export function quoteRows(machine: QuotingMachine) {
  const { technology, prove, stranger } = machine;
  const quoting = (
    what: string,
    told: readonly string[],
    change: Partial<QuoteOptions> | ((bound: Bound) => Partial<QuoteOptions>),
  ): Cheat => ({
    what,
    told: told.map((one) => one.replace(' ', ` ${technology}/`)),
    attempt: async ({ good }) => ({
      body: await prove(good, typeof change === 'function' ? change(good) : change),
    }),
  });
  const register = (index: number, what: string, told: readonly string[], value = of('bb')): Cheat => ({
    what,
    told: told.map((one) => one.replace(' ', ` ${technology}/`)),
    attempt: async ({ good }) => {
      const { registers } = await quoteFor(good);
      return { body: await prove(good, { registers: { ...registers, [index]: value } }) };
    },
  });
  const malformed = [`release/evidence ${technology}/malformed`];
  const bindings = otherBindings(technology, prove, 'field');
  return {
    ...signatures(machine),
    ...notEvidence(technology, prove),
    ...bindings,
    'a bit flipped in a signed field': signedFields(machine),
    'another signer': [
      {
        what: 'the key of a TPM that nobody vouches for',
        told: [`release/evidence ${technology}/quote-signature`],
        attempt: async ({ good }) => {
          const { message, signature } = await stranger.quote(await quoteFor(good));
          const quote = { message: base64urlEncode(message), signature: base64urlEncode(signature) };
          return { body: edit(await prove(good), () => ({ quote })) };
        },
      },
    ],
    'another nonce': [
      ...bindings['another nonce'],
      quoting('no nonce', ['release/evidence nonce'], { extraData: new Uint8Array() }),
    ],
    'started for another run': [
      startedForAnother(technology, prove),
      register(RUN_REGISTER, 'a register that was never extended', ['release/run-binding run'], of('00')),
    ],
    debug: [
      register(7, 'another register 7, in which firmware notes its debug mode', [
        'release/code pcr/7',
        'release/debug debug',
      ]),
    ],
    'other code': [
      register(4, 'another boot loader', ['release/code pcr/4']),
      register(8, 'another command line', ['release/code pcr/8']),
      register(9, 'another kernel', ['release/code pcr/9']),
    ],
    'provisional or old firmware': [
      quoting('old firmware of the TPM', ['release/tcb firmware'], { firmwareVersion: '0000000100000000' }),
    ],
    'trailing bytes': [
      changed(prove, 'behind the document', malformed, (good) => concat(good, new Uint8Array([0x20]))),
      editing(machine, 'behind the quoted message', ['malformed'], ({ quote }) => ({
        quote: { ...quote, message: editBytes(quote.message, (bytes) => concat(bytes, new Uint8Array(1))) },
      })),
      editing(machine, 'a member that nobody knows', ['malformed'], () => ({ more: 1 })),
    ],
  } satisfies Partial<CheatTable>;
}
