// A made-up Google Cloud Attestation: Confidential Space tokens with the claims of genuine ones, of both types, with a chain of
// three under a root of its own and a key set. Nothing that it signs is from hardware.
import { type Bytes, hexEncode, type JsonObject } from '@sealroom/bytes';
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
import { base64Of, jwksText, signToken, tokenBytes, type TokenSigner, tokenSigner } from './tokens.ts';
import { derSequence } from './write-der.ts';

const DAY = 86_400_000;
export const SPACE_IMAGE = `sha256:${'ab'.repeat(32)}`;
export const SPACE_AUDIENCE = 'https://vault.example';

const named = (common: string) =>
  distinguishedName([
    ['O', 'Made-up'],
    ['CN', common],
  ]);

async function authority(common: string, serial: number, issuer: IssuerKey | undefined, now: number) {
  const pair = await vendorKeys('RSA-SHA256');
  const key: IssuerKey = { name: named(common), pair, scheme: 'RSA-SHA256' };
  const spki = await spkiOf(pair);
  const der = await issueCertificate(issuer ?? key, {
    subject: key.name,
    spki,
    serial,
    notBefore: now - DAY,
    notAfter: now + 365 * DAY,
    extensions: await authorityExtensions(spki, { crlSign: true }),
  });
  return { key, der };
}

/** How a leaf differs from those that sign tokens. */
type LeafChange = {
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions?: readonly CertificateExtension[];
};

async function leafOf(
  issuer: IssuerKey,
  { pair }: TokenSigner,
  { now, ...change }: LeafChange & { readonly now: number },
): Promise<Bytes> {
  return issueCertificate(issuer, {
    subject: named('leaf'),
    spki: await spkiOf(pair),
    serial: 3,
    notBefore: now - DAY,
    notAfter: now + 60 * DAY,
    extensions: [{ oid: '2.5.29.19', critical: true, value: derSequence() }],
    ...change,
  });
}

export class FakeConfidentialSpace {
  readonly signer: TokenSigner;
  /** Leaf, intermediate, root. */
  readonly chain: readonly Bytes[];
  readonly #issuers: readonly IssuerKey[];
  readonly #now: number;

  private constructor(
    signer: TokenSigner,
    { chain, issuers, now }: { chain: readonly Bytes[]; issuers: readonly IssuerKey[]; now: number },
  ) {
    this.signer = signer;
    this.chain = chain;
    this.#issuers = issuers;
    this.#now = now;
  }

  static async create(now: number): Promise<FakeConfidentialSpace> {
    const signer = await tokenSigner('RS256');
    const root = await authority('root', 1, undefined, now);
    const intermediate = await authority('intermediate', 2, root.key, now);
    const issuers = [intermediate.key, root.key];
    const leaf = await leafOf(intermediate.key, signer, { now });
    return new FakeConfidentialSpace(signer, { chain: [leaf, intermediate.der, root.der], issuers, now });
  }

  get jwks(): string {
    return jwksText([{ ...this.signer.jwk, kid: 'made-up-1', use: 'sig', alg: 'RS256' }]);
  }

  /** One of each authority, with these serials on both. */
  async crls(
    serials: readonly number[] = [],
    { thisUpdate = this.#now - DAY, nextUpdate = this.#now + DAY } = {},
  ): Promise<Bytes[]> {
    return Promise.all(this.#issuers.map((issuer) => issueCrl(issuer, { serials, thisUpdate, nextUpdate })));
  }

  /** The chain with another leaf of the same key. @param above the authority that signs it: 0 the intermediate, 1 the root */
  async chainWith(change: LeafChange, above: 0 | 1 = 0): Promise<readonly Bytes[]> {
    const issuer = this.#issuers[above];
    if (!issuer) throw new Error('There is no such authority.');
    return [await leafOf(issuer, this.signer, { now: this.#now, ...change }), ...this.chain.slice(1)];
  }

  claims(reportData: Uint8Array): JsonObject {
    const at = Math.floor(this.#now / 1000);
    return {
      aud: SPACE_AUDIENCE,
      iat: at,
      nbf: at,
      exp: at + 3600,
      iss: 'https://confidentialcomputing.googleapis.com',
      eat_nonce: hexEncode(reportData),
      secboot: true,
      oemid: 11_129,
      hwmodel: 'GCP_AMD_SEV_SNP',
      swname: 'CONFIDENTIAL_SPACE',
      swversion: ['250301'],
      dbgstat: 'disabled-since-boot',
      submods: {
        confidential_space: { support_attributes: ['LATEST', 'STABLE', 'USABLE'] },
        container: { image_digest: SPACE_IMAGE, restart_policy: 'Never', args: ['/room'] },
        gce: { zone: 'europe-west1-b', project_id: 'made-up', project_number: '1', instance_id: '2' },
      },
    };
  }

  /** A PKI token. */
  async token(
    payload: JsonObject | string,
    header: JsonObject = {},
    {
      signer = this.signer,
      chain = this.chain,
    }: { signer?: TokenSigner; chain?: readonly Uint8Array[] } = {},
  ): Promise<Bytes> {
    const x5c = chain.map(base64Of);
    const whole = { alg: 'RS256', kid: this.signer.thumbprint, typ: 'JWT', x5c, ...header };
    return tokenBytes(await signToken(signer, whole, payload));
  }

  /** An OIDC token. */
  async oidcToken(
    payload: JsonObject | string,
    header: JsonObject = {},
    signer: TokenSigner = this.signer,
  ): Promise<Bytes> {
    const whole = { alg: 'RS256', kid: 'made-up-1', typ: 'JWT', ...header };
    return tokenBytes(await signToken(signer, whole, payload));
  }
}
