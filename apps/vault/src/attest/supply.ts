// What this vault holds hardware evidence against: the roots pinned in the program, what vendors publish beside evidence, and
// its owner's own policy, which is one more party. Roots are an argument for tests in this process; no setting names any.
import {
  AttestError,
  type Collateral,
  type Evidence,
  type KeySet,
  NO_COLLATERAL,
  type Roots,
  technologyOf,
  vendorRoots,
} from '@sealroom/attest';
import type { AttestPolicy } from '@sealroom/contract';
import { Refusal } from '@sealroom/host';
import type { Reason } from '../db.ts';
import type { CollateralStatus } from './collateral.ts';

export type AttestParty = AttestPolicy & {
  readonly roots: Roots;
  /** What vendors publish that this evidence may need, as this vault has it now; stale pieces are refused by the appraisal. */
  readonly collateral: (evidence: Evidence) => Promise<Collateral>;
  /** Key sets of token services, as this vault got them from their issuers' configured addresses. */
  readonly keySets?: (evidence: Evidence) => Promise<readonly KeySet[]>;
  readonly collateralStatus?: () => Promise<CollateralStatus>;
};

/** Pinned roots, nobody distrusted, and no collateral: hardware evidence is refused where it needs any. */
export const PINNED: AttestParty = {
  get roots() {
    return vendorRoots();
  },
  distrust: [],
  collateral: async () => NO_COLLATERAL,
};

export type Supplied = {
  readonly collateral: Collateral;
  readonly keySets: readonly KeySet[];
  readonly problems: readonly Reason[];
};

const NOTHING: Supplied = { collateral: NO_COLLATERAL, keySets: [], problems: [] };

/** Collateral for evidence. That it cannot be read is a reason against the release, not a failure of the vault. */
export async function suppliedFor(party: AttestParty, evidence: Evidence): Promise<Supplied> {
  const bare = evidence.devices === undefined;
  if (bare && !technologyOf(evidence.technology).hardware) return NOTHING;
  try {
    const collateral = await party.collateral(evidence);
    return { collateral, keySets: (await party.keySets?.(evidence)) ?? [], problems: [] };
  } catch (error) {
    if (!(error instanceof AttestError || error instanceof Refusal)) throw error;
    const detail = `this vault’s collateral cannot be read: ${error.message}`;
    return { ...NOTHING, problems: [{ code: 'release/revocation', detail }] };
  }
}
