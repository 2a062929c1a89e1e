// The vault's store of collateral: where it lies, whom it is fetched from, and what is written into the log of it: what evidence
// needed and could not be had, and what ends soon. Roots are those pinned in the program.
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { type Collateral, type Evidence, type KeySet, type Roots, vendorRoots } from '@sealroom/attest';
import {
  type CollateralStore,
  openCollateralStore,
  serviceSettings,
  servicesOf,
} from '@sealroom/host/collateral';
import { z } from 'zod';
import type { VaultLog } from '../start.ts';

export const collateralSettings = z.strictObject({
  /** `<data>/collateral` when left out. Vaults on one machine may share one. */
  folder: z.string().min(1).optional(),
  /** `offline`, or addresses that stand in for the vendors' own. */
  services: serviceSettings.default({ keySets: {} }),
  /** File with the PEM authorities to trust for the services' TLS; the system's when left out. */
  caPath: z.string().min(1).optional(),
});

const SOON_MS = 7 * 24 * 3_600_000;
const LOOK_MS = 3_600_000;

/** How many pieces are kept and current, and how many end within seven days or have ended with nothing newer. */
export type CollateralStatus = { readonly kept: number; readonly ending: number };

export type VaultCollateral = {
  forEvidence(evidence: Evidence): Promise<Collateral>;
  /** What `forEvidence` fetched of token services. */
  keySets(evidence: Evidence): Promise<readonly KeySet[]>;
  status(): Promise<CollateralStatus>;
  close(): void;
};

async function warn(store: CollateralStore, log: VaultLog, clock: () => number): Promise<void> {
  for (const { name, piece } of await store.expiring(SOON_MS)) {
    const until = new Date(piece.notAfter).toISOString();
    log.event('vault.collateral-ends', { what: name, until, ended: piece.notAfter <= clock() });
  }
  for (const { file, code } of (await store.list()).bad) log.event('vault.collateral-bad', { file, code });
}

/** Opens the store and looks at it once an hour. @throws what making the folder and reading the authorities throws */
export async function openVaultCollateral(
  settings: z.output<typeof collateralSettings>,
  {
    dataDirectory,
    log,
    clock = Date.now,
    roots = vendorRoots(),
  }: { dataDirectory: string; log: VaultLog; clock?: () => number; roots?: Roots },
): Promise<VaultCollateral> {
  const { caPath } = settings;
  const store = await openCollateralStore({
    folder: settings.folder ?? join(dataDirectory, 'collateral'),
    roots,
    clock,
    services: servicesOf(settings.services),
    caPem: caPath === undefined ? undefined : readFileSync(caPath, 'utf8'),
  });
  const look = async (): Promise<void> => {
    await warn(store, log, clock).catch((error: unknown) =>
      log.failure('vault.behind', error, { what: 'collateral' }),
    );
  };
  await look();
  const timer = setInterval(() => void look(), LOOK_MS);
  return {
    async forEvidence(evidence) {
      const { collateral, unmet } = await store.gather(evidence);
      for (const { need, code } of unmet) log.event('vault.collateral-missing', { need, code });
      return collateral;
    },
    async keySets(evidence) {
      return (await store.gather(evidence)).keySets;
    },
    async status() {
      const [{ good }, ending] = await Promise.all([store.list(), store.expiring(SOON_MS)]);
      const at = clock();
      const kept = good.filter(({ piece }) => piece.notBefore <= at && at < piece.notAfter).length;
      return { kept, ending: ending.length };
    },
    close() {
      clearInterval(timer);
      store.close();
    },
  };
}
