// A fake AMD for three products, an entry that accepts its good reports, and a judge: what the tests of this folder share.
import { base64urlEncode, concat, hexEncode } from '@sealroom/bytes';
import {
  fakeAmd,
  type FakeAmd,
  SNP_TCB,
  type SnpEndorsement,
  type SnpProduct,
  type SnpReportFields,
} from '@sealroom/testkit/vendors/sev-snp';
import { expect } from 'vitest';
import {
  appraiseEvidence,
  isReason,
  parsePolicy,
  type Policy,
  readCollateral,
  type Roots,
} from '../index.ts';
import { parseCertificate } from '../x509/certificate.ts';
import type { SevSnpEntry } from './entry.ts';

export const NOW = Date.parse('2026-11-25T12:00:00Z');
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const PRODUCTS: readonly SnpProduct[] = ['Milan', 'Genoa', 'Turin'];
export const reportData = new Uint8Array(32).fill(0xaa);
export const hostData = new Uint8Array(32).fill(0xbb);
export const binding = { reportData, hostData };
const PROVIDER = 'CN=cc.cloud.example';

const amd = new Map<SnpProduct, FakeAmd>();
const keys = new Map<string, SnpEndorsement>();
const lists = new Map<SnpProduct, Uint8Array>();
let roots: Roots;

/** The pinned roots of the fake vendor. */
export function fakeRoots(): Roots {
  return roots;
}

export function listOf(product: SnpProduct): Uint8Array {
  return of(lists, product);
}

function of<K, V>(map: ReadonlyMap<K, V>, key: K): V {
  const found = map.get(key);
  if (found === undefined) throw new Error(`Nothing was made for ${String(key)}.`);
  return found;
}

export const vendor = (product: SnpProduct) => of(amd, product);
export const vcek = (product: SnpProduct) => of(keys, `VCEK ${product}`);
export const vlek = (product: SnpProduct) => of(keys, `VLEK ${product}`);

/** Makes keys and certificates; for `beforeAll`. */
export async function makeVendors(): Promise<void> {
  for (const product of PRODUCTS) {
    const made = await fakeAmd(product, NOW);
    amd.set(product, made);
    for (const kind of ['VCEK', 'VLEK'] as const) keys.set(`${kind} ${product}`, await made.endorse(kind));
    lists.set(product, await made.revocationList());
  }
  roots = { amd: PRODUCTS.map((product) => parseCertificate(vendor(product).root)) };
}

export const parts = {
  bootloader: SNP_TCB.bootloader,
  tee: 0,
  snp: SNP_TCB.snp,
  microcode: SNP_TCB.microcode,
};
export const older = { reported: parts, committed: parts, launch: parts };
const turin = { fmc: SNP_TCB.fmc, ...parts };

export const ENTRY: SevSnpEntry = {
  technology: 'sev-snp',
  launch: [hexEncode(new Uint8Array(48).fill(3))],
  minimumTcb: { Milan: older, Genoa: older, Turin: { reported: turin, committed: turin, launch: turin } },
  minimumFirmware: { major: 1, minor: 55, build: 21 },
  guestPolicy: { minimumAbi: { major: 0, minor: 0 }, allowed: ['smt'], required: [] },
  platformInfo: { required: ['ecc'], forbidden: ['tsme'] },
  vmpl: 0,
  minimumGuestSvn: 2,
  mitigations: { launch: [0, 1], current: [3] },
  identity: 'unpinned',
  vlek: 'refused',
  platforms: { any: 'accepted' },
  revocation: 'required',
  hostData: 'manifest',
};

export type Given = {
  readonly product?: SnpProduct;
  readonly key?: SnpEndorsement;
  readonly fields?: Partial<SnpReportFields>;
  readonly entry?: Partial<SevSnpEntry>;
  /** Certificates and lists beside the report, instead of those of the vendor. */
  readonly beside?: readonly Uint8Array[];
  readonly at?: number;
  readonly distrust?: readonly string[];
  readonly after?: (body: Uint8Array) => Uint8Array;
};

export function policyOf(entry: Partial<SevSnpEntry>, distrust: readonly string[]): Policy {
  return parsePolicy(
    JSON.stringify({ v: 1, binding: 'room', accept: [{ ...ENTRY, ...entry }], distrust: [...distrust] }),
  );
}

export const bothIssuers = (product: SnpProduct) => [
  vendor(product).askCertificate,
  vendor(product).asvkCertificate,
];

export async function judge({
  product = 'Milan',
  key = vcek(product),
  fields = {},
  entry = {},
  beside = [key.certificate, ...bothIssuers(product), of(lists, product)],
  at = NOW,
  distrust = [],
  after = (body) => body,
}: Given) {
  const bound = { reportData: concat(reportData, new Uint8Array(32)), hostData };
  const report = await vendor(product).report(key, { ...bound, ...fields });
  const collateral = readCollateral(beside.map((bytes, index) => ({ name: String(index), bytes })));
  const evidence = { technology: 'sev-snp', body: base64urlEncode(after(report)) } as const;
  return appraiseEvidence(evidence, policyOf(entry, distrust), {
    binding,
    context: { at, collateral, roots },
  });
}

export async function reasons(given: Given): Promise<string[]> {
  const { verdict, checks } = await judge(given);
  const failed = checks.filter(isReason).map(({ id }) => id.replace('sev-snp/', ''));
  expect(verdict).toBe(failed.length === 0 ? 'affirmed' : 'refused');
  return failed;
}

export const VLEK_ENTRY = { vlek: { cspIds: [PROVIDER] } };
export const VLEK_FIELDS = { flags: 0x04, chipId: new Uint8Array(64) };
