// Any TPM 2.0 with an attestation key that a vendor certifies or the entry pins. It proves which boot chain a machine with
// this TPM measured; it proves no protection of memory from the machine's owner or host: see docs/attestation/tpm.md.
import { hexEncode, sha256 } from '@sealroom/bytes';
import { z } from 'zod';
import { type Checks, collectChecks, pinnedKeyUse } from '../checks.ts';
import { AttestError } from '../error.ts';
import { hex, platforms, revocation, runMembers, saysRun } from '../entry.ts';
import type { TechnologyOf } from '../technology.ts';
import type { Check, Claims, CollateralUse, Context, Verified } from '../types.ts';
import type { Bytes } from '@sealroom/bytes';
import { AK_VENDORS, verifyAkChain } from './ak-chain.ts';
import { looksLikeTpm, parseTpm, type TpmEvidence } from './parse.ts';
import { describeQuote, noteQuote } from './quote.ts';
import {
  describeRegisters,
  extendedOnce,
  namesRunRegister,
  notePinned,
  pinnedRegisters,
  pinRegisters,
  type Registers,
  runRegister,
} from './registers.ts';

const vendors = z.array(z.enum(AK_VENDORS)).max(AK_VENDORS.length);

/** `names` are SHA-256 of TPMT_PUBLIC: the TPM's name of the key without the leading 000b. */
export const tpmEntry = z
  .strictObject({
    technology: z.literal('tpm'),
    ak: z.union([
      z.strictObject({ vendors, revocation }),
      z.strictObject({ names: z.array(hex(32)).max(10_000) }),
    ]),
    pcrs: pinnedRegisters,
    minFirmware: hex(8),
    platforms,
    ...runMembers,
    runRegister,
  })
  .refine(saysRun, 'exactly one of hostData and runBinding must be said')
  // The firmware fills all other registers: another one can write there what it likes.
  .refine(({ pcrs }) => pcrs.values['0'], 'register 0, the firmware, must be pinned')
  .refine(namesRunRegister, 'runRegister belongs to hostData, needs the bank sha256, and is not pinned');

export type TpmEntry = z.infer<typeof tpmEntry>;

/** Accepts an attestation key's certificate chain, and looks at nothing else. */
export const chainEntry = z.strictObject({
  technology: z.literal('tpm'),
  only: z.literal('chain'),
  vendors,
  revocation,
});

type ChainEntry = z.infer<typeof chainEntry>;

type TpmClaims = Claims & { readonly registers: Registers; readonly firmwareVersion: string };
type QuoteEvidence = Extract<TpmEvidence, { kind: 'quote' }>;

type KeyVerdict = { readonly spki: Bytes | undefined; readonly used: readonly CollateralUse[] };

async function verifyKey(
  checks: Checks,
  { key, certificates, quote }: QuoteEvidence,
  { ak }: TpmEntry,
  context: Context,
): Promise<KeyVerdict> {
  if ('names' in ak) {
    const name = key && hexEncode(await sha256(key.bytes));
    const pinned = name !== undefined && ak.names.includes(name);
    const detail = 'the attestation key is one that the entry names';
    if (!checks.check('ak-pinned', 'authentic', pinned, detail) || !key) return { spki: undefined, used: [] };
    const { kind, hash } = key.scheme;
    const good = key.attestation && kind === quote.scheme.kind && hash === quote.scheme.hash;
    checks.check('ak-attributes', 'authentic', good, 'the key signs only what the TPM itself made');
    const used = await pinnedKeyUse('a TPM', key.bytes, context.at);
    return { spki: good ? key.spki : undefined, used: [used] };
  }
  const { vendors: allowed, revocation: rule } = ak;
  const { good, used } = await verifyAkChain(checks, certificates, {
    vendors: allowed,
    revocation: rule,
    context,
  });
  return { spki: good ? certificates[0]?.spki : undefined, used };
}

async function verify(parsed: TpmEvidence, entry: TpmEntry, context: Context): Promise<Verified<TpmClaims>> {
  const checks = collectChecks('tpm');
  if (parsed.kind === 'certificates') {
    checks.check('quote', 'authentic', false, 'the evidence holds a quote, and not certificates alone');
    return { checks: checks.list, claims: undefined, used: [] };
  }
  const { quote } = parsed;
  const { spki, used } = await verifyKey(checks, parsed, entry, context);
  const authentic = spki !== undefined && (await noteQuote(checks, quote, spki));
  if (!authentic) return { checks: checks.list, claims: undefined, used };
  const { info, registers } = quote;
  const platform = `tpm:ak:${hexEncode(await sha256(spki))}`;
  const claims: TpmClaims = {
    technology: 'tpm',
    hardware: true,
    debug: false,
    platform,
    registers,
    launch: `${info.bank}:${hexEncode(info.digest)}`,
    hostData: undefined,
    reportData: info.extraData,
    firmwareVersion: info.firmwareVersion,
    signed: {
      ...describeQuote(quote),
      extraData: hexEncode(info.extraData),
      registers: describeRegisters(registers),
    },
  };
  return { checks: checks.list, claims, used };
}

function appraise(claims: TpmClaims, entry: TpmEntry): readonly Check[] {
  const checks = collectChecks('tpm');
  notePinned(checks, claims.registers, entry.pcrs);
  checks.check(
    'firmware',
    'tcb',
    claims.firmwareVersion >= entry.minFirmware,
    'the TPM’s firmware is not older than the entry allows',
  );
  return checks.list;
}

async function verifyChainOnly(
  parsed: TpmEvidence,
  entry: ChainEntry,
  context: Context,
): Promise<Omit<Verified, 'claims'>> {
  const checks = collectChecks('tpm');
  const { used } = await verifyAkChain(checks, parsed.certificates, { ...entry, context });
  return { checks: checks.list, used };
}

function pin(parsed: TpmEvidence): TpmEntry {
  if (parsed.kind === 'certificates')
    throw new AttestError('attest/no-evidence', 'Certificates alone pin no room; they have no quote.');
  const { registers, info } = parsed.quote;
  return {
    technology: 'tpm',
    ak: { vendors: [...AK_VENDORS], revocation: 'required' },
    pcrs: pinRegisters(registers),
    minFirmware: info.firmwareVersion,
    platforms: [],
    runBinding: 'software',
  };
}

export const tpm: TechnologyOf<TpmEvidence, TpmClaims, TpmEntry> = {
  name: 'tpm',
  title: 'TPM 2.0',
  hardware: true,
  needs: ['tcb', 'freshness'],
  vendors: AK_VENDORS,
  detect: looksLikeTpm,
  parse: parseTpm,
  verify,
  appraise: async (claims, entry) => appraise(claims, entry),
  holdsRun: async (claims, entry, run) => extendedOnce(claims.registers, entry.runRegister, run),
  verifyPart: verifyChainOnly,
  pinPart: ({ kind }) =>
    kind === 'certificates'
      ? { technology: 'tpm', only: 'chain', vendors: [...AK_VENDORS], revocation: 'required' }
      : undefined,
  pin,
};
