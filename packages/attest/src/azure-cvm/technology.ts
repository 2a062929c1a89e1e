// Azure confidential VMs on SEV-SNP or TDX, as their guests prove themselves: through a virtual TPM in Microsoft's paravisor.
import { collectChecks } from '../checks.ts';
import type { Collateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import { allowsPlatform } from '../entry.ts';
import type { TechnologyOf } from '../technology.ts';
import { extendedOnce, notePinned, pinRegisters } from '../tpm/registers.ts';
import type { Check, Verified } from '../types.ts';
import type { AzureEntry } from './entry.ts';
import type { HardwareTable } from './hardware.ts';
import { parseSnpEvidence } from '../sev-snp/parse.ts';
import { sevSnp } from '../sev-snp/technology.ts';
import { tdx } from '../tdx/technology.ts';
import { type AzureEvidence, looksLikeAzure, parseAzure } from './parse.ts';
import { type AzureClaims, verifyAzure, verifyReport } from './verify.ts';

function appraise(claims: AzureClaims, entry: AzureEntry): readonly Check[] {
  const checks = collectChecks('azure-cvm');
  const { runtime, registers, firmwareVersion } = claims;
  notePinned(checks, registers, entry.pcrs);
  const recent = firmwareVersion >= entry.minFirmware;
  checks.check('firmware', 'tcb', recent, 'the TPM’s firmware is not older than the entry allows');
  const secure = runtime.secureBoot || entry.secureBoot === 'accepted';
  checks.check('secure-boot', 'configuration', secure, 'secure boot is on where the entry requires it');
  checks.check('tpm-enabled', 'configuration', runtime.tpmEnabled, 'the machine measures into its TPM');
  const quiet = !runtime.consoleEnabled || entry.console === 'accepted';
  checks.check('console', 'configuration', quiet, 'the serial console is off unless the entry accepts it');
  const allowed = allowsPlatform(entry.hardware.platforms, claims.platform);
  checks.check('platform', 'platform', allowed, 'the platform is one that the hardware’s entry names');
  return checks.list;
}

function pinHardware(
  table: HardwareTable,
  evidence: AzureEvidence,
  beside?: Collateral,
): AzureEntry['hardware'] {
  const { hcl, tdQuote, certificates } = evidence;
  if (hcl.hardware === 'tdx' && !tdQuote)
    throw new AttestError(
      'attest/no-evidence',
      'The trust domain’s quote is not here; its HCL report alone pins nothing.',
    );
  const hardware = table[hcl.hardware];
  const entry = hardware.pin(
    hardware.parse(tdQuote ?? hcl.report, certificates),
    beside,
  ) as AzureEntry['hardware'];
  const run = { hostData: undefined, runBinding: 'software' } as const;
  return entry.technology === 'sev-snp' ? { ...entry, ...run, vmpl: 0 } : { ...entry, ...run };
}

function pin(table: HardwareTable, evidence: AzureEvidence, beside?: Collateral): AzureEntry {
  const { hcl, quote } = evidence;
  if (!quote)
    throw new AttestError('attest/no-evidence', 'An HCL report alone pins no room; it has no quote.');
  return {
    technology: 'azure-cvm',
    hardware: pinHardware(table, evidence, beside),
    pcrs: pinRegisters(quote.registers),
    minFirmware: quote.info.firmwareVersion,
    secureBoot: hcl.claims.secureBoot ? 'required' : 'accepted',
    console: hcl.claims.consoleEnabled ? 'accepted' : 'forbidden',
    runBinding: 'software',
  };
}

/** The technology over these kinds of hardware. */
export function azureCvmOn(table: HardwareTable): TechnologyOf<AzureEvidence, AzureClaims, AzureEntry> {
  return {
    name: 'azure-cvm',
    title: 'Azure confidential VM',
    hardware: true,
    needs: ['tcb', 'configuration', 'freshness', 'revocation'],
    detect: looksLikeAzure,
    parse: parseAzure,
    verify: (parsed, entry, context) => verifyAzure(table, parsed, { entry, context }),
    appraise: async (claims, entry) => appraise(claims, entry),
    holdsRun: async (claims, entry, run) => extendedOnce(claims.registers, entry.runRegister, run),
    async verifyPart(parsed, entry, context): Promise<Omit<Verified, 'claims'>> {
      if (entry.only !== 'report') throw new TypeError('The entry is of another technology.');
      return verifyReport(table, parsed, { hardware: entry.hardware, context });
    },
    supplies({ hcl, tdQuote, certificates }, there) {
      const one = table[hcl.hardware];
      const bytes = hcl.hardware === 'tdx' ? tdQuote : hcl.report;
      return bytes && one.supplies ? one.supplies(one.parse(bytes, certificates), there) : [];
    },
    pinPart: (parsed, beside) =>
      parsed.quote
        ? undefined
        : { technology: 'azure-cvm', only: 'report', hardware: pinHardware(table, parsed, beside) },
    pin: (parsed, beside) => pin(table, parsed, beside),
  };
}

export const azureCvm = azureCvmOn({
  'sev-snp': {
    ...sevSnp,
    parse: (bytes, certificates) => ({ ...parseSnpEvidence(bytes), certificates }),
  },
  tdx,
});
