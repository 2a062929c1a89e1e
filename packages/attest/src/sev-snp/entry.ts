// An entry of a policy for SEV-SNP. Everything that decides must be said: what is absent is refused by the type, an empty list
// of launch digests or platforms allows nothing, and a product without a floor is not acceptable. There is no word for a guest
// that may be debugged or migrated.
import { z } from 'zod';
import { hex, launchData, platforms, revocation, runMembers, saysLaunchData, saysRun } from '../entry.ts';

const part = z.int().min(0).max(255);
const parts = { bootloader: part, tee: part, snp: part, microcode: part };
const floors = <T extends z.ZodType>(tcb: T) =>
  z.strictObject({ reported: tcb, committed: tcb, launch: tcb });
const older = floors(z.strictObject(parts));
const version = z.strictObject({ major: part, minor: part });
const platformBit = z.enum([
  'smt',
  'tsme',
  'ecc',
  'rapl-disabled',
  'ciphertext-hiding',
  'alias-check-complete',
  'tio',
]);
/** Positions of bits in a mitigation vector. */
const mitigationBits = z.array(z.int().min(0).max(63)).max(64);

export const sevSnpEntry = z
  .strictObject({
    technology: z.literal('sev-snp'),
    /** Launch digests (MEASUREMENT) that are acceptable. */
    launch: z.array(hex(48)).max(256),
    /** The least TCB by product, each part for itself; a product that is not named is refused. */
    minimumTcb: z.strictObject({
      Milan: older.optional(),
      Genoa: older.optional(),
      Turin: floors(z.strictObject({ fmc: part, ...parts })).optional(),
    }),
    /** Of the processor's firmware, running and committed. */
    minimumFirmware: z.strictObject({ major: part, minor: part, build: part }),
    /** `accepted`: the firmware that runs may be newer than the one that cannot be rolled back any more. */
    provisionalFirmware: z.enum(['refused', 'accepted']).optional(),
    guestPolicy: z.strictObject({
      /** The ABI that the guest's policy demands at least. */
      minimumAbi: version,
      /** What the guest's policy may permit beyond the least. */
      allowed: z.array(z.enum(['smt', 'cxl'])).max(2),
      /** What it must demand. */
      required: z
        .array(
          z.enum([
            'single-socket',
            'aes-256-xts',
            'rapl-disabled',
            'ciphertext-hiding',
            'page-swap-disabled',
          ]),
        )
        .max(5),
    }),
    platformInfo: z.strictObject({
      required: z.array(platformBit).max(7),
      forbidden: z.array(platformBit).max(7),
    }),
    /** The privilege level that must have asked for the report. */
    vmpl: z.int().min(0).max(3),
    minimumGuestSvn: z.int().min(0).max(0xffff_ffff),
    /** Bits that must be set, at launch and now; only reports of version 5 have any. */
    mitigations: z.strictObject({ launch: mitigationBits, current: mitigationBits }),
    /** The signed identity block of the guest, or the words that say that its keys and names are not looked at. */
    identity: z.union([
      z.literal('unpinned'),
      z.strictObject({
        familyId: hex(16),
        imageId: hex(16),
        idKeys: z.array(hex(48)).max(64),
        /** Absent: there must be no author key. */
        authorKeys: z.array(hex(48)).max(64).optional(),
      }),
    ]),
    /** Keys of a cloud provider, which do not say which chip signs: by the provider's name in their certificates. */
    vlek: z.union([
      z.literal('refused'),
      z.strictObject({ cspIds: z.array(z.string().min(1).max(200)).max(64) }),
    ]),
    platforms,
    revocation,
    ...runMembers,
    /** Values of HOST_DATA, where it does not name the run. */
    launchData: launchData(32),
  })
  .refine(saysRun, 'Say exactly one of hostData and runBinding.')
  .refine(saysLaunchData, 'launchData belongs to runBinding: software.');

export type SevSnpEntry = z.infer<typeof sevSnpEntry>;
