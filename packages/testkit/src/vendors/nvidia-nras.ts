// A made-up attestation service in the manner of NVIDIA's: results with the claims of genuine ones for any number of GPUs, its
// key set, and a chain under an authority of its own. Nothing that it signs is from hardware.
import { type Bytes, hexEncode, type JsonObject, sha256, utf8Encode } from '@sealroom/bytes';
import {
  authorityExtensions,
  distinguishedName,
  issueCertificate,
  issueCrl,
  type IssuerKey,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { base64Of, jwksText, signToken, tokenBytes, type TokenSigner, tokenSigner } from './tokens.ts';
import { derSequence } from './write-der.ts';

const DAY = 86_400_000;
const ISSUER = 'https://nras.attestation.nvidia.com';
const KID = 'made-up-1';

const RIM_WORDS = [
  'fetched',
  'schema-validated',
  'signature-verified',
  'version-match',
  'measurements-available',
];
const TRUE_CLAIMS = [
  'arch-check',
  'attestation-report-parsed',
  'attestation-report-nonce-match',
  'attestation-report-signature-verified',
  'attestation-report-cert-chain-fwid-match',
  'vbios-index-no-conflict',
  ...['driver-rim', 'vbios-rim'].flatMap((rim) => RIM_WORDS.map((word) => `${rim}-${word}`)),
].map((word) => `x-nvidia-gpu-${word}`);

const GOOD_CHAIN: JsonObject = {
  'x-nvidia-cert-status': 'valid',
  'x-nvidia-cert-ocsp-status': 'good',
  'x-nvidia-cert-revocation-reason': null,
};

const named = (common: string) => distinguishedName([['CN', common]]);

export type NrasOptions = {
  readonly devices?: readonly JsonObject[];
  readonly overall?: JsonObject;
  /** Other digests than those of the devices' tokens. */
  readonly submods?: JsonObject;
  readonly header?: JsonObject;
  readonly deviceHeader?: JsonObject;
  readonly deviceSigner?: TokenSigner;
};

export class FakeNras {
  readonly signer: TokenSigner;
  readonly authority: Bytes;
  readonly leaf: Bytes;
  readonly #issuer: IssuerKey;
  readonly #now: number;

  private constructor(
    signer: TokenSigner,
    { issuer, authority, leaf, now }: { issuer: IssuerKey; authority: Bytes; leaf: Bytes; now: number },
  ) {
    this.signer = signer;
    this.authority = authority;
    this.leaf = leaf;
    this.#issuer = issuer;
    this.#now = now;
  }

  static async create(now: number): Promise<FakeNras> {
    const signer = await tokenSigner('ES384');
    const pair = await vendorKeys('ECDSA-SHA384');
    const issuer: IssuerKey = { name: named('authority'), pair, scheme: 'ECDSA-SHA384' };
    const spki = await spkiOf(pair);
    const dates = { notBefore: now - DAY, notAfter: now + 2 * DAY };
    const authority = await issueCertificate(issuer, {
      ...dates,
      subject: issuer.name,
      spki,
      serial: 1,
      extensions: await authorityExtensions(spki, { crlSign: true }),
    });
    const leaf = await issueCertificate(issuer, {
      ...dates,
      subject: named('leaf'),
      spki: await spkiOf(signer.pair),
      serial: 2,
      extensions: [{ oid: '2.5.29.19', critical: true, value: derSequence() }],
    });
    return new FakeNras(signer, { issuer, authority, leaf, now });
  }

  get jwks(): string {
    const { jwk } = this.signer;
    return jwksText([{ ...jwk, kid: KID, use: 'sig', x5c: [base64Of(this.leaf), base64Of(this.authority)] }]);
  }

  async crl(serials: readonly number[] = []): Promise<Bytes> {
    const window = { thisUpdate: this.#now - DAY, nextUpdate: this.#now + DAY };
    return issueCrl(this.#issuer, { serials, ...window });
  }

  #common(reportData: Uint8Array): JsonObject {
    const at = Math.floor(this.#now / 1000);
    return { iss: ISSUER, iat: at, nbf: at, exp: at + 3600, eat_nonce: hexEncode(reportData) };
  }

  /** The claims of one GPU. */
  device(reportData: Uint8Array, ueid = '4781'): JsonObject {
    return {
      ...this.#common(reportData),
      ...Object.fromEntries(TRUE_CLAIMS.map((name) => [name, true])),
      'x-nvidia-gpu-attestation-report-cert-chain': GOOD_CHAIN,
      'x-nvidia-gpu-driver-rim-cert-chain': GOOD_CHAIN,
      'x-nvidia-gpu-vbios-rim-cert-chain': GOOD_CHAIN,
      'x-nvidia-gpu-driver-version': '550.90.07',
      'x-nvidia-gpu-vbios-version': '96.00.9F.00.01',
      'x-nvidia-attestation-warning': null,
      hwmodel: 'GH100 A01 GSP BROM',
      ueid,
      secboot: true,
      dbgstat: 'disabled',
      measres: 'success',
    };
  }

  async result(reportData: Uint8Array, options: NrasOptions = {}): Promise<Bytes> {
    const { devices = [this.device(reportData)], deviceSigner = this.signer } = options;
    const header = { kid: KID, alg: 'ES384' };
    const tokens: [string, string][] = [];
    const submods: [string, JsonObject[string]][] = [];
    for (const [index, device] of devices.entries()) {
      const token = await signToken(deviceSigner, { ...header, ...options.deviceHeader }, device);
      tokens.push([`GPU-${index}`, token]);
      submods.push([`GPU-${index}`, ['DIGEST', ['SHA-256', hexEncode(await sha256(utf8Encode(token)))]]]);
    }
    const overall = {
      ...this.#common(reportData),
      sub: 'NVIDIA-PLATFORM-ATTESTATION',
      'x-nvidia-ver': '3.0',
      'x-nvidia-overall-att-result': true,
      submods: options.submods ?? Object.fromEntries(submods),
      ...options.overall,
    };
    const whole = await signToken(this.signer, { ...header, ...options.header }, overall);
    return tokenBytes(JSON.stringify([['JWT', whole], Object.fromEntries(tokens)]));
  }
}
