// The hardware under an Azure confidential VM, verified by its own technology: the report that the paravisor asked for. What
// that report says of report data is compared by verify.ts; its own report data never binds a run.
import { AttestError } from '../error.ts';
import type { TechnologyOf } from '../technology.ts';
import type { Check, Claims, CollateralUse, Context } from '../types.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { HardwareName } from './hcl.ts';
import type { AzureEvidence } from './parse.ts';

type Hardware = Pick<TechnologyOf<unknown, Claims, unknown>, 'verify' | 'appraise' | 'supplies' | 'pin'> & {
  /** @param certificates that came beside the report @throws AttestError */
  parse(bytes: Uint8Array, certificates: readonly Certificate[]): unknown;
};

/** Technologies of the hardware that Azure has under its confidential VMs. */
export type HardwareTable = { readonly [name in HardwareName]: Hardware };

export type HardwareVerdict = {
  readonly checks: readonly Check[];
  /** Only when the hardware's report is authentic. */
  readonly claims: Claims | undefined;
  readonly used: readonly CollateralUse[];
};

function bytesOf({ hcl, tdQuote }: AzureEvidence): Uint8Array | undefined {
  return hcl.hardware === 'tdx' ? tdQuote : hcl.report;
}

/** Verifies and appraises the hardware's report under the entry for it. Never throws for bad evidence. */
export async function verifyHardware(
  table: HardwareTable,
  evidence: AzureEvidence,
  { entry, context }: { entry: { readonly technology: HardwareName }; context: Context },
): Promise<HardwareVerdict> {
  const { hardware: name } = evidence.hcl;
  const failed = (what: string, detail: string): HardwareVerdict => {
    const id = `azure-cvm/${what}`;
    return { checks: [{ id, category: 'authentic', outcome: 'fail', detail }], claims: undefined, used: [] };
  };
  if (entry.technology !== name) return failed('hardware', 'the hardware is that which the entry names');
  const bytes = bytesOf(evidence);
  if (!bytes) return failed('td-quote', 'the trust domain’s quote came with its HCL report');
  const hardware = table[name];
  let verified: HardwareVerdict;
  try {
    verified = await hardware.verify(hardware.parse(bytes, evidence.certificates), entry, context);
  } catch (error) {
    if (!(error instanceof AttestError)) throw error;
    return failed('hardware-malformed', error.message);
  }
  if (!verified.claims) return verified;
  const appraised = await hardware.appraise(verified.claims, entry, context);
  return { ...verified, checks: [...verified.checks, ...appraised] };
}
