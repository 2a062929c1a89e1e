// Platform configuration registers: what a quote says of them, held against values that came beside it. Only registers of
// the bank and the indices that the TPM signed count; values of any other are refused. Not done here: replay of event logs.
import { type Bytes, bytesEqual, concat, hexDecode, hexEncode, sha256 } from '@sealroom/bytes';
import { z } from 'zod';
import type { Checks } from '../checks.ts';
import { AttestError } from '../error.ts';
import { BANKS, type Bank, type QuoteInfo } from './structures.ts';
import type { Hash } from '../x509/signature.ts';

/** Values of registers by index, as they came with the evidence. */
export type Registers = { readonly bank: Bank; readonly values: ReadonlyMap<number, Bytes> };

function isIndex(text: string): boolean {
  return /^(?:[0-9]|1[0-9]|2[0-3])$/.test(text);
}

/** @param values hexadecimal by decimal index. @throws attest/malformed */
export function readRegisters(bank: unknown, values: { readonly [index: string]: unknown }): Registers {
  if (bank !== 'sha256' && bank !== 'sha384')
    throw new AttestError('attest/malformed', 'The registers are not of the bank sha256 or sha384.');
  const length = 2 * BANKS[bank];
  const read = Object.entries(values).map(([index, value]) => {
    if (!isIndex(index) || typeof value !== 'string' || !/^[0-9a-f]*$/.test(value) || value.length !== length)
      throw new AttestError(
        'attest/malformed',
        'A register is not a value of its bank at an index up to 23.',
      );
    return [Number(index), hexDecode(value)] as const;
  });
  return { bank, values: new Map(read) };
}

/** The digest that the TPM signs, over exactly the registers that it names; undefined when a value is missing or too many. */
async function digestOf(quote: QuoteInfo, registers: Registers, hash: Hash): Promise<Bytes | undefined> {
  if (registers.bank !== quote.bank || registers.values.size !== quote.selected.length) return undefined;
  const values: Bytes[] = [];
  for (const index of quote.selected) {
    const value = registers.values.get(index);
    if (!value) return undefined;
    values.push(value);
  }
  return new Uint8Array(await crypto.subtle.digest(hash, concat(...values)));
}

/** Notes whether the values are those that were quoted: same bank, same indices, same digest. */
export async function noteRegisters(
  checks: Checks,
  quote: QuoteInfo,
  { registers, hash }: { registers: Registers; hash: Hash },
): Promise<boolean> {
  const digest = await digestOf(quote, registers, hash);
  const selected = checks.check(
    'pcr-selection',
    'authentic',
    digest !== undefined,
    'the values are of exactly the bank and registers that the TPM signed',
  );
  if (!digest) return selected;
  return checks.check(
    'pcr-digest',
    'authentic',
    bytesEqual(digest, quote.digest),
    'the values of the registers give the digest that the TPM signed',
  );
}

const value = z.string().regex(/^(?:[0-9a-f]{64}|[0-9a-f]{96})$/);

/**
 * What a boot loader measures, by its kind: GRUB commands and command lines (8) and files, the initial RAM disk among them (9);
 * systemd's stub a unified kernel image (11) and what stands beside it, command lines and credentials (12). One without the other
 * leaves open what runs: a good image with another command line, or a good command line with another initial RAM disk.
 */
const LOADERS = [
  ['8', '9'],
  ['11', '12'],
] as const;

/**
 * Accepted values by index. Register 4 (what firmware started) and 7 (secure boot and firmware's debug mode) must be there,
 * and both registers of a loader: without them nothing says which code runs.
 */
export const pinnedRegisters = z
  .strictObject({
    bank: z.enum(['sha256', 'sha384']),
    values: z.record(z.string().refine(isIndex, 'not the index of a register'), z.array(value).max(64)),
  })
  .refine(({ values }) => values['4'] && values['7'], 'registers 4 and 7 must be pinned')
  .refine(
    ({ values }) => LOADERS.some((both) => both.every((index) => values[index])),
    'registers 8 and 9, or 11 and 12, must be pinned: command lines are code too',
  )
  .refine(
    ({ bank, values }) =>
      Object.values(values).every((list) => list.every((one) => one.length === 2 * BANKS[bank])),
    'a value has not the length of its bank',
  );

export type PinnedRegisters = z.infer<typeof pinnedRegisters>;

/**
 * The register that is extended once with SHA-256 of the manifest: one of those that nothing resets while the machine runs
 * (16 and 23 can be reset by any program, 17 to 22 by a dynamic launch) and that firmware does not fill (0 to 7).
 */
export const runRegister = z.int().min(8).max(15).optional();

export type RunRegister = {
  readonly hostData?: 'manifest' | undefined;
  readonly runRegister?: number | undefined;
  readonly pcrs: PinnedRegisters;
};

/** For `refine`: the register is named exactly where it names the run, is of SHA-256, and is not pinned as well. */
export function namesRunRegister({ hostData, runRegister: index, pcrs }: RunRegister): boolean {
  if (hostData === undefined || index === undefined) return hostData === undefined && index === undefined;
  return pcrs.bank === 'sha256' && !pcrs.values[index];
}

/** Notes one check for each register that the entry pins. */
export function notePinned(checks: Checks, registers: Registers, pinned: PinnedRegisters): void {
  for (const [index, accepted] of Object.entries(pinned.values)) {
    const found = registers.values.get(Number(index));
    const good = registers.bank === pinned.bank && found !== undefined && accepted.includes(hexEncode(found));
    checks.check(`pcr/${index}`, 'code', good, `register ${index} has a value that the entry names`);
  }
  const debug = registers.values.get(7);
  checks.check(
    'debug',
    'debug',
    registers.bank === pinned.bank &&
      debug !== undefined &&
      (pinned.values['7'] ?? []).includes(hexEncode(debug)),
    'register 7, in which firmware notes its debug mode, has a value that the entry names',
  );
}

/** Whether the run register holds what extending zeros once with `run` gives, and nothing else was ever put into it. */
export async function extendedOnce(
  registers: Registers,
  index: number | undefined,
  run: Uint8Array,
): Promise<boolean> {
  const found = index === undefined ? undefined : registers.values.get(index);
  if (!found || registers.bank !== 'sha256') return false;
  return bytesEqual(found, await sha256(new Uint8Array(32), run));
}

export function describeRegisters({ bank, values }: Registers): string[] {
  return [...values].map(([index, found]) => `${bank}:${index}:${hexEncode(found)}`);
}

/** Pins every register but the resettable ones, as a start for a policy: also of zeros, for what is put there later is new code. */
export function pinRegisters({ bank, values }: Registers): PinnedRegisters {
  const pinned = [...values].filter(([index]) => index < 16);
  return {
    bank,
    values: Object.fromEntries(pinned.map(([index, found]) => [String(index), [hexEncode(found)]])),
  };
}
