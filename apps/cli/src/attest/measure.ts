// `attest measure`: what a room's evidence will say of its code. Of the room program as installed here, for simulated rooms;
// of a virtual machine's image, for SEV-SNP (the launch digest) and TDX (MRTD, and RTMR[0] to RTMR[2] of a direct boot).
import {
  HYPERVISORS,
  type Hypervisor,
  measureMrTd,
  measureRegisters,
  measureSnp,
  PROCESSOR_NAMES,
  type ProcessorName,
} from '@sealroom/attest/measure';
import { hexDecode, hexEncode } from '@sealroom/bytes';
import { measureRoom } from '@sealroom/host/measure';
import type { Action, Answer, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readGiven } from '../home/files.ts';

const LARGEST_IMAGE = 512 * 1024 * 1024;

async function fileOf(input: Input, option: string): Promise<Uint8Array> {
  return readGiven(input.text(option), LARGEST_IMAGE);
}

function oneOf<T extends string>(
  input: Input,
  option: string,
  { choices, otherwise }: { choices: readonly T[]; otherwise?: T },
): T {
  const text = input.optional(option) ?? otherwise ?? input.text(option);
  const found = choices.find((one) => one === text);
  if (found) return found;
  throw new CliError('cli/usage', `The option --${option} takes one of ${choices.join(', ')}.`);
}

function wholeOf(input: Input, option: string): number {
  const value = input.whole(option);
  if (value !== undefined) return value;
  throw new CliError('cli/usage', `The option --${option} is missing.`);
}

/** Kernel, initial RAM disk and command line belong together. */
async function bootOf(
  input: Input,
): Promise<{ kernel: Uint8Array; initrd: Uint8Array | undefined; commandLine: string } | undefined> {
  if (input.optional('kernel') === undefined) return undefined;
  return {
    kernel: await fileOf(input, 'kernel'),
    initrd: input.optional('initrd') === undefined ? undefined : await fileOf(input, 'initrd'),
    commandLine: input.optional('commandLine') ?? '',
  };
}

async function snp(input: Input): Promise<Answer> {
  const launch = await measureSnp({
    firmware: await fileOf(input, 'firmware'),
    boot: await bootOf(input),
    vcpus: wholeOf(input, 'vcpus'),
    processor: oneOf<ProcessorName>(input, 'processor', { choices: PROCESSOR_NAMES }),
    hypervisor: oneOf<Hypervisor>(input, 'hypervisor', { choices: HYPERVISORS, otherwise: 'qemu' }),
  });
  return { json: { ok: true, technology: 'sev-snp', launch }, text: `${launch}\n` };
}

async function registersOf(input: Input, firmware: Uint8Array): Promise<readonly string[]> {
  const boot = await bootOf(input);
  if (!boot) return [];
  const digest = input.text('boot0000');
  if (!/^[0-9a-f]{96}$/.test(digest))
    throw new CliError('cli/usage', 'The option --boot0000 takes a SHA-384 in lower-case hexadecimal.');
  const registers = await measureRegisters({
    firmware,
    kernel: boot.kernel,
    initrd: boot.initrd ?? new Uint8Array(),
    commandLine: boot.commandLine,
    memory: wholeOf(input, 'memory'),
    acpi: {
      loader: await fileOf(input, 'acpiLoader'),
      rsdp: await fileOf(input, 'acpiRsdp'),
      tables: await fileOf(input, 'acpiTables'),
    },
    boot0000: hexDecode(digest),
  });
  return registers.map(hexEncode);
}

async function tdx(input: Input): Promise<Answer> {
  const firmware = await fileOf(input, 'firmware');
  const order = oneOf(input, 'pageOrder', {
    choices: ['page-by-page', 'section-by-section'],
    otherwise: 'page-by-page',
  });
  const mrTd = hexEncode(await measureMrTd(firmware, order));
  const rtmrs = await registersOf(input, firmware);
  const lines = [`mrTd ${mrTd}`, ...rtmrs.map((value, index) => `rtmr${index} ${value}`)];
  return { json: { ok: true, technology: 'tdx', mrTd, rtmrs }, text: `${lines.join('\n')}\n` };
}

export const measure: Action = async (_context, input) => {
  const technology = oneOf(input, 'technology', {
    choices: ['simulated', 'sev-snp', 'tdx'],
    otherwise: 'simulated',
  });
  if (technology === 'sev-snp') return snp(input);
  if (technology === 'tdx') return tdx(input);
  const launch = await measureRoom();
  return { json: { ok: true, technology: 'simulated', launch }, text: `${launch}\n` };
};
