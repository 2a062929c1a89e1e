// An entry of `room.accept` in words, for who is to sign it: which fields of the evidence, signed by the vendor's hardware or
// service, it pins and to what. A member that has no words here is shown by its name: nothing of an entry is left out.
import { type Entry, technologyOf } from '@sealroom/attest';
import { printable } from '../error.ts';
import { short } from '../terminal/text.ts';

type Words = { readonly [member: string]: string };

const SHARED: Words = {
  platforms: 'platform, by the identity that signs',
  revocation: 'revocation of the certificates behind the signature',
  maxAgeSeconds: 'oldest evidence, in seconds by its signed time',
  keys: 'keys that may sign',
  devices: 'devices of the room, exactly these, each proven by evidence that binds the same room',
};

const REGISTERS = 'measured registers, signed in the quote';

const BY_TECHNOLOGY: { readonly [technology: string]: Words | undefined } = {
  'sev-snp': {
    launch: 'code: MEASUREMENT, the digest of what was loaded at launch',
    minimumTcb: 'firmware floor: REPORTED_TCB, COMMITTED_TCB and LAUNCH_TCB by product',
    minimumFirmware: 'firmware floor: CURRENT and COMMITTED version of the processor’s firmware',
    provisionalFirmware: 'firmware that is newer than what is committed',
    guestPolicy: 'configuration: POLICY of the guest (debug and migration are always refused)',
    platformInfo: 'configuration: PLATFORM_INFO of the machine',
    vmpl: 'VMPL, the privilege level that asked',
    minimumGuestSvn: 'GUEST_SVN, at least',
    mitigations: 'mitigation vectors, bits that must be set',
    identity: 'FAMILY_ID, IMAGE_ID and the digests of the keys that signed the guest’s identity',
    vlek: 'keys of a cloud provider, which do not say which chip signs',
    launchData: 'code: HOST_DATA, which an image may take from its host what to run by',
  },
  tdx: {
    mrTd: 'code: MRTD, the firmware at launch',
    rtmr0: 'RTMR0, the virtual machine’s configuration',
    rtmr1: 'RTMR1, boot loader and kernel',
    rtmr2: 'RTMR2, command line and initial file system',
    rtmr3: 'RTMR3, the program’s own register',
    mrConfigId: 'MRCONFIGID, fixed at launch',
    mrOwner: 'MROWNER',
    mrOwnerConfig: 'MROWNERCONFIG',
    mrServiceTd: 'MRSERVICETD, service TDs that may migrate it',
    attributes: 'configuration: TD ATTRIBUTES (debug is always refused)',
    xfam: 'configuration: XFAM',
    mrSeam: 'MRSEAM, the TDX module',
    minimumTeeTcbSvn: 'firmware floor: TEE_TCB_SVN, byte by byte',
    fmspc: 'family of the platform, in Intel’s certificate',
    smt: 'threads of a core, in Intel’s certificate',
    tcb: 'what Intel says of the platform’s firmware (TCB status, advisories, evaluation number)',
  },
  sgx: {
    enclave: 'code: MRENCLAVE, or MRSIGNER with product and least version',
    attributes: 'configuration: ATTRIBUTES (debug is always refused)',
    xfrm: 'configuration: XFRM',
    miscSelect: 'configuration: MISCSELECT',
    configId: 'CONFIGID, fixed by the loader',
    minimumConfigSvn: 'CONFIGSVN, at least',
    minimumCpuSvn: 'firmware floor: CPUSVN, byte by byte',
    fmspc: 'family of the platform, in Intel’s certificate',
    smt: 'threads of a core, in Intel’s certificate',
    tcb: 'what Intel says of the platform’s firmware (TCB status, advisories, evaluation number)',
  },
  'aws-nitro': {
    pcrs: 'code: PCR0 to PCR2 (image, kernel, application) and others that are named',
    runRegister: 'the register that was extended with the manifest and locked',
  },
  tpm: {
    ak: 'who vouches for the key that signs the quote',
    pcrs: REGISTERS,
    minFirmware: 'firmware floor: version of the TPM in the quote',
    runRegister: 'the register that was extended with the manifest once',
  },
  'azure-cvm': {
    hardware: 'the hardware report behind the virtual TPM: paravisor, firmware floor, platforms',
    pcrs: REGISTERS,
    minFirmware: 'firmware floor: version of the virtual TPM in the quote',
    secureBoot: 'secure boot, in the claims that the hardware vouches for',
    console: 'serial console, in the claims that the hardware vouches for',
    runRegister: 'the register that was extended with the manifest once',
  },
  'azure-maa': {
    issuer: 'the attestation service (iss) whose word is taken for the hardware’s',
    policyHash: 'x-ms-policy-hash, the policy that the service judged by',
    form: 'which claims of the token are read',
    guest: 'code of the guest, by registers that the service’s policy must decide on, and the serial console',
    compliance: 'x-ms-compliance-status',
    tee: 'code and firmware floor, as the service states them',
    launchData: 'code: host data, by which a container’s own policy is named',
  },
  'gcp-confidential-space': {
    audience: 'aud, for whom the token was made',
    image: 'code: image_digest of the container',
    hardware: 'hwmodel, the kind of machine as Google states it',
    minimumSoftware: 'firmware floor: swversion of the Confidential Space image',
    support: 'support attributes of that image',
    projects: 'project_id, whose operator started it',
    command: 'configuration: command line over the image’s own',
    environment: 'configuration: variables over the image’s own',
  },
};

function valueText(value: unknown): string {
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none: accepts nothing';
    return value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ');
  }
  if (typeof value !== 'object' || value === null) return String(value);
  if ('any' in value) return 'ANY is accepted';
  if ('waived' in value) return `NOT REQUIRED, because: ${String(value.waived)}`;
  return JSON.stringify(value);
}

function runText(entry: Exclude<Entry, { technology: 'simulated' }>): string {
  const registers = Object.entries(entry).flatMap(([name, value]) => (value === 'run' ? [name] : []));
  if (!('hostData' in entry) || entry.hostData === undefined)
    return 'run: no signed field of the launch names it; only the report data does, which the room’s own program fills in';
  const where = registers.length > 0 ? ` (${registers.join(', ')})` : '';
  return `run: a field fixed at launch, or a register extended once${where}, holds SHA-256 of the manifest`;
}

/** One line a pinned field, after a line that names the technology. */
export function entryWords(entry: Exclude<Entry, { technology: 'simulated' }>): string[] {
  const words: Words = { ...SHARED, ...BY_TECHNOLOGY[entry.technology] };
  const told = new Set(['technology', 'hostData', 'runBinding']);
  const pinned = Object.entries(entry)
    .filter(([name, value]) => !told.has(name) && value !== 'run')
    .map(([name, value]) => `  ${words[name] ?? name}: ${valueText(value)}`);
  return [
    `${technologyOf(entry.technology).title}; its signed evidence must say:`,
    `  ${runText(entry)}`,
    ...pinned,
  ].map((line) => printable(line).replaceAll(/\p{Cc}/gu, ' '));
}

/** A simulated room in one line. @param kids thumbprints of its keys @param ownLaunch digest of the room program installed here */
export function simulatedWords(
  { launch }: Extract<Entry, { technology: 'simulated' }>,
  kids: readonly string[],
  ownLaunch: string | undefined,
): string {
  const same = launch.map((digest) =>
    digest === ownLaunch
      ? `${short(digest)} (as installed here)`
      : `${short(digest)} (another program than here)`,
  );
  return `simulated by node ${kids.map(short).join(', ')}, program ${same.join(', ')}`;
}
