// An Azure confidential VM of nobody's: an HCL report in its real layout around a hardware report that the caller gives (or one
// that holds only report data), claims of a paravisor, and a quote of the TPM that they name.
import { base64urlEncode, type Bytes, canonicalBytes, concat, sha256, utf8Encode } from '@sealroom/bytes';
import { FakeTpm, type QuoteOptions } from './tpm.ts';

export type HclOptions = {
  readonly extraData?: Uint8Array;
  readonly registers?: QuoteOptions['registers'];
  readonly firmwareVersion?: string;
  readonly selection?: QuoteOptions['selection'];
  /** Members of `vm-configuration` to replace. */
  readonly configuration?: object;
  readonly keys?: readonly unknown[];
  /** The paravisor's claims instead of those that keys and configuration make. */
  readonly claims?: Bytes;
  /** What the hardware's report holds; the digest of the claims where nothing is given. */
  readonly reportData?: Uint8Array;
  /** Signs 64 bytes of report data with the hardware; 1184 bytes of which only report data is set where nothing is given. */
  readonly report?: (reportData: Uint8Array) => Promise<Uint8Array>;
  readonly vcek?: readonly Uint8Array[];
  /** The machine is a trust domain: quotes 64 bytes of report data, which its TDREPORT holds too. */
  readonly tdQuote?: (reportData: Uint8Array) => Promise<Uint8Array>;
};

const CONFIGURATION = {
  'console-enabled': false,
  'secure-boot': true,
  'tpm-enabled': true,
  vmUniqueId: '00000000-0000-0000-0000-000000000000',
};

function words(...values: readonly number[]): Bytes {
  return new Uint8Array(new Uint32Array(values).buffer);
}

/** A TDREPORT of which only report data is set: nobody but its own processor could check the rest. */
async function tdReport(reportData: Uint8Array): Promise<Uint8Array> {
  const report = new Uint8Array(1184);
  report.set(reportData, 128);
  return report;
}

async function emptyReport(reportData: Uint8Array): Promise<Uint8Array> {
  const report = new Uint8Array(1184);
  report.set(reportData, 0x50);
  return report;
}

export class FakeHcl {
  readonly tpm: FakeTpm;
  readonly #modulus: string;

  private constructor(tpm: FakeTpm, modulus: string) {
    this.tpm = tpm;
    this.#modulus = modulus;
  }

  static async create(now = 0): Promise<FakeHcl> {
    const tpm = await FakeTpm.create(now);
    return new FakeHcl(tpm, base64urlEncode(await tpm.modulus()));
  }

  keys(): readonly { readonly [member: string]: unknown }[] {
    return [{ kid: 'HCLAkPub', key_ops: ['sign'], kty: 'RSA', e: 'AQAB', n: this.#modulus }];
  }

  /** The paravisor's claims, as they are hashed. */
  runtime({
    keys = this.keys(),
    configuration = {},
  }: Pick<HclOptions, 'keys' | 'configuration'> = {}): Bytes {
    const machine = { ...CONFIGURATION, ...configuration };
    return utf8Encode(JSON.stringify({ keys, 'vm-configuration': machine, 'user-data': '00'.repeat(64) }));
  }

  async #reportData(options: HclOptions): Promise<Uint8Array> {
    const runtime = options.claims ?? this.runtime(options);
    return options.reportData ?? concat(await sha256(runtime), new Uint8Array(32));
  }

  async hclReport(options: HclOptions = {}): Promise<Bytes> {
    const runtime = options.claims ?? this.runtime(options);
    const report = await (options.report ?? (options.tdQuote ? tdReport : emptyReport))(
      await this.#reportData(options),
    );
    const size = 32 + 1184 + 20 + runtime.length;
    return concat(
      utf8Encode('HCLA'),
      words(2, size, 2, 0, 0, 0, 0),
      report,
      words(20 + runtime.length, 1, options.tdQuote ? 4 : 2, 1, runtime.length),
      runtime,
      new Uint8Array(2600 - Math.min(size, 2600)),
    );
  }

  /** Evidence in this project's form. */
  async evidence(options: HclOptions = {}): Promise<Bytes> {
    const { extraData = new Uint8Array(32), registers = { 4: '00'.repeat(32) } } = options;
    const { firmwareVersion, selection } = options;
    const quote = await this.tpm.quote({
      extraData,
      registers,
      ...(firmwareVersion !== undefined && { firmwareVersion }),
      ...(selection && { selection }),
    });
    const td = await options.tdQuote?.(await this.#reportData(options));
    return canonicalBytes({
      v: 1,
      hclReport: base64urlEncode(await this.hclReport(options)),
      quote: { message: base64urlEncode(quote.message), signature: base64urlEncode(quote.signature) },
      pcrs: { bank: 'sha256', values: registers },
      vcek: options.vcek?.map(base64urlEncode),
      tdQuote: td && base64urlEncode(new Uint8Array(td)),
    });
  }
}
