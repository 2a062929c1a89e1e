// The vendors' services on this machine, over TLS of an authority of their own: AMD's key distribution service, Intel's
// provisioning service (version 4) and key sets, with the vendors' own paths, queries, headers and encodings. What they serve
// is a fake vendor's, or whatever files a test gives. A test can have any path answer otherwise, or not at all.
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuthority, issueCertificate, LOOPBACK_HOSTS } from '@sealroom/host';
import type { FakeIntel } from './intel.ts';
import { certificatesPem } from './issue-certificates.ts';
import type { FakeAmd, SnpTcb } from './sev-snp.ts';

export type VendorAnswer = {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
};

/** Does with a connection what it likes; a handler that returns without an answer leaves it hanging. */
export type VendorHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** By path with query, exactly as the vendors' clients send it. */
export type VendorAnswers = Map<string, VendorAnswer | VendorHandler>;

export type VendorServices = {
  readonly url: string;
  /** PEM of the authority of its TLS certificate. */
  readonly caPem: string;
  readonly answers: VendorAnswers;
  /** Paths in the order in which they were asked for. */
  readonly asked: string[];
  close(): Promise<void>;
};

/** A query of TCB versions as AMD's service takes it: two digits at least, decimal. */
function tcbQuery(product: FakeAmd['product'], { fmc, bootloader, tee, snp, microcode }: SnpTcb): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const first = product === 'Turin' ? `fmcSPL=${two(fmc)}&` : '';
  return `${first}blSPL=${two(bootloader)}&teeSPL=${two(tee)}&snpSPL=${two(snp)}&ucodeSPL=${two(microcode)}`;
}

/** What AMD's service has of one product and one chip. */
export async function amdAnswers(
  amd: FakeAmd,
  {
    chip,
    tcb,
    certificate,
  }: { readonly chip: string; readonly tcb: SnpTcb; readonly certificate: Uint8Array },
): Promise<VendorAnswers> {
  const { product, root, askCertificate, asvkCertificate } = amd;
  const list = await amd.revocationList();
  return new Map<string, VendorAnswer>([
    [`/vcek/v1/${product}/cert_chain`, { body: certificatesPem([askCertificate, root]) }],
    [`/vlek/v1/${product}/cert_chain`, { body: certificatesPem([asvkCertificate, root]) }],
    [`/vcek/v1/${product}/crl`, { body: list }],
    [`/vlek/v1/${product}/crl`, { body: list }],
    [`/vcek/v1/${product}/${chip}?${tcbQuery(product, tcb)}`, { body: certificate }],
  ]);
}

/** What Intel's service has of one platform. @param changes to members of TCB info and identity before they are signed */
export async function intelAnswers(
  intel: FakeIntel,
  of: 'sgx' | 'tdx',
  changes: { readonly tcbInfo?: object; readonly qeIdentity?: object } = {},
): Promise<VendorAnswers> {
  const files = new Map((await intel.collateral(of, changes)).map(({ name, bytes }) => [name, bytes]));
  const fileOf = (name: string) => files.get(name) ?? new Uint8Array();
  const { tcbSigning, pckCa, root } = intel.certificates;
  const signer = encodeURIComponent(certificatesPem([tcbSigning, root]));
  const authority = encodeURIComponent(certificatesPem([pckCa, root]));
  const json = (header: string) => ({ 'content-type': 'application/json', [header]: signer });
  const crl = { 'content-type': 'application/pkix-crl', 'SGX-PCK-CRL-Issuer-Chain': authority };
  return new Map<string, VendorAnswer>([
    [
      `/${of}/certification/v4/tcb?fmspc=${intel.platform.fmspc}`,
      { body: fileOf('tcb.json'), headers: json('TCB-Info-Issuer-Chain') },
    ],
    [
      `/${of}/certification/v4/qe/identity`,
      { body: fileOf('qe.json'), headers: json('SGX-Enclave-Identity-Issuer-Chain') },
    ],
    ['/sgx/certification/v4/pckcrl?ca=platform&encoding=der', { body: fileOf('pck.crl'), headers: crl }],
    ['/IntelSGXRootCA.der', { body: fileOf('root.crl') }],
  ]);
}

function serve(answers: VendorAnswers, asked: string[]): VendorHandler {
  return (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const answer = answers.get(path);
    if (typeof answer === 'function') return answer(request, response);
    const { status = 200, headers = {}, body } = answer ?? { status: 404, body: 'not found' };
    response.writeHead(status, headers).end(body);
  };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

/** Starts to serve these answers, and any that are added later. */
export async function startVendorServices(...given: readonly VendorAnswers[]): Promise<VendorServices> {
  const answers: VendorAnswers = new Map(given.flatMap((one) => [...one]));
  const asked: string[] = [];
  const authority = await createAuthority({ name: 'Vendors of a test' });
  const { certPem, keyPem } = await issueCertificate(authority, { hosts: [...LOOPBACK_HOSTS] });
  const server = createServer({ cert: certPem, key: keyPem, minVersion: 'TLSv1.2' }, serve(answers, asked));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    caPem: authority.certPem,
    answers,
    asked,
    close: () => stop(server),
  };
}
