// The launch digest (MEASUREMENT) that a virtual machine will have, computed from what it is started with. Every input counts, also
// the number and model of processors and the hypervisor. Not computed: launches with an SVSM, and firmware that is not OVMF's kind,
// such as IGVM files or Azure's.
import { hexEncode } from '@sealroom/bytes';
import { LaunchDigest, PAGE_TYPE } from './digest.ts';
import { type Firmware, PAGE, parseFirmware, refuse, SECTION, type Section } from './firmware.ts';
import { type DirectBoot, hashesPage } from './kernel-hashes.ts';
import { type ProcessorModel, type ProcessorName, processorSignature } from './processors.ts';
import { type Hypervisor, RESET_VECTOR, saveArea } from './vmsa.ts';

export type SnpLaunch = {
  /** OVMF firmware, as it is given to the hypervisor. */
  readonly firmware: Uint8Array;
  /** Kernel, initial RAM disk and command line of a direct boot; undefined when the firmware boots from a disk. */
  readonly boot?: DirectBoot | undefined;
  readonly vcpus: number;
  /** By QEMU's name, by family, model and stepping, or the CPUID signature. Only QEMU's launches depend on it. */
  readonly processor: ProcessorName | ProcessorModel | number;
  /** SEV_FEATURES; 1 (SEV-SNP alone) unless told. */
  readonly guestFeatures?: bigint | undefined;
  readonly hypervisor?: Hypervisor | undefined;
};

const MOST_PROCESSORS = 4096;

async function measureSection(
  digest: LaunchDigest,
  { kind, address, size }: Section,
  {
    hypervisor,
    hashes,
  }: { readonly hypervisor: Hypervisor; readonly hashes: Uint8Array<ArrayBuffer> | undefined },
): Promise<void> {
  if (kind === SECTION.memory)
    await digest.empty(hypervisor === 'gce' ? PAGE_TYPE.unmeasured : PAGE_TYPE.zero, address, size);
  else if (kind === SECTION.secrets) await digest.empty(PAGE_TYPE.secrets, address, PAGE);
  else if (kind === SECTION.cpuid) await digest.empty(PAGE_TYPE.cpuid, address, PAGE);
  else if (kind === SECTION.kernelHashes && hashes) {
    if (size !== PAGE) throw refuse('the section for hashes of a kernel is not one page');
    await digest.data(address, hashes);
  } else await digest.empty(PAGE_TYPE.zero, address, size);
}

async function measureSections(
  digest: LaunchDigest,
  { sections, hashTable }: Firmware,
  { boot, hypervisor }: { readonly boot: DirectBoot | undefined; readonly hypervisor: Hypervisor },
): Promise<void> {
  if (boot && !sections.some(({ kind }) => kind === SECTION.kernelHashes))
    throw refuse('it has no section for hashes of a kernel, so that a direct boot would not be measured');
  if (boot && hashTable === undefined) throw refuse('it has no table for hashes of a kernel');
  const hashes = boot && (await hashesPage(boot, hashTable ?? 0));
  // EC2 launches the CPUID page last.
  const last = (kind: number) => hypervisor === 'ec2' && kind === SECTION.cpuid;
  const ordered = [
    ...sections.filter(({ kind }) => !last(kind)),
    ...sections.filter(({ kind }) => last(kind)),
  ];
  for (const section of ordered) await measureSection(digest, section, { hypervisor, hashes });
}

/**
 * The launch digest in hexadecimal, as entries of policies have it.
 * @throws attest/malformed · attest/too-large
 */
export async function measureSnp({
  firmware: file,
  boot,
  vcpus,
  processor,
  guestFeatures: features = 1n,
  hypervisor = 'qemu',
}: SnpLaunch): Promise<string> {
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MOST_PROCESSORS)
    throw refuse(`the number of processors is not between 1 and ${MOST_PROCESSORS}`);
  if (features < 0n || features >= 1n << 64n)
    throw refuse('the guest’s features are not a number of 64 bits');
  const firmware = parseFirmware(file);
  const signature = processorSignature(processor);
  const digest = new LaunchDigest();
  await digest.data(firmware.address, firmware.bytes);
  await measureSections(digest, firmware, { boot, hypervisor });
  await digest.processor(saveArea(hypervisor, { entry: RESET_VECTOR, features, signature }));
  if (vcpus > 1 && firmware.resetAddress === 0)
    throw refuse('it does not say where further processors begin');
  const further = saveArea(hypervisor, { entry: firmware.resetAddress, features, signature });
  for (let index = 1; index < vcpus; index++) await digest.processor(further);
  return hexEncode(digest.value);
}
