// CPUID signatures (AMD document 25481, Fn0000_0001_EAX) of virtual processors, by the names that QEMU gives them.
import { refuse } from './firmware.ts';

export type ProcessorModel = { readonly family: number; readonly model: number; readonly stepping: number };

const MODELS = {
  EPYC: { family: 23, model: 1, stepping: 2 },
  'EPYC-IBPB': { family: 23, model: 1, stepping: 2 },
  'EPYC-Rome': { family: 23, model: 49, stepping: 0 },
  'EPYC-Milan': { family: 25, model: 1, stepping: 1 },
  'EPYC-Genoa': { family: 25, model: 17, stepping: 0 },
  'EPYC-Turin': { family: 26, model: 0, stepping: 0 },
} as const;
export type ProcessorName = keyof typeof MODELS;
export const PROCESSOR_NAMES = Object.keys(MODELS) as ProcessorName[];

/** The signature of a processor by QEMU's name, by family, model and stepping, or the signature itself. @throws attest/malformed */
export function processorSignature(processor: ProcessorName | ProcessorModel | number): number {
  if (typeof processor === 'number') {
    if (!Number.isInteger(processor) || processor < 0 || processor > 0xffff_ffff)
      throw refuse('the processor’s signature is not a number of 32 bits');
    return processor;
  }
  const { family, model, stepping } = typeof processor === 'string' ? MODELS[processor] : processor;
  const fits = [
    [family, 0xf + 0xff],
    [model, 0xff],
    [stepping, 0xf],
  ].every(([value = -1, most = 0]) => Number.isInteger(value) && value >= 0 && value <= most);
  if (!fits) throw refuse('the processor’s family, model or stepping is out of range');
  const base = Math.min(family, 0xf);
  return (
    (((family - base) << 20) | ((model >> 4) << 16) | (base << 8) | ((model & 0xf) << 4) | stepping) >>> 0
  );
}
