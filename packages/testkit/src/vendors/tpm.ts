// A TPM 2.0 of a made-up vendor: its attestation key with a certificate chain, quotes in the TPM's own layout, and evidence
// over them. Every part can be replaced by a wrong one.
import {
  base64urlDecode,
  base64urlEncode,
  type Bytes,
  canonicalBytes,
  concat,
  hexDecode,
  sha256,
} from '@sealroom/bytes';
import { spkiOf } from './issue-certificates.ts';
import { type AkCertificateOptions, TpmAuthority } from './tpm-authority.ts';

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;

type KeyPair = CryptoKeyPair & { readonly spki: Bytes };

async function rsaKeys(): Promise<KeyPair> {
  const algorithm = { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  return { ...pair, spki: await spkiOf(pair) };
}

async function rsaSign({ privateKey }: CryptoKeyPair, message: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign(RSA.name, privateKey, message));
}

export type QuoteOptions = {
  readonly extraData: Uint8Array;
  /** Hexadecimal values by index; what is not there is not selected. */
  readonly registers: { readonly [index: string]: string };
  readonly firmwareVersion?: string;
  readonly magic?: string;
  readonly type?: string;
  /** Bank and selection as bytes of TPML_PCR_SELECTION, instead of what the registers say. */
  readonly selection?: Bytes;
  readonly digest?: Bytes;
};

function sized(bytes: Uint8Array): Bytes {
  return concat(new Uint8Array([bytes.length >> 8, bytes.length & 0xff]), bytes);
}

function selectionOf(registers: QuoteOptions['registers']): Bytes {
  const bits = new Uint8Array(3);
  for (const index of Object.keys(registers).map(Number))
    bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  return concat(hexDecode('00000001000b03'), bits);
}

/** TPMS_ATTEST. */
export async function quoteMessage(options: QuoteOptions): Promise<Bytes> {
  const { registers, extraData, firmwareVersion = '0000000100000000' } = options;
  const ordered = Object.entries(registers).toSorted(([a], [b]) => Number(a) - Number(b));
  const digest = options.digest ?? (await sha256(...ordered.map(([, value]) => hexDecode(value))));
  return concat(
    hexDecode(options.magic ?? 'ff544347'),
    hexDecode(options.type ?? '8018'),
    sized(hexDecode(`000b${'5a'.repeat(32)}`)),
    sized(extraData),
    hexDecode('00000000000010000000000100000000'),
    new Uint8Array([1]),
    hexDecode(firmwareVersion),
    options.selection ?? selectionOf(registers),
    sized(digest),
  );
}

/** TPMT_SIGNATURE, RSASSA with SHA-256. */
async function signature(keys: KeyPair, message: Bytes): Promise<Bytes> {
  return concat(hexDecode('0014000b'), sized(await rsaSign(keys, message)));
}

async function modulusOf({ publicKey }: KeyPair): Promise<Bytes> {
  const { n = '' } = await crypto.subtle.exportKey('jwk', publicKey);
  return base64urlDecode(n);
}

/** TPMT_PUBLIC; attributes 00050072 are those of an attestation key. */
async function publicArea(keys: KeyPair, attributes: string): Promise<Bytes> {
  const modulus = await modulusOf(keys);
  return concat(
    hexDecode(`0001000b${attributes}0000`),
    hexDecode('00100014000b080000000000'),
    sized(modulus),
  );
}

export class FakeTpm {
  readonly #keys: KeyPair;
  readonly authority: TpmAuthority;
  /** Its root, as DER: what a verifier would pin. */
  readonly root: Bytes;
  readonly certificate: Bytes;

  private constructor(parts: { keys: KeyPair; authority: TpmAuthority; root: Bytes; certificate: Bytes }) {
    this.#keys = parts.keys;
    this.authority = parts.authority;
    this.root = parts.root;
    this.certificate = parts.certificate;
  }

  /** @param now milliseconds since 1970, around which certificates and lists are valid */
  static async create(now: number): Promise<FakeTpm> {
    const authority = await TpmAuthority.create('Made-up TPM root', now);
    const keys = await rsaKeys();
    const options = { subject: 'vm', spki: keys.spki, serial: 7, purposes: ['2.23.133.8.3'] };
    return new FakeTpm({
      keys,
      authority,
      root: await authority.root(),
      certificate: await authority.issue(options),
    });
  }

  get spki(): Bytes {
    return this.#keys.spki;
  }

  /** Another certificate of the same key. */
  async certified(options: Partial<AkCertificateOptions>): Promise<Bytes> {
    return this.authority.issue({ subject: 'vm', spki: this.spki, serial: 7, ...options });
  }

  async modulus(): Promise<Bytes> {
    return modulusOf(this.#keys);
  }

  async publicArea(attributes = '00050072'): Promise<Bytes> {
    return publicArea(this.#keys, attributes);
  }

  async quote(options: QuoteOptions): Promise<{ message: Bytes; signature: Bytes }> {
    const message = await quoteMessage(options);
    return { message, signature: await signature(this.#keys, message) };
  }

  /** Signature alone, without TPMT_SIGNATURE around it. */
  async sign(message: Bytes): Promise<Bytes> {
    return rsaSign(this.#keys, message);
  }

  /** Evidence of the technology `tpm`; `changes` replaces members of it. */
  async evidence(
    options: QuoteOptions,
    changes: { readonly [member: string]: unknown } = {},
  ): Promise<Bytes> {
    const quote = await this.quote(options);
    return canonicalBytes({
      v: 1,
      akCertificates: [base64urlEncode(this.certificate)],
      quote: { message: base64urlEncode(quote.message), signature: base64urlEncode(quote.signature) },
      pcrs: { bank: 'sha256', values: options.registers },
      ...changes,
    });
  }
}
