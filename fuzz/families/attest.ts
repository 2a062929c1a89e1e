// Family attest: evidence of hardware by technology.
import type { Family } from '../engine/target.ts';
import { collateralTargets } from './attest-collateral.ts';
import { intelTargets } from './attest-intel.ts';
import { snpTargets } from './attest-snp.ts';
import { tokenTargets } from './attest-tokens.ts';
import { nvidiaTargets } from './attest-nvidia.ts';
import { tpmTargets } from './attest-tpm.ts';

export async function attestFamily(): Promise<Family> {
  return {
    name: 'attest',
    targets: [
      ...(await snpTargets()),
      ...(await intelTargets()),
      ...(await tpmTargets()),
      ...(await tokenTargets()),
      ...(await nvidiaTargets()),
      ...(await collateralTargets()),
    ],
  };
}
