// Cheats with tokens of attestation services: what a service is made to sign, and what is done to what it signed. Whose key a
// token is of is played by key-sets.ts.
import { type RoomTechnology } from '@sealroom/attest';
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  concat,
  type JsonObject,
  utf8Decode,
  utf8Encode,
} from '@sealroom/bytes';
import type { TokenSigner } from '../vendors/tokens.ts';
import type { Bound } from '../world-hardware.ts';
import { changed, type Cheat, type CheatTable, notEvidence, otherBindings } from './cheats.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** What a service says of a room, and how it signs. */
export type TokenService = {
  readonly technology: RoomTechnology;
  readonly now: number;
  claims(bound: Bound): JsonObject;
  sign(payload: JsonObject | string, header?: JsonObject, signer?: TokenSigner): Promise<Bytes>;
  readonly signer: TokenSigner;
  /** Of nobody's service. */
  readonly stranger: TokenSigner;
};

type Change = JsonObject | ((claims: JsonObject) => JsonObject);

const changedBy = (claims: JsonObject, change: Change): JsonObject =>
  typeof change === 'function' ? change(claims) : { ...claims, ...change };

/** An object with members changed some levels below: `within(claims, ['a', 'b'], { c: 1 })`. */
export function within(object: JsonObject, path: readonly string[], change: JsonObject): JsonObject {
  const [name, ...rest] = path;
  if (name === undefined) return { ...object, ...change };
  return { ...object, [name]: within(object[name] as JsonObject, rest, change) };
}

/** Codes with checks of a technology, as cheats are told. */
export const toldOf =
  (technology: RoomTechnology) =>
  (code: string, ...checks: readonly string[]): string[] =>
    checks.map((id) => `release/${code} ${technology}/${id}`);

/** Ways to cheat with tokens of one service. */
export function cheatsOf(service: TokenService) {
  const { technology } = service;
  const prove = async (bound: Bound) => service.sign(service.claims(bound));
  const told = toldOf(technology);
  return {
    prove,
    told,
    /** The service signs other claims. */
    claimed: (what: string, expected: readonly string[], change: Change): Cheat => ({
      what,
      told: expected,
      attempt: async ({ good }) => ({ body: await service.sign(changedBy(service.claims(good), change)) }),
    }),
    /** The service signs under another header, or somebody else does. */
    headed: (what: string, expected: readonly string[], header: JsonObject, signer?: TokenSigner): Cheat => ({
      what,
      told: expected,
      attempt: async ({ good }) => ({ body: await service.sign(service.claims(good), header, signer) }),
    }),
    /** Parts of a good token are changed afterwards. */
    parted: (
      what: string,
      expected: readonly string[],
      change: (parts: readonly [header: string, payload: string, signature: string]) => readonly string[],
    ): Cheat =>
      changed(prove, what, expected, (good) => {
        const [header = '', payload = '', signature = ''] = utf8Decode(good).split('.');
        return utf8Encode(change([header, payload, signature]).join('.'));
      }),
  };
}

/** Members of a part of a token that are changed and not signed anew. */
function rewritten(part: string, change: Change): string {
  const object = JSON.parse(utf8Decode(base64urlDecode(part))) as JsonObject;
  return base64urlEncode(utf8Encode(JSON.stringify(changedBy(object, change))));
}

/** A token whose algorithm asks for a secret key, which is here the one that everybody knows. */
async function underPublicKey({ jwk }: TokenSigner, header: string, payload: string): Promise<string[]> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const known = utf8Encode(JSON.stringify(jwk));
  const key = await crypto.subtle.importKey('raw', known, algorithm, false, ['sign']);
  const first = rewritten(header, { alg: 'HS256' });
  const mac = await crypto.subtle.sign(algorithm, key, utf8Encode(`${first}.${payload}`));
  return [first, payload, base64urlEncode(new Uint8Array(mac))];
}

/** What is done to the bytes of a token. @param fields claims to change, each with a value that would serve somebody */
export function bytesRows(service: TokenService, fields: Readonly<{ [name: string]: Change }>) {
  const { technology, signer, stranger } = service;
  const { prove, told, headed, parted } = cheatsOf(service);
  const unsigned = told('evidence', 'signature');
  const malformed = told('evidence', 'malformed');
  const signature = (what: string, expected: readonly string[], change: (bytes: Bytes) => Uint8Array) =>
    parted(what, expected, ([header, payload, text]) => [
      header,
      payload,
      base64urlEncode(new Uint8Array(change(base64urlDecode(text)))),
    ]);
  const filled =
    (value: number, last = value) =>
    (bytes: Bytes) => {
      const number = new Uint8Array(bytes.length).fill(value);
      number[bytes.length - 1] = last;
      return number;
    };
  const behind = (what: string, expected: readonly string[], text: string) =>
    changed(prove, what, expected, (good) => concat(good, utf8Encode(text)));
  const zero = new Uint8Array(1);
  return {
    ...notEvidence(technology, prove),
    'a bit flipped in a signed field': [
      ...Object.entries(fields).map(([what, change]) =>
        parted(what, unsigned, ([header, payload, text]) => [header, rewritten(payload, change), text]),
      ),
      parted('a member more in the header', unsigned, ([header, payload, text]) => [
        rewritten(header, { 'x5t#S256': 'AA' }),
        payload,
        text,
      ]),
      signature('the signature', unsigned, (bytes) => bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))),
    ],
    'padding in or behind the signature': [
      signature('a zero before it', unsigned, (bytes) => concat(zero, bytes)),
      signature('a zero behind it', unsigned, (bytes) => concat(bytes, zero)),
      behind('of its text', malformed, '='),
    ],
    'numbers of a signature that sign nothing': [
      signature('zero', unsigned, filled(0)),
      signature('one', unsigned, filled(0, 1)),
      signature('beyond the modulus', unsigned, filled(0xff)),
    ],
    'another signer': [
      headed('a key of nobody’s under the name of the service’s', unsigned, {}, stranger),
      headed('a key that the header brings', malformed, { jwk: stranger.jwk }, stranger),
      headed('a key where the header says', malformed, { x5u: 'https://evil.example/key' }, stranger),
    ],
    'an unknown version': [
      headed('another type of token', malformed, { typ: 'JOSE' }),
      headed('what the reader must understand', malformed, { crit: ['b64'], b64: false }),
      headed('a payload that is compressed', malformed, { zip: 'DEF' }),
    ],
    'trailing bytes': [
      behind('a line end', malformed, '\n'),
      behind('a part', malformed, '.e30'),
      behind('of the signature', unsigned, 'AAAA'),
      {
        what: 'a claim twice',
        told: malformed,
        attempt: async ({ good }) => {
          const text = JSON.stringify(service.claims(good));
          return { body: await service.sign(`{"iss":"https://evil.example",${text.slice(1)}`) };
        },
      },
    ],
    truncation: [
      parted('nothing', malformed, () => []),
      parted('a header', malformed, ([header]) => [header]),
      parted('no signature', malformed, ([header, payload]) => [header, payload]),
      parted('half of the claims', malformed, ([header, payload]) => [
        header,
        payload.slice(0, payload.length / 2),
        '',
      ]),
      parted('an empty signature', unsigned, ([header, payload]) => [header, payload, '']),
      parted('half of the signature', unsigned, ([header, payload, text]) => [
        header,
        payload,
        text.slice(0, 168),
      ]),
    ],
    'a token under no or another algorithm': [
      parted('none', told('evidence', 'algorithm', 'signature'), ([header, payload]) => [
        rewritten(header, { alg: 'none' }),
        payload,
        '',
      ]),
      {
        what: 'a secret that everybody knows',
        told: told('evidence', 'algorithm', 'signature'),
        attempt: async ({ good }) => {
          const [header = '', payload = ''] = utf8Decode(await prove(good)).split('.');
          const parts = await underPublicKey(signer, header, payload);
          return { body: utf8Encode(parts.join('.')) };
        },
      },
      ...['none', 'PS256', 'RS384', 'ES256'].map((alg) =>
        headed(`${alg} over a good signature`, told('evidence', 'algorithm'), { alg }),
      ),
    ],
  } satisfies Partial<CheatTable>;
}

/** When a token was made and for how long, and what it binds. @param run what names the run */
export function claimsRows(service: TokenService, run: 'field' | 'software') {
  const { technology, now } = service;
  const { prove, told, claimed } = cheatsOf(service);
  const at = Math.floor(now / 1000);
  const future = told('evidence', 'not-yet-valid');
  return {
    ...otherBindings(technology, prove, run),
    'a certificate or token that has ended': [
      claimed('a token', told('evidence', 'expired'), { iat: at - 100, nbf: at - 100, exp: at - 1 }),
      claimed('one that is old', told('evidence', 'age'), {
        iat: at - 301,
        nbf: at - 301,
        exp: at + 100,
      }),
      claimed('one that never ends', told('evidence', 'times'), { exp: at + 10 * 365 * 86_400 }),
      claimed('one that does not say when', told('evidence', 'expired', 'times'), { exp: null }),
    ],
    'a certificate or token from the future': [
      claimed('a token', future, { iat: at + 120, nbf: at + 120 }),
      claimed('one that does not hold yet', future, { nbf: at + 120 }),
    ],
  } satisfies Partial<CheatTable>;
}
