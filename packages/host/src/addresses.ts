// Which addresses are of the open internet. Everything that the IANA special-purpose registries list (RFC 6890 and its
// updates) is not: loopback, private, link-local, shared, documentation, multicast, tunnels and mapped addresses. And name
// resolution that gives back permitted addresses only.
import { lookup as lookupName } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { type Refusal, refusal } from './problem.ts';

const SPECIAL_4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
];
// Global unicast is 2000::/3 only; within it these are special.
const SPECIAL_6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

function blockList(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix = ''] = subnet.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
}

const special4 = blockList(SPECIAL_4, 'ipv4');
const special6 = blockList(SPECIAL_6, 'ipv6');
const global6 = blockList(['2000::/3'], 'ipv6');

/** Whether a textual IP address is one of the open internet; anything that is no address is not. */
export function isPublicAddress(address: string): boolean {
  // A zone (`%eth0`) belongs to an address of a link, never to one of the open internet.
  const family = address.includes('%') ? 0 : isIP(address);
  if (family === 4) return !special4.check(address, 'ipv4');
  return family === 6 && global6.check(address, 'ipv6') && !special6.check(address, 'ipv6');
}

/** A URL's host without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Whether a host (name or address) is this machine itself. */
export function isLoopbackHost(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** The refusal of every address that a name leads to. */
export function refusedAddress(host: string): Refusal {
  return refusal(
    'fetch/refused-address',
    `${host} leads to an address that this process may not connect to.`,
  );
}

/** Name resolution that gives back permitted addresses only, so that a name cannot change its mind in between. */
export function guardedLookup(allow: (address: string, host: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookupName(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 4);
      const permitted = addresses.filter(({ address }) => allow(address, host));
      const [first] = permitted;
      if (first === undefined) return callback(refusedAddress(host), '', 4);
      return options.all === true ? callback(null, permitted) : callback(null, first.address, first.family);
    });
  };
}
