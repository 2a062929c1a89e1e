// Where the room of a run may connect, and how many bytes may leave it: worked out from the run's work before the room
// starts (protocol.md section 8, "Outer gate"). Where the statements are wrong the vaults refuse; a contract that names a
// vault inside the node's own network does not make the node a way into it. Not here: what a room says to whom it may reach.
import type { Work } from '@sealroom/api';
import type { Contract } from '@sealroom/contract';
import { hostOf, isPublicAddress, storeAddresses } from '@sealroom/host';
import { LARGE_SENDS } from '@sealroom/host/net';

/** One place that a room may connect to. */
export type Destination = {
  readonly host: string;
  readonly port: number;
  /** Judges each address that the host's name leads to, at the time of the connection. */
  readonly allows: (address: string) => boolean;
};

export type Allowance = {
  /** By `host:port`, as a URL writes the host. */
  readonly destinations: ReadonlyMap<string, Destination>;
  /** Bytes that may leave the room in all. */
  readonly outboundBytes: number;
  /** Bytes that may leave besides for each whole MiB that has come in: streamed files are asked for segment by segment. */
  readonly outboundBytesPerMiB: number;
};

/** What of a contract the gate goes by. */
export type GateTerms = {
  readonly output: Pick<Contract['output'], 'maxBytes'>;
  readonly vaults: readonly Pick<Contract['vaults'][number], 'url'>[];
  readonly datasets: readonly Pick<Contract['datasets'][number], 'access'>[];
};

export type RunTerms = {
  readonly work: Pick<Work, 'statements' | 'assets'>;
  /** The contracts that the run stands under. */
  readonly contracts: readonly GateTerms[];
  /** How many sealed files the run's assets hold together. */
  readonly files: number;
  readonly hubUrl: string;
  readonly storeOrigins: readonly string[];
  /** Hosts of vaults that may lie at addresses that are not of the open internet. */
  readonly privateHosts: readonly string[];
};

const KIB = 1024;
// Handshakes, challenges, events, the envelope and the receipt's parts; a measured run of two vaults needs 100 KB in all, of
// which the half may be sent again and again to a service in trouble.
const HUB_BYTES = 384 * KIB;
const VAULT_BYTES = 64 * KIB;
/** A request to a store: its line, a signed URL, headers, and a share of a handshake. */
const REQUEST_BYTES = 4 * KIB;
const REQUESTS_PER_FILE = 2;

function isStreamed(contract: GateTerms): boolean {
  return contract.datasets.some((dataset) => dataset.access === 'streamed');
}

function outbound({ work, contracts, files }: RunTerms): number {
  const output = Math.min(...contracts.map((contract) => contract.output.maxBytes));
  const statements = work.statements.reduce((sum, { cose }) => sum + cose.length + 16, 0);
  const vaults = contracts.reduce((sum, contract) => sum + contract.vaults.length, 0);
  // The sealed output goes out as base64 in JSON.
  return (
    LARGE_SENDS * Math.ceil(((output + KIB) * 4) / 3) +
    HUB_BYTES +
    vaults * (VAULT_BYTES + LARGE_SENDS * statements) +
    (files + work.assets.length) * REQUESTS_PER_FILE * REQUEST_BYTES
  );
}

/** The name under which a destination is asked for: `host:port` with the port always there. */
export function destinationName(url: URL): string {
  return `${url.hostname}:${portOf(url)}`;
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'http:' ? 80 : 443;
}

/** What the room of this run may do on the network. */
export function allowanceOf(terms: RunTerms): Allowance {
  const destinations = new Map<string, Destination>();
  const add = (text: string, allows: (address: string, host: string) => boolean): void => {
    const url = new URL(text);
    const name = destinationName(url);
    const host = hostOf(url);
    const before = destinations.get(name);
    destinations.set(name, {
      host,
      port: portOf(url),
      allows: (address) => before?.allows(address) === true || allows(address, host),
    });
  };
  const hubHost = hostOf(new URL(terms.hubUrl));
  const inside = new Set([hubHost, ...terms.privateHosts]);
  add(terms.hubUrl, () => true);
  for (const { vaults } of terms.contracts) {
    for (const { url } of vaults) add(url, (address, host) => inside.has(host) || isPublicAddress(address));
  }
  const stores = storeAddresses(terms.storeOrigins);
  for (const { url } of terms.work.assets) add(url, stores);
  return {
    destinations,
    outboundBytes: outbound(terms),
    outboundBytesPerMiB: terms.contracts.some(isStreamed) ? REQUEST_BYTES : 0,
  };
}
