// The roots that vendors sign under, pinned: one file a vendor, each certificate with its source and its SHA-256. They are
// arguments everywhere (`Context.roots`), so that tests can bring vendors of their own; programs pass `vendorRoots()`.
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { readPem } from '../x509/pem.ts';
import { AWS_PEM } from './aws.ts';
import { GOOGLE_CONFIDENTIAL_SPACE_PEM } from './google-confidential-space.ts';
import { NVIDIA_DEVICE, NVIDIA_MANIFEST } from './nvidia.ts';
import { NVIDIA_NRAS_PEM } from './nvidia-nras.ts';
import { GOOGLE_TPM_ROOT } from './google-tpm.ts';
import { MICROSOFT_TPM_ROOT } from './microsoft-tpm.ts';
import { AMD_ROOTS } from './amd.ts';
import { INTEL_PEM } from './intel.ts';

export const VENDORS = [
  'intel',
  'amd',
  'google-tpm',
  'microsoft-tpm',
  'aws',
  'google-confidential-space',
  'nvidia-nras',
  'nvidia',
  'nvidia-manifest',
] as const;
export type Vendor = (typeof VENDORS)[number];

/** Anchors by vendor; a vendor that is not there vouches for nothing. */
export type Roots = { readonly [vendor in Vendor]?: readonly Certificate[] };

const PEM: { readonly [vendor in Vendor]: string } = {
  intel: INTEL_PEM,
  amd: AMD_ROOTS,
  'google-tpm': GOOGLE_TPM_ROOT,
  'microsoft-tpm': MICROSOFT_TPM_ROOT,
  aws: AWS_PEM,
  'google-confidential-space': GOOGLE_CONFIDENTIAL_SPACE_PEM,
  'nvidia-nras': NVIDIA_NRAS_PEM,
  nvidia: NVIDIA_DEVICE,
  'nvidia-manifest': NVIDIA_MANIFEST,
};

let read: Roots | undefined;

/** The pinned roots of all vendors. */
export function vendorRoots(): Roots {
  read ??= Object.fromEntries(
    VENDORS.map((vendor) => [vendor, readPem(PEM[vendor]).map(({ bytes }) => parseCertificate(bytes))]),
  ) as Roots;
  return read;
}
