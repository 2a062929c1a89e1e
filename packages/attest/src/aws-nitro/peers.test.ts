// Nitro documents made with cbor2 and cryptography verify here, and those of our made-up AWS there.
import { hexEncode } from '@sealroom/bytes';
import { FakeNitro, nitroPcrs } from '@sealroom/testkit/vendors/aws-nitro';
import { judge } from '@sealroom/testkit/vendors/judge';
import { hasPython, privateKeyPem, runPython } from '@sealroom/testkit/vendors/python-peer';
import { describe, expect, it } from 'vitest';
import { NO_COLLATERAL } from '../collateral.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { parseNitro } from './parse.ts';
import { nitro } from './technology.ts';

const SIGN = `
import sys, json, cbor2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
given = json.load(sys.stdin)
key = serialization.load_pem_private_key(given['key'].encode(), None)
payload = cbor2.dumps({
    'module_id': given['module'], 'digest': 'SHA384', 'timestamp': given['timestamp'],
    'pcrs': {int(i): bytes.fromhex(v) for i, v in given['pcrs'].items()},
    'certificate': bytes.fromhex(given['certificate']), 'cabundle': [bytes.fromhex(c) for c in given['cabundle']],
    'public_key': None, 'user_data': bytes.fromhex(given['user_data']), 'nonce': None})
protected = cbor2.dumps({1: -35})
der = key.sign(cbor2.dumps(['Signature1', protected, b'', payload]), ec.ECDSA(hashes.SHA384()))
r, s = utils.decode_dss_signature(der)
parts = [protected, {}, payload, r.to_bytes(48, 'big') + s.to_bytes(48, 'big')]
print(json.dumps(cbor2.dumps(cbor2.CBORTag(18, parts) if given['tagged'] else parts).hex()))
`;
const VERIFY = `
import sys, json, cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
protected, unprotected, payload, signature = cbor2.loads(bytes.fromhex(json.load(sys.stdin)))
document = cbor2.loads(payload)
certificates = [x509.load_der_x509_certificate(c) for c in [*document['cabundle'], document['certificate']]]
for issuer, subject in zip(certificates, certificates[1:]): subject.verify_directly_issued_by(issuer)
der = utils.encode_dss_signature(int.from_bytes(signature[:48], 'big'), int.from_bytes(signature[48:], 'big'))
certificates[-1].public_key().verify(der, cbor2.dumps(['Signature1', protected, b'', payload]), ec.ECDSA(hashes.SHA384()))
print(json.dumps({'module': document['module_id'], 'pcr0': document['pcrs'][0].hex(), 'user': document['user_data'].hex()}))
`;
const NOW = Date.parse('2026-11-25T12:00:00Z');
const reportData = new Uint8Array(32).fill(0xab);
const present = hasPython(['cbor2', 'cryptography'], 'cbor2 cryptography');

describe.skipIf(!present)('cbor2 and cryptography for Python', () => {
  it.each([true, false])('make documents that are affirmed here (tagged: %s)', async (tagged) => {
    const aws = await FakeNitro.create(NOW);
    const pcrs = Object.fromEntries([...nitroPcrs()].map(([index, pcr]) => [index, hexEncode(pcr)]));
    const hex = runPython(SIGN, {
      module: 'i-0-enc0',
      timestamp: NOW,
      pcrs,
      tagged,
      certificate: hexEncode(await aws.leaf()),
      cabundle: aws.cabundle.map(hexEncode),
      user_data: hexEncode(reportData),
      key: await privateKeyPem(aws.enclave),
    });
    const bytes = new Uint8Array(Buffer.from(String(hex), 'hex'));
    const context = { at: NOW, collateral: NO_COLLATERAL, roots: { aws: [parseCertificate(aws.root)] } };
    const entry = { ...nitro.pin(parseNitro(bytes)), revocation: { waived: 'no lists in this test' } };
    const binding = { reportData, hostData: new Uint8Array(32) };
    expect((await judge('aws-nitro', bytes, { entry, context, binding })).reasons).toEqual([]);
  });

  it('verify the documents of our made-up AWS', async () => {
    const aws = await FakeNitro.create(NOW);
    const document = await aws.document({ userData: reportData });
    expect(runPython(VERIFY, hexEncode(document))).toEqual({
      module: 'i-0-enc0',
      pcr0: '01'.repeat(48),
      user: hexEncode(reportData),
    });
  });
});
