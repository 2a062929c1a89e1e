// The vendors' services as they are asked for collateral: AMD's key distribution service (57230), Intel's provisioning service
// (API version 4), NVIDIA's services of reference manifests (version 1) and of revocation (RFC 6960), and the addresses of key sets. Addresses come from the configuration alone; what evidence says gives path
// parts of checked forms (needName) and never a host. Nothing here goes out: see fetch.ts.
import { type CollateralFile } from '@sealroom/attest';
import { type Need, needName, ocspRequest } from '@sealroom/attest/supply';
import { type Bytes, utf8Encode } from '@sealroom/bytes';
import { z } from 'zod';

/** Where the vendors serve. */
export const VENDOR_SERVICES = {
  amd: 'https://kdsintf.amd.com',
  intel: 'https://api.trustedservices.intel.com',
  intelCertificates: 'https://certificates.trustedservices.intel.com',
  nvidiaManifests: 'https://rim.attestation.nvidia.com',
  nvidiaOcsp: 'https://ocsp.ndis.nvidia.com',
} as const;
export type Service = keyof typeof VENDOR_SERVICES;

/** Key sets of token services by issuer; providers of Azure Attestation are named by who trusts them. */
export const VENDOR_KEY_SETS: Readonly<{ [issuer: string]: string }> = {
  'https://confidentialcomputing.googleapis.com':
    'https://www.googleapis.com/service_accounts/v1/metadata/jwk/signer@confidentialspace-sign.iam.gserviceaccount.com',
  'https://nras.attestation.nvidia.com': 'https://nras.attestation.nvidia.com/.well-known/jwks.json',
};

const address = z.string().regex(/^https:\/\/[A-Za-z0-9.:[\]-]{1,200}(?:\/[A-Za-z0-9._~@/-]{0,400})?$/);

/** `offline`: nothing is fetched. Otherwise addresses that stand in for the vendors' own, such as those of a mirror. */
export const serviceSettings = z.union([
  z.literal('offline'),
  z.strictObject({
    amd: address.optional(),
    intel: address.optional(),
    intelCertificates: address.optional(),
    nvidiaManifests: address.optional(),
    nvidiaOcsp: address.optional(),
    keySets: z.record(z.string().regex(/^https:\/\/[a-z0-9.-]{1,100}$/), address).default({}),
  }),
]);
export type ServiceSettings = z.output<typeof serviceSettings>;

export type Services = Readonly<Record<Service, string>> & {
  readonly keySets: Readonly<{ [issuer: string]: string }>;
};

/** undefined when nothing is to be fetched. */
export function servicesOf(settings: ServiceSettings): Services | undefined {
  if (settings === 'offline') return undefined;
  const { keySets, ...bases } = settings;
  const base = (service: Service) => (bases[service] ?? VENDOR_SERVICES[service]).replace(/\/+$/, '');
  return {
    amd: base('amd'),
    intel: base('intel'),
    intelCertificates: base('intelCertificates'),
    nvidiaManifests: base('nvidiaManifests'),
    nvidiaOcsp: base('nvidiaOcsp'),
    keySets: { ...VENDOR_KEY_SETS, ...keySets },
  };
}

export type Question = {
  readonly url: string;
  /** The header that holds the certificates of who signed the answer, as Intel gives them. */
  readonly chainHeader?: string;
  /** What is sent, where the service answers to that. */
  readonly body?: { readonly bytes: Bytes; readonly type: string; readonly accept: string };
  /** So many times as many questions at once as other services are asked. */
  readonly share?: number;
};

/** A machine with sixteen GPUs has that many chips and their issuers, each to be asked about by itself. */
const OCSP_SHARE = 4;

/** What a need is asked for with; undefined for what no service is known for. @throws attest/malformed */
export async function questionOf(need: Need, services: Services): Promise<Question | undefined> {
  // Refuses every part that is not of its form before any of them stands in a path.
  needName(need);
  const { amd, intel, intelCertificates, nvidiaManifests, nvidiaOcsp, keySets } = services;
  switch (need.kind) {
    case 'amd-chain':
      return { url: `${amd}/${need.key}/v1/${need.product}/cert_chain` };
    case 'amd-crl':
      return { url: `${amd}/${need.key}/v1/${need.product}/crl` };
    case 'amd-vcek': {
      const { fmc, bootloader, tee, snp, microcode } = need.tcb;
      const versions = new URLSearchParams([
        ...(need.product === 'Turin' ? [['fmcSPL', String(fmc).padStart(2, '0')]] : []),
        ...Object.entries({ blSPL: bootloader, teeSPL: tee, snpSPL: snp, ucodeSPL: microcode }).map(
          ([name, value]) => [name, String(value).padStart(2, '0')],
        ),
      ]);
      return { url: `${amd}/vcek/v1/${need.product}/${need.chip}?${versions}` };
    }
    case 'intel-tcb-info':
      return {
        url: `${intel}/${need.tee}/certification/v4/tcb?fmspc=${need.fmspc}`,
        chainHeader: 'TCB-Info-Issuer-Chain',
      };
    case 'intel-identity':
      return {
        url: `${intel}/${need.tee}/certification/v4/qe/identity`,
        chainHeader: 'SGX-Enclave-Identity-Issuer-Chain',
      };
    case 'intel-signer':
      return questionOf({ kind: 'intel-identity', tee: 'sgx' }, services);
    case 'intel-pck-crl':
      return {
        url: `${intel}/sgx/certification/v4/pckcrl?ca=${need.ca}&encoding=der`,
        chainHeader: 'SGX-PCK-CRL-Issuer-Chain',
      };
    case 'intel-root-crl':
      return { url: `${intelCertificates}/IntelSGXRootCA.der` };
    case 'key-set': {
      const url = Object.hasOwn(keySets, need.issuer) ? keySets[need.issuer] : undefined;
      return url === undefined ? undefined : { url };
    }
    case 'nvidia-manifest':
      return { url: `${nvidiaManifests}/v1/rim/${need.id}` };
    case 'nvidia-ocsp': {
      const bytes = await ocspRequest(need.certificate, need.issuer);
      const body = { bytes, type: 'application/ocsp-request', accept: 'application/ocsp-response' };
      return { url: nvidiaOcsp, body, share: OCSP_SHARE };
    }
  }
}

/** The answer as files to be told apart by their content. */
export function answerFiles(body: Uint8Array, chain: string | null): CollateralFile[] {
  const answer = { name: 'the answer', bytes: body };
  return chain === null ? [answer] : [answer, { name: 'its issuer chain', bytes: utf8Encode(chain) }];
}
