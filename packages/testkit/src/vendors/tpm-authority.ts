// An authority for attestation keys of nobody's TPMs. Every field can be made wrong.
import type { Bytes } from '@sealroom/bytes';
import {
  authorityExtensions,
  distinguishedName,
  issueCertificate,
  issueCrl,
  type IssuerKey,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { der, derBits, derOid, derSequence } from './write-der.ts';

const DAY_MS = 86_400_000;

export type AkCertificateOptions = {
  readonly subject: string;
  readonly spki: Bytes;
  readonly serial?: number;
  readonly ca?: boolean;
  /** First octet of the key usage's BIT STRING: 0x80 signs, 0x20 enciphers keys, 0x06 signs certificates and lists. */
  readonly usage?: number;
  readonly purposes?: readonly string[];
  /** Milliseconds since 1970. */
  readonly notBefore?: number;
  readonly notAfter?: number;
};

export class TpmAuthority {
  readonly #issuer: IssuerKey;
  readonly #now: number;

  private constructor(issuer: IssuerKey, now: number) {
    this.#issuer = issuer;
    this.#now = now;
  }

  /** @param now milliseconds since 1970, around which what it issues is valid */
  static async create(common: string, now: number): Promise<TpmAuthority> {
    const scheme = 'ECDSA-SHA256';
    const name = distinguishedName([['CN', common]]);
    return new TpmAuthority({ name, scheme, pair: await vendorKeys(scheme) }, now);
  }

  /** Its own certificate, signed by itself. */
  async root(): Promise<Bytes> {
    const spki = await spkiOf(this.#issuer.pair);
    return issueCertificate(this.#issuer, {
      subject: this.#issuer.name,
      spki,
      serial: 1,
      notBefore: this.#now - DAY_MS,
      notAfter: this.#now + 365 * DAY_MS,
      extensions: await authorityExtensions(spki, { crlSign: true }),
    });
  }

  async issue(options: AkCertificateOptions): Promise<Bytes> {
    const { subject, spki, serial = 1, ca = false, usage = 0x80, purposes = [] } = options;
    const { notBefore = this.#now - DAY_MS, notAfter = this.#now + 365 * DAY_MS } = options;
    const constraints = ca ? derSequence(der(0x01, new Uint8Array([0xff]))) : derSequence();
    const unused = usage & 2 ? 1 : 5;
    return issueCertificate(this.#issuer, {
      subject: distinguishedName([['CN', subject]]),
      spki,
      serial,
      notBefore,
      notAfter,
      extensions: [
        { oid: '2.5.29.19', critical: true, value: constraints },
        { oid: '2.5.29.15', critical: true, value: derBits(new Uint8Array([usage]), unused) },
        ...(purposes.length > 0 ? [{ oid: '2.5.29.37', value: derSequence(...purposes.map(derOid)) }] : []),
      ],
    });
  }

  /** A list of revoked serial numbers, for a week unless told otherwise. */
  async revocationList(
    serials: readonly number[],
    {
      thisUpdate = this.#now - DAY_MS,
      nextUpdate = this.#now + 7 * DAY_MS,
    }: { readonly thisUpdate?: number; readonly nextUpdate?: number } = {},
  ): Promise<Bytes> {
    return issueCrl(this.#issuer, { serials, thisUpdate, nextUpdate });
  }
}
