// An Intel of our own: root, PCK CA, platforms with PCK certificates, TCB info, identity of the quoting enclave, revocation
// lists, and quotes of SGX (version 3) and TDX (4 and 5) in the genuine layouts, under keys that a test made. Everything is
// good at the time given, unless a test says otherwise. Evidence that it makes passes only where its root is pinned.
import { type Bytes, concat, hexDecode, hexEncode, sha256, utf8Encode } from '@sealroom/bytes';
import { type CollateralFile, readCollateral, type Roots } from '@sealroom/attest';
import {
  authorityExtensions,
  certificatesPem,
  distinguishedName,
  type IssuerKey,
  issueCertificate,
  issueCrl,
  spkiOf,
  vendorKeys,
} from './issue-certificates.ts';
import { pckExtension, type PlatformFields, usageExtensions } from './intel-pck.ts';
import { qeIdentityOf, tcbInfoOf } from './intel-statements.ts';

const DAY = 86_400_000;
const YEAR = 365 * DAY;
const SCHEME = 'ECDSA-SHA256';
export const QE_MRSIGNER = { sgx: '8c'.repeat(32), tdx: 'dc'.repeat(32) } as const;

const named = (common: string) =>
  distinguishedName([
    ['CN', common],
    ['O', 'Intel Corporation'],
    ['L', 'Santa Clara'],
    ['ST', 'CA'],
    ['C', 'US'],
  ]);

async function authority(common: string): Promise<IssuerKey> {
  return { name: named(common), pair: await vendorKeys(SCHEME), scheme: SCHEME };
}

async function signRaw(pair: CryptoKeyPair, message: Bytes): Promise<Bytes> {
  const how = { name: 'ECDSA', hash: 'SHA-256' };
  return new Uint8Array(await crypto.subtle.sign(how, pair.privateKey, message));
}

export type Window = { readonly notBefore: number; readonly notAfter: number };

type Keys = {
  readonly root: IssuerKey;
  readonly pckCa: IssuerKey;
  readonly pck: IssuerKey;
  readonly tcbSigning: IssuerKey;
  readonly attestation: CryptoKeyPair;
};

/** What a test may say of the platform and of Intel's statements; all else is good. */
export type IntelOptions = {
  readonly platform?: Partial<PlatformFields>;
  readonly windows?: { readonly [what in 'root' | 'pckCa' | 'pck' | 'tcbSigning']?: Window };
};

export class FakeIntel {
  readonly #keys: Keys;
  readonly certificates: { readonly [what in 'root' | 'pckCa' | 'pck' | 'tcbSigning']: Bytes };
  readonly platform: PlatformFields;
  readonly at: number;

  private constructor(keys: Keys, rest: Pick<FakeIntel, 'certificates' | 'platform' | 'at'>) {
    this.#keys = keys;
    this.certificates = rest.certificates;
    this.platform = rest.platform;
    this.at = rest.at;
  }

  /** @param at milliseconds since 1970, at which all is good */
  static async create(at: number, { platform = {}, windows = {} }: IntelOptions = {}): Promise<FakeIntel> {
    const root = await authority('Intel SGX Root CA');
    const pckCa = await authority('Intel SGX PCK Platform CA');
    const pck = await authority('Intel SGX PCK Certificate');
    const tcbSigning = await authority('Intel SGX TCB Signing');
    const attestation = await vendorKeys(SCHEME);
    const fields: PlatformFields = {
      ppid: 'a1'.repeat(16),
      components: Array.from({ length: 16 }, (_, i) => (i < 4 ? 5 : 1)),
      pceSvn: 13,
      pceId: '0000',
      fmspc: 'b0c06f000000',
      instance: 'b2'.repeat(16),
      smt: true,
      ...platform,
    };
    const issue = async (
      issuer: IssuerKey,
      subject: IssuerKey,
      what: 'root' | 'pckCa' | 'pck' | 'tcbSigning',
    ) => {
      const spki = await spkiOf(subject.pair);
      const ca = what === 'root' || what === 'pckCa';
      const extensions = ca
        ? await authorityExtensions(spki, { pathLength: what === 'root' ? 1 : 0, crlSign: true })
        : usageExtensions();
      const extra = what === 'pck' ? [pckExtension(fields)] : [];
      const window = windows[what] ?? { notBefore: at - YEAR, notAfter: at + 5 * YEAR };
      const serial = { root: 1, pckCa: 2, pck: 3, tcbSigning: 4 }[what];
      return issueCertificate(issuer, {
        subject: subject.name,
        spki,
        serial,
        ...window,
        extensions: [...extensions, ...extra],
      });
    };
    const certificates = {
      root: await issue(root, root, 'root'),
      pckCa: await issue(root, pckCa, 'pckCa'),
      pck: await issue(pckCa, pck, 'pck'),
      tcbSigning: await issue(root, tcbSigning, 'tcbSigning'),
    };
    return new FakeIntel(
      { root, pckCa, pck, tcbSigning, attestation },
      { certificates, platform: fields, at },
    );
  }

  get roots(): Roots {
    return { intel: readCollateral([{ name: 'root.der', bytes: this.certificates.root }]).certificates };
  }

  /** Lists of the root or of the PCK CA; `serials` are those revoked (1 root, 2 PCK CA, 3 PCK, 4 TCB signer). */
  async crl(
    of: 'root' | 'pckCa',
    {
      serials = [],
      thisUpdate = this.at - DAY,
      nextUpdate = this.at + 29 * DAY,
      endless = false,
    }: { serials?: readonly number[]; thisUpdate?: number; nextUpdate?: number; endless?: boolean } = {},
  ): Promise<Bytes> {
    return issueCrl(this.#keys[of], {
      serials,
      thisUpdate,
      nextUpdate: endless ? undefined : nextUpdate,
    });
  }

  /** Signs a statement as the provisioning service answers it; `by` lets another key of the vendor sign. */
  async respond(
    member: 'tcbInfo' | 'enclaveIdentity',
    value: object,
    by: 'tcbSigning' | 'pck' | 'pckCa' | 'root' = 'tcbSigning',
  ): Promise<Bytes> {
    const text = JSON.stringify(value);
    const signature = hexEncode(await signRaw(this.#keys[by].pair, utf8Encode(text)));
    return utf8Encode(`{"${member}":${text},"signature":"${signature}"}`);
  }

  /** Everything that a verifier needs, each in a file; a test replaces or leaves out what it wants. */
  async collateral(
    of: 'sgx' | 'tdx',
    {
      tcbInfo = {},
      qeIdentity = {},
      files = {},
    }: {
      tcbInfo?: object;
      qeIdentity?: object;
      files?: { readonly [name: string]: Uint8Array | undefined };
    } = {},
  ): Promise<CollateralFile[]> {
    const dates = {
      issueDate: timeText(this.at - DAY),
      nextUpdate: timeText(this.at + 29 * DAY),
      tcbEvaluationDataNumber: 17,
    };
    const info = { ...tcbInfoOf(of, this.platform), ...dates, ...tcbInfo };
    const identity = { ...qeIdentityOf(of, QE_MRSIGNER[of]), ...dates, ...qeIdentity };
    const all: { readonly [name: string]: Uint8Array | undefined } = {
      'root.crl': await this.crl('root'),
      'pck.crl': await this.crl('pckCa'),
      'signing.pem': utf8Encode(certificatesPem([this.certificates.tcbSigning, this.certificates.root])),
      'tcb.json': await this.respond('tcbInfo', info),
      'qe.json': await this.respond('enclaveIdentity', identity),
      ...files,
    };
    return Object.entries(all).flatMap(([name, bytes]) => (bytes ? [{ name, bytes }] : []));
  }

  /** A quote over a body. `changes` are to parts of it before they are signed, or to the signatures. */
  async quote(version: 3 | 4 | 5, body: Uint8Array, changes: QuoteChanges = {}): Promise<Bytes> {
    const technology = version === 3 ? 'sgx' : 'tdx';
    const spki = await spkiOf(this.#keys.attestation);
    const key = spki.slice(-64);
    const auth = new Uint8Array(32).fill(7);
    const hash = await sha256(concat(key, auth));
    const qeReport = sgxBody({
      attributes: '11000000000000000700000000000000',
      mrSigner: QE_MRSIGNER[technology],
      prodId: technology === 'tdx' ? 2 : 1,
      svn: 8,
      reportData: changes.qeReportData ?? concat(hash, new Uint8Array(32)),
      ...changes.qe,
    });
    const signer = this.#keys[changes.qeSignedBy ?? 'pck'].pair;
    const chain = changes.chain ?? [this.certificates.pck, this.certificates.pckCa, this.certificates.root];
    const pem = utf8Encode(certificatesPem(chain));
    const certified = concat(
      qeReport,
      await signRaw(signer, qeReport),
      little(auth.length, 2),
      auth,
      little(changes.certificationType ?? 5, 2),
      little(pem.length, 4),
      pem,
    );
    const signed = concat(header(version), bodyFrame(version, body), body);
    const signature = await signRaw(this.#keys.attestation, signed);
    const outer = version === 3 ? certified : concat(little(6, 2), little(certified.length, 4), certified);
    const data = concat(signature, key, outer);
    return concat(signed, little(data.length, 4), data, changes.padding ?? new Uint8Array());
  }
}

export type QuoteChanges = {
  readonly qe?: Partial<SgxFields>;
  readonly qeReportData?: Bytes;
  readonly qeSignedBy?: 'pck' | 'pckCa' | 'tcbSigning';
  readonly chain?: readonly Bytes[];
  readonly certificationType?: number;
  readonly padding?: Bytes;
};

export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function little(value: number, length: number): Bytes {
  return new Uint8Array(Array.from({ length }, (_, i) => Math.floor(value / 256 ** i) % 256));
}

function header(version: 3 | 4 | 5): Bytes {
  const tee = version === 3 ? 0 : 0x81;
  const vendor = hexDecode('939a7233f79c4ca9940a0db3957f0607');
  return concat(
    little(version, 2),
    little(2, 2),
    little(tee, 4),
    new Uint8Array(4),
    vendor,
    new Uint8Array(20),
  );
}

function bodyFrame(version: 3 | 4 | 5, body: Uint8Array): Bytes {
  if (version !== 5) return new Uint8Array();
  return concat(little([584, 648, 885].indexOf(body.length) + 2, 2), little(body.length, 4));
}

/** Bytes in hexadecimal. */
export type SgxFields = {
  readonly cpuSvn: string;
  readonly miscSelect: string;
  readonly attributes: string;
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly configId: string;
  readonly prodId: number;
  readonly svn: number;
  readonly reportData: Bytes;
};

function write(length: number, fields: readonly (readonly [number, Uint8Array])[]): Bytes {
  const bytes = new Uint8Array(length);
  for (const [at, value] of fields) bytes.set(value, at);
  return bytes;
}

/** An SGX report body of 384 bytes. */
export function sgxBody(fields: Partial<SgxFields> = {}): Bytes {
  return write(384, [
    [0, hexDecode(fields.cpuSvn ?? '05'.repeat(16))],
    [16, hexDecode(fields.miscSelect ?? '00000000')],
    [48, hexDecode(fields.attributes ?? '0500000000000000e700000000000000')],
    [64, hexDecode(fields.mrEnclave ?? '11'.repeat(32))],
    [128, hexDecode(fields.mrSigner ?? '22'.repeat(32))],
    [192, hexDecode(fields.configId ?? '00'.repeat(64))],
    [256, little(fields.prodId ?? 9, 2)],
    [258, little(fields.svn ?? 3, 2)],
    [320, fields.reportData ?? new Uint8Array(64)],
  ]);
}

/** Bytes in hexadecimal. */
export type TdFields = {
  readonly teeTcbSvn: string;
  readonly mrSeam: string;
  readonly mrSignerSeam: string;
  readonly seamAttributes: string;
  readonly tdAttributes: string;
  readonly xfam: string;
  readonly mrTd: string;
  readonly mrConfigId: string;
  readonly mrOwner: string;
  readonly mrOwnerConfig: string;
  readonly rtmr: readonly string[];
  readonly reportData: Bytes;
  readonly teeTcbSvn2: string;
  readonly mrServiceTd: string;
  /** Makes the report an extended one. */
  readonly extended: Partial<ExtendedFields>;
};

/** Bytes in hexadecimal: 1, 32, 48 and 156. */
export type ExtendedFields = {
  readonly vmId: string;
  readonly tdId: string;
  readonly devices: string;
  readonly history: string;
};

const ZEROS = '00'.repeat(48);

/** A TD report body: 584 bytes (1.0), or when `later` 648 (1.5) and 885 (extended). */
export function tdBody(fields: Partial<TdFields> = {}, later = false): Bytes {
  const svn = fields.teeTcbSvn ?? `060103${'00'.repeat(13)}`;
  const rtmr = fields.rtmr ?? ['d0', 'd1', 'd2', 'd3'].map((byte) => byte.repeat(48));
  const common: (readonly [number, Uint8Array])[] = [
    [0, hexDecode(svn)],
    [16, hexDecode(fields.mrSeam ?? '5e'.repeat(48))],
    [64, hexDecode(fields.mrSignerSeam ?? ZEROS)],
    [112, hexDecode(fields.seamAttributes ?? '00'.repeat(8))],
    [120, hexDecode(fields.tdAttributes ?? '0000001000000000')],
    [128, hexDecode(fields.xfam ?? 'e742060000000000')],
    [136, hexDecode(fields.mrTd ?? 'aa'.repeat(48))],
    [184, hexDecode(fields.mrConfigId ?? ZEROS)],
    [232, hexDecode(fields.mrOwner ?? ZEROS)],
    [280, hexDecode(fields.mrOwnerConfig ?? ZEROS)],
    ...rtmr.map((value, i) => [328 + 48 * i, hexDecode(value)] as const),
    [520, fields.reportData ?? new Uint8Array(64)],
  ];
  if (!later) return write(584, common);
  const second: typeof common = [
    ...common,
    [584, hexDecode(fields.teeTcbSvn2 ?? svn)],
    [600, hexDecode(fields.mrServiceTd ?? ZEROS)],
  ];
  if (!fields.extended) return write(648, second);
  const { vmId = '00', tdId = '1d'.repeat(32), devices = ZEROS, history = '' } = fields.extended;
  return write(885, [
    ...second,
    [648, hexDecode(vmId)],
    [649, hexDecode(tdId)],
    [681, hexDecode(devices)],
    [729, hexDecode(history)],
  ]);
}
