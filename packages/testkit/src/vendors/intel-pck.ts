// The SGX extension of PCK certificates (1.2.840.113741.1.13.1) and the usage of keys, as Intel writes them.
import { hexDecode } from '@sealroom/bytes';
import type { CertificateExtension } from './issue-certificates.ts';
import { der, derBits, derInteger, derOctets, derOid, derSequence } from './write-der.ts';

const ROOT = '1.2.840.113741.1.13.1';

/** Bytes in hexadecimal. */
export type PlatformFields = {
  readonly ppid: string;
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly pceId: string;
  readonly fmspc: string;
  readonly instance: string | undefined;
  readonly smt: boolean;
};

const member = (name: string, value: Uint8Array) => derSequence(derOid(`${ROOT}.${name}`), value);
const bool = (value: boolean) => der(0x01, new Uint8Array([value ? 0xff : 0]));

export function pckExtension(fields: PlatformFields): CertificateExtension {
  const { components, pceSvn, instance, smt } = fields;
  const cpuSvn = new Uint8Array(components);
  const tcb = derSequence(
    ...components.map((svn, i) => member(`2.${i + 1}`, derInteger(svn))),
    member('2.17', derInteger(pceSvn)),
    member('2.18', derOctets(cpuSvn)),
  );
  const configuration = derSequence(
    member('7.1', bool(true)),
    member('7.2', bool(true)),
    member('7.3', bool(smt)),
  );
  const platform = instance ? [member('6', derOctets(hexDecode(instance))), member('7', configuration)] : [];
  const value = derSequence(
    member('1', derOctets(hexDecode(fields.ppid))),
    member('2', tcb),
    member('3', derOctets(hexDecode(fields.pceId))),
    member('4', derOctets(hexDecode(fields.fmspc))),
    member('5', der(0x0a, new Uint8Array([1]))),
    ...platform,
  );
  return { oid: ROOT, value };
}

/** No authority, and a key that signs (with non-repudiation). */
export function usageExtensions(): CertificateExtension[] {
  return [
    { oid: '2.5.29.15', critical: true, value: derBits(new Uint8Array([0xc0]), 6) },
    { oid: '2.5.29.19', critical: true, value: derSequence() },
  ];
}
