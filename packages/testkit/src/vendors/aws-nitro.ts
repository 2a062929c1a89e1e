// A made-up AWS: Nitro documents in the genuine format and with the genuine shape of chain (root, region, zone, instance,
// enclave), under a root of its own. Nothing that it signs is from hardware.
import { type Bytes, concat } from '@sealroom/bytes';
import { type Cbor, cborEncode, CborTag } from '@sealroom/cose';
import {
  authorityExtensions,
  type CertificateExtension,
  distinguishedName,
  issueCertificate,
  issueCrl,
  type IssuerKey,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { derBits, derSequence } from './write-der.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export type NitroOptions = {
  readonly timestamp?: number;
  readonly moduleId?: string;
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  readonly userData?: Uint8Array | null;
  readonly nonce?: Uint8Array | null;
  readonly publicKey?: Uint8Array | null;
  readonly tagged?: boolean;
  /** The payload's map of open length, as in documents since December 2025. */
  readonly open?: boolean;
  /** Other bytes than the payload's, which are signed. */
  readonly payload?: (content: Bytes) => Uint8Array;
  /** Another leaf, bundle or member than the right one. */
  readonly certificate?: Uint8Array;
  readonly cabundle?: readonly Uint8Array[];
  readonly members?: ReadonlyMap<string, Cbor>;
  readonly header?: Uint8Array;
  readonly signer?: CryptoKey;
};

type Level = { readonly key: IssuerKey; readonly der: Bytes };

function named(common: string): Bytes {
  return distinguishedName([
    ['C', 'US'],
    ['O', 'Made-up'],
    ['CN', common],
  ]);
}

const SIGNS: CertificateExtension = {
  oid: '2.5.29.15',
  value: derBits(new Uint8Array([0xc0]), 6),
};
const NO_CA: CertificateExtension = { oid: '2.5.29.19', critical: true, value: derSequence() };

async function authority(
  common: string,
  issuer: Level | undefined,
  {
    notBefore,
    notAfter,
    serial,
    crlSign,
  }: { notBefore: number; notAfter: number; serial: number; crlSign: boolean },
): Promise<Level> {
  const pair = await vendorKeys('ECDSA-SHA384');
  const spki = await spkiOf(pair);
  const key: IssuerKey = { name: named(common), pair, scheme: 'ECDSA-SHA384' };
  const extensions = await authorityExtensions(spki, { crlSign });
  const subject = key.name;
  const der = await issueCertificate(issuer?.key ?? key, {
    subject,
    spki,
    serial,
    notBefore,
    notAfter,
    extensions,
  });
  return { key, der };
}

/** Registers of a released image: 0 to 15 as AWS always locks them. */
export function nitroPcrs(extra: readonly (readonly [number, Uint8Array])[] = []): Map<number, Uint8Array> {
  const pcrs = new Map<number, Uint8Array>();
  for (let i = 0; i < 16; i++)
    pcrs.set(i, new Uint8Array(48).fill([0, 1, 2, 3, 4, 8].includes(i) ? i + 1 : 0));
  for (const [index, value] of extra) pcrs.set(index, value);
  return pcrs;
}

export class FakeNitro {
  readonly #levels: readonly Level[];
  readonly #now: number;
  readonly #enclave: CryptoKeyPair;

  private constructor(levels: readonly Level[], enclave: CryptoKeyPair, now: number) {
    this.#levels = levels;
    this.#enclave = enclave;
    this.#now = now;
  }

  /** @param now milliseconds since 1970, when the chain is valid */
  static async create(now: number): Promise<FakeNitro> {
    const times = (before: number, after: number) => ({ notBefore: now - before, notAfter: now + after });
    const root = await authority('root', undefined, {
      ...times(365 * DAY, 3650 * DAY),
      serial: 1,
      crlSign: true,
    });
    const region = await authority('region', root, { ...times(5 * DAY, 15 * DAY), serial: 2, crlSign: true });
    const zone = await authority('zone', region, { ...times(DAY, 4 * DAY), serial: 3, crlSign: true });
    const instance = await authority('i-0', zone, { ...times(HOUR, 23 * HOUR), serial: 4, crlSign: false });
    return new FakeNitro([root, region, zone, instance], await vendorKeys('ECDSA-SHA384'), now);
  }

  get root(): Bytes {
    return this.#levels[0]?.der ?? new Uint8Array();
  }

  /** The key that the leaf certifies. */
  get enclave(): CryptoKeyPair {
    return this.#enclave;
  }

  /** Root first, as documents have it. */
  get cabundle(): Bytes[] {
    return this.#levels.map(({ der }) => der);
  }

  /** The enclave's certificate, by default of the right name and life. */
  async leaf({
    moduleId = 'i-0-enc0',
    notBefore = this.#now - 60_000,
    notAfter = this.#now + 3 * HOUR,
    issuer = 3,
    ca = false,
  }: {
    moduleId?: string;
    notBefore?: number;
    notAfter?: number;
    issuer?: number;
    ca?: boolean;
  } = {}): Promise<Bytes> {
    const by = this.#levels[issuer];
    if (!by) throw new Error('There is no such level.');
    const spki = await spkiOf(this.#enclave);
    const subject = named(`${moduleId}.eu-made-up-1.aws`);
    const extensions = ca ? await authorityExtensions(spki, {}) : [NO_CA, SIGNS];
    return issueCertificate(by.key, { subject, spki, serial: 9, notBefore, notAfter, extensions });
  }

  /** Lists of the levels that may sign them; `revoked` are serial numbers (region 2, zone 3, instance 4). */
  async crls(revoked: readonly number[] = [], at = this.#now): Promise<Bytes[]> {
    const issuers = this.#levels.slice(0, 3);
    const window = { thisUpdate: at - HOUR, nextUpdate: at + DAY };
    return Promise.all(issuers.map(({ key }) => issueCrl(key, { serials: revoked, ...window })));
  }

  async document(options: NitroOptions = {}): Promise<Bytes> {
    const { moduleId = 'i-0-enc0', timestamp = this.#now, pcrs = nitroPcrs(), tagged = false } = options;
    const optional = (value: Uint8Array | null | undefined): Cbor => value ?? null;
    const payload = new Map<string, Cbor>([
      ['module_id', moduleId],
      ['digest', 'SHA384'],
      ['timestamp', timestamp],
      ['pcrs', pcrs],
      ['certificate', options.certificate ?? (await this.leaf())],
      ['cabundle', options.cabundle ?? this.cabundle],
      ['public_key', optional(options.publicKey)],
      ['user_data', optional(options.userData)],
      ['nonce', optional(options.nonce)],
      ...(options.members ?? new Map<string, Cbor>()),
    ]);
    const header = options.header ?? new Uint8Array([0xa1, 0x01, 0x38, 0x22]);
    const closed = cborEncode(payload);
    const plain = options.open
      ? concat(Uint8Array.of(0xbf), closed.subarray(1), Uint8Array.of(0xff))
      : closed;
    const content = options.payload?.(plain) ?? plain;
    const message = cborEncode(['Signature1', header, new Uint8Array(), content]);
    const algorithm = { name: 'ECDSA', hash: 'SHA-384' };
    const key = options.signer ?? this.#enclave.privateKey;
    const signature = new Uint8Array(await crypto.subtle.sign(algorithm, key, message));
    const parts = [header, new Map<Cbor, Cbor>(), content, signature];
    return cborEncode(tagged ? new CborTag(18, parts) : parts);
  }

  /** What a register holds that was extended with these bytes once. */
  static async extendedOnce(bytes: Uint8Array): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.digest('SHA-384', concat(new Uint8Array(48), bytes)));
  }
}
