// An Azure confidential VM on a processor of a made-up AMD, as cheats are played with it.
import { type Entry, technologyOf } from '@sealroom/attest';
import type { Bytes } from '@sealroom/bytes';
import type { FakeHcl, HclOptions } from '../vendors/azure-cvm.ts';
import type { FakeAmd, SnpEndorsement, SnpReportFields } from '../vendors/sev-snp.ts';
import type { QuoteOptions } from '../vendors/tpm.ts';
import type { Bound } from '../world-hardware.ts';
import { PINNED, quoteFor, RUN_REGISTER } from './quotes.ts';

const told = (code: string, ...checks: readonly string[]) => checks.map((id) => `release/${code} ${id}`);
export const azure = (code: string, ...checks: readonly string[]) =>
  told(code, ...checks.map((id) => `azure-cvm/${id}`));
export const snp = (code: string, ...checks: readonly string[]) =>
  told(code, ...checks.map((id) => `sev-snp/${id}`));

type Changes = {
  /** Of the paravisor's claims, or the whole of what stands in the HCL report. */
  readonly hcl?: HclOptions;
  readonly fields?: Partial<SnpReportFields>;
  /** Another key than the chip's good one. */
  readonly key?: SnpEndorsement;
  readonly quote?: Partial<QuoteOptions>;
};

export type Machine = {
  readonly amd: FakeAmd;
  readonly key: SnpEndorsement;
  readonly hcl: FakeHcl;
};

export const proofOf =
  ({ amd, key: own, hcl: machine }: Machine) =>
  async (bound: Bound, { hcl, fields, key = own, quote }: Changes = {}): Promise<Bytes> =>
    machine.evidence({
      ...(await quoteFor(bound)),
      ...quote,
      report: (reportData) => amd.report(key, { reportData, ...fields }),
      vcek: [key.certificate],
      ...hcl,
    });
export type Proof = ReturnType<typeof proofOf>;

/** An entry that accepts exactly this machine, with the run in a register. */
export async function entryOf(proof: Proof): Promise<Entry> {
  const one = technologyOf('azure-cvm');
  const empty = { reportData: new Uint8Array(32).fill(1), hostData: new Uint8Array(32) };
  const pinned = one.pin(one.parse(await proof(empty))) as Entry & { pcrs: object; runBinding?: unknown };
  const { runBinding: _, ...entry } = pinned;
  const values = Object.fromEntries(Object.entries(PINNED).map(([index, value]) => [index, [value]]));
  return {
    ...entry,
    pcrs: { ...entry.pcrs, values },
    hostData: 'manifest',
    runRegister: RUN_REGISTER,
  } as Entry;
}
