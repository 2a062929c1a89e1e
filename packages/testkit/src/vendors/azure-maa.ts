// A made-up attestation provider in the manner of Azure's: tokens with the claims of genuine ones, for SEV-SNP and TDX, of a VM
// and of a container, and its key set. Nothing that it signs is from hardware.
import { base64urlEncode, type Bytes, hexEncode, type JsonObject } from '@sealroom/bytes';
import { distinguishedName, issueCertificate, spkiOf } from './issue-certificates.ts';
import { base64Of, jwksText, signToken, tokenBytes, type TokenSigner, tokenSigner } from './tokens.ts';

const VM = '70F5CE9A-2BDC-4B6B-8401-E9B964D3AEB7';
export const MAA_ISSUER = 'https://made-up.weu.attest.azure.net';
export const MAA_LAUNCH = 'ab'.repeat(48);
export const MAA_POLICY = base64urlEncode(new Uint8Array(32).fill(7));

export const SNP_CLAIMS: JsonObject = {
  'x-ms-attestation-type': 'sevsnpvm',
  'x-ms-compliance-status': 'azure-compliant-cvm',
  'x-ms-sevsnpvm-bootloader-svn': 4,
  'x-ms-sevsnpvm-tee-svn': 0,
  'x-ms-sevsnpvm-snpfw-svn': 24,
  'x-ms-sevsnpvm-microcode-svn': 219,
  'x-ms-sevsnpvm-hostdata': '00'.repeat(32),
  'x-ms-sevsnpvm-is-debuggable': false,
  'x-ms-sevsnpvm-launchmeasurement': MAA_LAUNCH,
  'x-ms-sevsnpvm-migration-allowed': false,
  'x-ms-sevsnpvm-reportid': '11'.repeat(32),
  'x-ms-sevsnpvm-vmpl': 0,
};

export const TDX_CLAIMS: JsonObject = {
  'x-ms-attestation-type': 'tdxvm',
  'x-ms-compliance-status': 'azure-compliant-cvm',
  attester_tcb_status: 'UpToDate',
  tdx_mrtd: MAA_LAUNCH,
  tdx_rtmr0: '00'.repeat(48),
  tdx_rtmr1: '01'.repeat(48),
  tdx_rtmr2: '02'.repeat(48),
  tdx_rtmr3: '03'.repeat(48),
  tdx_mrconfigid: '00'.repeat(48),
  tdx_mrowner: '00'.repeat(48),
  tdx_mrownerconfig: '00'.repeat(48),
  tdx_td_attributes: '0000001000000000',
  tdx_td_attributes_debug: false,
  tdx_tee_tcb_svn: '06010700000000000000000000000000',
};

/** What the paravisor says of the VM. */
export const MAA_RUNTIME: JsonObject = {
  keys: [],
  'vm-configuration': {
    'console-enabled': false,
    'secure-boot': true,
    'tpm-enabled': true,
    vmUniqueId: VM,
  },
};

/** A key of 1024 bits by its certificate, as stands in every genuine set beside those that tokens are signed with. */
async function shortKey({ pair }: TokenSigner): Promise<JsonObject> {
  const how = { name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, hash: 'SHA-256' };
  const publicExponent = new Uint8Array([1, 0, 1]);
  const short = await crypto.subtle.generateKey({ ...how, publicExponent }, true, ['sign', 'verify']);
  const name = distinguishedName([['CN', MAA_ISSUER]]);
  const dates = {
    notBefore: Date.parse('2019-05-01T00:00:00Z'),
    notAfter: Date.parse('2050-12-31T23:59:59Z'),
  };
  const subject = { subject: name, spki: await spkiOf(short), serial: 1, ...dates, extensions: [] };
  const der = await issueCertificate({ name, pair, scheme: 'RSA-SHA256' }, subject);
  return { kty: 'RSA', kid: 'made-up-short', x5c: [base64Of(der)] };
}

export class FakeMaa {
  readonly signer: TokenSigner;
  readonly jwks: string;
  readonly #now: number;

  private constructor(signer: TokenSigner, short: JsonObject, now: number) {
    this.signer = signer;
    this.jwks = jwksText([{ ...signer.jwk, kid: 'made-up-1', use: 'sig', alg: 'RS256' }, short]);
    this.#now = now;
  }

  static async create(now: number): Promise<FakeMaa> {
    const signer = await tokenSigner('RS256');
    return new FakeMaa(signer, await shortKey(signer), now);
  }

  times(): JsonObject {
    const at = Math.floor(this.#now / 1000);
    return { iat: at, nbf: at, exp: at + 28_800 };
  }

  /** The claims of a VM's token; `tee` are the hardware's. */
  guest(reportData: Uint8Array, tee: JsonObject = SNP_CLAIMS): JsonObject {
    return {
      ...this.times(),
      iss: MAA_ISSUER,
      jti: 'made-up',
      secureboot: true,
      'x-ms-attestation-type': 'azurevm',
      'x-ms-azurevm-attested-pcrs': [0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13],
      'x-ms-azurevm-bootdebug-enabled': false,
      'x-ms-azurevm-kerneldebug-enabled': false,
      'x-ms-azurevm-hypervisordebug-enabled': false,
      'x-ms-azurevm-testsigning-enabled': false,
      'x-ms-azurevm-vmid': VM,
      'x-ms-isolation-tee': { ...tee, 'x-ms-runtime': MAA_RUNTIME },
      'x-ms-policy-hash': MAA_POLICY,
      'x-ms-runtime': { 'client-payload': { nonce: base64Of(tokenBytes(hexEncode(reportData))) } },
      'x-ms-ver': '1.0',
    };
  }

  /** The claims of a token that tells of the hardware at its top. */
  direct(reportData: Uint8Array, tee: JsonObject = SNP_CLAIMS): JsonObject {
    return {
      ...this.times(),
      iss: MAA_ISSUER,
      ...tee,
      'x-ms-policy-hash': MAA_POLICY,
      'x-ms-runtime': { nonce: hexEncode(reportData), keys: [] },
      'x-ms-ver': '1.0',
    };
  }

  async token(payload: JsonObject | string, header: JsonObject = {}, signer = this.signer): Promise<Bytes> {
    const whole = { alg: 'RS256', jku: `${MAA_ISSUER}/certs`, kid: 'made-up-1', typ: 'JWT', ...header };
    return tokenBytes(await signToken(signer, whole, payload));
  }
}
