// A fake AMD and a fake Intel, their services on this machine, evidence of theirs, and stores before these or other services.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Evidence, readCollateral, type Roots } from '@sealroom/attest';
import { base64urlEncode, hexEncode } from '@sealroom/bytes';
import { FakeIntel, tdBody } from '@sealroom/testkit/vendors/intel';
import { OCSP_PATH } from '@sealroom/testkit/vendors/nvidia-services';
import {
  amdAnswers,
  intelAnswers,
  startVendorServices,
  type VendorAnswers,
  type VendorServices,
} from '@sealroom/testkit/vendors/services';
import { fakeAmd, SNP_TCB } from '@sealroom/testkit/vendors/sev-snp';
import { FETCH_LIMITS, type FetchLimits } from './fetch.ts';
import type { FolderLimits } from './folder.ts';
import { servicesOf } from './services.ts';
import { type CollateralStore, openCollateralStore } from './store.ts';

export const NOW = Date.parse('2026-11-22T10:00:00Z');
export const DAY = 86_400_000;
export const TCB = { ...SNP_TCB, fmc: 0 };

/** Vendors are slow to make and do not change: all tests of a file share them. */
export async function makeVendors(at = NOW) {
  const amd = await fakeAmd('Milan', at);
  const intel = await FakeIntel.create(at);
  const vcek = await amd.endorse('VCEK', { tcb: TCB });
  const report = await amd.report(vcek);
  const chip = hexEncode(report.slice(0x1a0, 0x1e0));
  const quote = await intel.quote(4, tdBody());
  const roots: Roots = {
    ...intel.roots,
    amd: readCollateral([{ name: 'ark', bytes: amd.root }]).certificates,
  };
  const snp: Evidence = { technology: 'sev-snp', body: base64urlEncode(report) };
  const tdx: Evidence = { technology: 'tdx', body: base64urlEncode(quote) };
  return { amd, intel, vcek, chip, roots, snp, tdx };
}
export type Vendors = Awaited<ReturnType<typeof makeVendors>>;

export const PATHS = {
  chain: '/vcek/v1/Milan/cert_chain',
  crl: '/vcek/v1/Milan/crl',
  tcb: '/tdx/certification/v4/tcb?fmspc=b0c06f000000',
  identity: '/tdx/certification/v4/qe/identity',
  rootCrl: '/IntelSGXRootCA.der',
  pckCrl: '/sgx/certification/v4/pckcrl?ca=platform&encoding=der',
} as const;

export type Stage = {
  readonly clock: { now: number };
  readonly vendors: VendorServices;
  readonly folder: string;
  /** A store over the same folder, as another process would open it. */
  open(how?: {
    offline?: boolean;
    caPem?: string;
    fetch?: Partial<FetchLimits>;
    folder?: FolderLimits;
    keySets?: { [issuer: string]: string };
  }): Promise<CollateralStore>;
  close(): Promise<void>;
};

/** Patient with a busy machine. */
const LIMITS: FetchLimits = { ...FETCH_LIMITS, timeoutMs: 60_000, burst: 1_000 };

export async function setStage({ amd, intel, vcek, chip, roots }: Vendors): Promise<Stage> {
  const answers = await amdAnswers(amd, { chip, tcb: TCB, certificate: vcek.certificate });
  return stageBefore(roots, answers, await intelAnswers(intel, 'tdx'));
}

/** Stores that trust these roots, before services that give these answers. */
export async function stageBefore(roots: Roots, ...answers: readonly VendorAnswers[]): Promise<Stage> {
  const clock = { now: NOW };
  const vendors = await startVendorServices(...answers);
  const folder = await mkdtemp(join(tmpdir(), 'sealroom-collateral-'));
  const stores: CollateralStore[] = [];
  const { url } = vendors;
  return {
    clock,
    vendors,
    folder,
    async open({ offline = false, caPem = vendors.caPem, fetch, folder: bounds, keySets = {} } = {}) {
      const services = servicesOf({
        amd: url,
        intel: url,
        intelCertificates: url,
        nvidiaManifests: url,
        nvidiaOcsp: url + OCSP_PATH,
        keySets,
      });
      const store = await openCollateralStore({
        folder,
        roots,
        clock: () => clock.now,
        services: offline ? undefined : services,
        caPem,
        limits: { fetch: { ...LIMITS, ...fetch }, ...(bounds && { folder: bounds }) },
      });
      stores.push(store);
      return store;
    },
    async close() {
      for (const store of stores) store.close();
      await vendors.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
