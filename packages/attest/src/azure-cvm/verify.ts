// The chain of an Azure confidential VM: the vendor signs the hardware's report; its report data is SHA-256 of the paravisor's
// claims; these name the TPM's attestation key; that key signs nonce and registers. The launch measurement is that of Microsoft's
// paravisor alone: the guest is what the registers say, which is why an entry must pin them.
import { bytesEqual, hexEncode, sha256 } from '@sealroom/bytes';
import { type Checks, collectChecks, holdsPadded } from '../checks.ts';
import { describeQuote, noteQuote, type Quote } from '../tpm/quote.ts';
import { describeRegisters, type Registers } from '../tpm/registers.ts';
import type { Claims, Context, Verified } from '../types.ts';
import type { AzureEntry } from './entry.ts';
import { type HardwareTable, verifyHardware } from './hardware.ts';
import { type RuntimeClaims, tdReportData } from './hcl.ts';
import type { AzureEvidence } from './parse.ts';

export type AzureClaims = Claims & {
  readonly registers: Registers;
  readonly firmwareVersion: string;
  readonly runtime: RuntimeClaims;
};

/** Notes whether the hardware vouches for exactly these claims of the paravisor. */
async function noteRuntime(checks: Checks, { hcl }: AzureEvidence, { reportData }: Claims): Promise<boolean> {
  const bound = checks.check(
    'runtime-claims',
    'authentic',
    reportData.length === 64 && holdsPadded(reportData, await sha256(hcl.runtime)),
    'the hardware’s report data is the digest of the paravisor’s claims',
  );
  if (hcl.hardware !== 'tdx') return bound;
  const same = checks.check(
    'td-report',
    'authentic',
    bytesEqual(tdReportData(hcl), reportData),
    'the quote is of the report that the paravisor asked for',
  );
  return bound && same;
}

function claimsOf(hardware: Claims, quote: Quote, { hcl }: AzureEvidence): AzureClaims {
  const { info, registers } = quote;
  const { secureBoot, tpmEnabled, consoleEnabled, vmUniqueId } = hcl.claims;
  return {
    technology: 'azure-cvm',
    hardware: true,
    debug: hardware.debug,
    launch: `${hardware.launch}:${info.bank}:${hexEncode(info.digest)}`,
    hostData: undefined,
    reportData: info.extraData,
    platform: hardware.platform,
    otherNames: hardware.otherNames,
    registers,
    firmwareVersion: info.firmwareVersion,
    runtime: hcl.claims,
    signed: {
      ...hardware.signed,
      hardware: hardware.technology,
      ...describeQuote(quote),
      extraData: hexEncode(info.extraData),
      registers: describeRegisters(registers),
      secureBoot,
      tpmEnabled,
      consoleEnabled,
      vmUniqueId,
    },
  };
}

/** Verifies the hardware's report and what it vouches for, without a quote. */
export async function verifyReport(
  table: HardwareTable,
  evidence: AzureEvidence,
  { hardware: entry, context }: { hardware: AzureEntry['hardware']; context: Context },
): Promise<Verified> {
  const checks = collectChecks('azure-cvm');
  const hardware = await verifyHardware(table, evidence, { entry, context });
  const good = hardware.claims !== undefined && (await noteRuntime(checks, evidence, hardware.claims));
  return {
    checks: [...hardware.checks, ...checks.list],
    claims: good ? hardware.claims : undefined,
    used: hardware.used,
  };
}

export async function verifyAzure(
  table: HardwareTable,
  evidence: AzureEvidence,
  { entry, context }: { entry: AzureEntry; context: Context },
): Promise<Verified<AzureClaims>> {
  const { quote, hcl } = evidence;
  const report = await verifyReport(table, evidence, { hardware: entry.hardware, context });
  const checks = collectChecks('azure-cvm');
  const quoted = checks.check(
    'quote',
    'authentic',
    quote !== undefined,
    'the TPM’s quote came with the report',
  );
  const good = quoted && quote !== undefined && (await noteQuote(checks, quote, hcl.claims.ak));
  const claims = good && report.claims ? claimsOf(report.claims, quote, evidence) : undefined;
  return { checks: [...report.checks, ...checks.list], claims, used: report.used };
}
