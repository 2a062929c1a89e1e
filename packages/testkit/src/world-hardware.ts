// Rooms on hardware of made-up vendors: evidence in the genuine formats, signed by keys that a test made, with an entry that
// accepts what is good. Everything can be changed before it is signed. It passes only where the made-up root is an argument.
import {
  type Collateral,
  type CollateralFile,
  type Entry,
  type Evidence,
  type KeySet,
  readCollateral,
  type Roots,
  type RoomTechnology,
  technologyOf,
} from '@sealroom/attest';
import { base64urlEncode, type Bytes, concat, hexEncode, sha256 } from '@sealroom/bytes';
import { roomBinding, type VaultNonce } from '@sealroom/contract';
import { FakeNitro, type NitroOptions, nitroPcrs } from './vendors/aws-nitro.ts';
import { type FakeIntel, type QuoteChanges, type TdFields, tdBody } from './vendors/intel.ts';
import {
  type EndorsementOptions,
  type FakeAmd,
  fakeAmd,
  type SnpEndorsement,
  type SnpReportFields,
} from './vendors/sev-snp.ts';
import { manifestOf, type Room } from './world-room.ts';
import type { Run } from './world-story.ts';

/** What a report must hold: B and SHA-256 of the manifest, 32 bytes each. */
export type Bound = { readonly reportData: Bytes; readonly hostData: Bytes };

export type FakePlatform = {
  readonly technology: RoomTechnology;
  readonly roots: Roots;
  /** Accepts this platform's good rooms and no others. */
  readonly entry: Entry;
  readonly collateral: Collateral;
  /** What a vault got of the issuers of tokens. */
  readonly keySets?: readonly KeySet[] | undefined;
  /** The platform as results name it. */
  readonly name: string;
  prove(bound: Bound): Promise<Evidence>;
};

/** The bytes and zeros behind them. */
function padded(bytes: Uint8Array, length: number): Bytes {
  return concat(bytes, new Uint8Array(length - bytes.length));
}

function evidenceOf(technology: RoomTechnology, bytes: Uint8Array): Evidence {
  return { technology, body: base64urlEncode(new Uint8Array(bytes)) };
}

/** An entry that accepts exactly this evidence, with the run in its own field. */
function pinned(technology: RoomTechnology, bytes: Uint8Array, change: object): Entry {
  const one = technologyOf(technology);
  const { runBinding: _, ...entry } = one.pin(one.parse(new Uint8Array(bytes))) as Entry & {
    runBinding?: unknown;
  };
  return { ...entry, hostData: 'manifest', ...change } as Entry;
}

export type SnpVendor = {
  readonly amd: FakeAmd;
  readonly key: SnpEndorsement;
  readonly list: Bytes;
};

/** Keys are slow to make: a test file makes them once. */
export async function snpVendor(now: number): Promise<SnpVendor> {
  const amd = await fakeAmd('Genoa', now);
  return { amd, key: await amd.endorse('VCEK'), list: await amd.revocationList() };
}

export type SnpChanges = {
  readonly fields?: Partial<SnpReportFields>;
  /** Another endorsement key than the chip's good one. */
  readonly endorsement?: EndorsementOptions;
  readonly list?: Parameters<FakeAmd['revocationList']>[0] | 'missing';
  readonly entry?: object;
  readonly bound?: (bound: Bound) => Bound;
};

/** A Genoa machine; its endorsement key and list are collateral, as AMD's service gives them. */
export async function snpPlatform(vendor: SnpVendor, changes: SnpChanges = {}): Promise<FakePlatform> {
  const { amd } = vendor;
  const { fields, endorsement, list, bound: change = (bound) => bound } = changes;
  const key = endorsement ? await amd.endorse('VCEK', endorsement) : vendor.key;
  const crl =
    list === undefined ? vendor.list : list === 'missing' ? undefined : await amd.revocationList(list);
  const beside = [key.certificate, amd.askCertificate, ...(crl ? [crl] : [])];
  const good = await amd.report(vendor.key, { hostData: new Uint8Array(32).fill(1) });
  const entry = pinned('sev-snp', good, changes.entry ?? {});
  const [name = ''] = 'platforms' in entry && Array.isArray(entry.platforms) ? entry.platforms : [];
  return {
    technology: 'sev-snp',
    roots: { amd: readCollateral([{ name: 'root', bytes: amd.root }]).certificates },
    entry,
    collateral: readCollateral(beside.map((bytes, at) => ({ name: String(at), bytes }))),
    name,
    prove: async (given) => {
      const { reportData, hostData } = change(given);
      const report = await amd.report(key, { reportData: padded(reportData, 64), hostData, ...fields });
      return evidenceOf('sev-snp', report);
    },
  };
}

export type TdxChanges = {
  readonly body?: Partial<TdFields>;
  readonly quote?: QuoteChanges;
  readonly tcbInfo?: object;
  readonly files?: { readonly [name: string]: Uint8Array | undefined };
  readonly entry?: object;
  readonly bound?: (bound: Bound) => Bound;
};

/** A machine of a made-up Intel with a TD on it; the run stands in MRCONFIGID. */
export async function tdxPlatform(intel: FakeIntel, changes: TdxChanges = {}): Promise<FakePlatform> {
  const { body, quote, tcbInfo, files, bound: change = (bound) => bound } = changes;
  const good = await intel.quote(4, tdBody({ mrConfigId: '11'.repeat(48) }));
  const entry = pinned('tdx', good, { mrConfigId: 'run', ...changes.entry });
  const [name = ''] = 'platforms' in entry && Array.isArray(entry.platforms) ? entry.platforms : [];
  const collateral: CollateralFile[] = await intel.collateral('tdx', {
    ...(tcbInfo && { tcbInfo }),
    ...(files && { files }),
  });
  return {
    technology: 'tdx',
    roots: intel.roots,
    entry,
    collateral: readCollateral(collateral),
    name,
    prove: async (given) => {
      const { reportData, hostData } = change(given);
      const run = hexEncode(padded(hostData, 48));
      const bytes = tdBody({ reportData: padded(reportData, 64), mrConfigId: run, ...body });
      return evidenceOf('tdx', await intel.quote(4, bytes, quote));
    },
  };
}

export type NitroChanges = {
  readonly document?: NitroOptions;
  readonly revoked?: readonly number[];
  readonly lists?: 'missing';
  readonly entry?: object;
  readonly bound?: (bound: Bound) => Bound;
};

const RUN_REGISTER = 16;

/** An enclave of a made-up AWS; the run stands in register 16, extended once. */
export async function nitroPlatform(aws: FakeNitro, changes: NitroChanges = {}): Promise<FakePlatform> {
  const { document, revoked = [], lists, bound: change = (bound) => bound } = changes;
  const entry = pinned('aws-nitro', await aws.document(), { runRegister: RUN_REGISTER, ...changes.entry });
  const [name = ''] = 'platforms' in entry && Array.isArray(entry.platforms) ? entry.platforms : [];
  const crls = lists === 'missing' ? [] : await aws.crls(revoked);
  return {
    technology: 'aws-nitro',
    roots: { aws: readCollateral([{ name: 'root', bytes: aws.root }]).certificates },
    entry,
    collateral: readCollateral(crls.map((bytes, at) => ({ name: String(at), bytes }))),
    name,
    prove: async (given) => {
      const { reportData, hostData } = change(given);
      const pcrs = nitroPcrs([[RUN_REGISTER, await FakeNitro.extendedOnce(hostData)]]);
      return evidenceOf('aws-nitro', await aws.document({ userData: reportData, pcrs, ...document }));
    },
  };
}

/** Evidence of a platform for a room of a run. @param nonces one of each vault */
export async function proveOn(
  platform: Pick<FakePlatform, 'technology' | 'prove'>,
  run: Run,
  room: Pick<Room, 'keys'>,
  nonces: readonly VaultNonce[],
): Promise<Evidence> {
  const hostData = await sha256(await manifestOf(run, platform.technology));
  return platform.prove({ hostData, reportData: await roomBinding(nonces, room.keys, hostData) });
}
