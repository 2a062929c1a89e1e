// The save area a virtual processor begins with (AMD APM volume 2, table B-4), as the hypervisors that are known here fill it: it is
// measured, so that each of them gives another launch digest. QEMU 6.2 and later with KVM, Amazon EC2, Google Compute Engine.
import type { Bytes } from '@sealroom/bytes';
import { PAGE } from './firmware.ts';

export const HYPERVISORS = ['qemu', 'ec2', 'gce'] as const;
export type Hypervisor = (typeof HYPERVISORS)[number];

/** Where the first processor begins. */
export const RESET_VECTOR = 0xffff_fff0;

type Registers = {
  readonly codeFlags: number;
  readonly stackFlags: number;
  readonly taskFlags: number;
  readonly pat: bigint;
  readonly rdx: number;
  readonly mxcsr: number;
  readonly fcw: number;
};

const PAT = 0x0007_0406_0007_0406n;

function registersOf(hypervisor: Hypervisor, entry: number, signature: number): Registers {
  const common = { codeFlags: 0x9b, stackFlags: 0x93, taskFlags: 0x8b, pat: PAT };
  if (hypervisor === 'qemu') return { ...common, rdx: signature, mxcsr: 0x1f80, fcw: 0x37f };
  const still = { rdx: 0x600, mxcsr: 0, fcw: 0 };
  if (hypervisor === 'gce') return { ...common, ...still, pat: 0x0007_0106n };
  const codeFlags = entry === RESET_VECTOR ? 0x9a : 0x9b;
  return { ...common, ...still, codeFlags, stackFlags: 0x92, taskFlags: 0x83 };
}

/**
 * One page.
 * @param entry where the processor begins
 * @param features SEV_FEATURES of the guest; bit 0 is SEV-SNP
 * @param signature CPUID signature of the virtual processor
 */
export function saveArea(
  hypervisor: Hypervisor,
  { entry, features, signature }: { entry: number; features: bigint; signature: number },
): Bytes {
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  const { codeFlags, stackFlags, taskFlags, pat, rdx, mxcsr, fcw } = registersOf(
    hypervisor,
    entry,
    signature,
  );
  const segment = (at: number, flags: number, selector = 0, base = 0) => {
    view.setUint16(at, selector, true);
    view.setUint16(at + 2, flags, true);
    view.setUint32(at + 4, 0xffff, true);
    view.setBigUint64(at + 8, BigInt(base), true);
  };
  const value = (at: number, number: bigint | number) => view.setBigUint64(at, BigInt(number), true);
  segment(0x00, 0x93); // ES
  segment(0x10, codeFlags, 0xf000, entry - (entry % 0x1_0000)); // CS
  segment(0x20, stackFlags); // SS
  segment(0x30, 0x93); // DS
  segment(0x40, 0x93); // FS
  segment(0x50, 0x93); // GS
  segment(0x60, 0); // GDTR
  segment(0x70, 0x82); // LDTR
  segment(0x80, 0); // IDTR
  segment(0x90, taskFlags); // TR
  value(0xd0, 0x1000); // EFER: SVME, which KVM sets
  value(0x148, 0x40); // CR4: MCE, which KVM sets
  value(0x158, 0x10); // CR0
  value(0x160, 0x400); // DR7
  value(0x168, 0xffff_0ff0); // DR6
  value(0x170, 0x2); // RFLAGS
  value(0x178, entry % 0x1_0000); // RIP
  value(0x268, pat); // G_PAT
  value(0x310, rdx); // RDX
  value(0x3b0, features); // SEV_FEATURES
  value(0x3e8, 1); // XCR0
  view.setUint32(0x408, mxcsr, true);
  view.setUint16(0x410, fcw, true);
  return page;
}
