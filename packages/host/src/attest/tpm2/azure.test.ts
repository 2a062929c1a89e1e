// The virtual TPM of an Azure confidential VM: an HCL report in its memory, the attestation key that it names, and what Azure's
// metadata service gives beside it, on a software TPM and a server of our own.
import { createPublicKey } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { appraiseEvidence, isReason, parsePolicy, readCollateral, technologyOf } from '@sealroom/attest';
import { base64urlDecode, hexEncode, utf8Decode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { FakeHcl } from '@sealroom/testkit/vendors/azure-cvm';
import { fakeAmd } from '@sealroom/testkit/vendors/sev-snp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { detectProvider } from '../detect.ts';
import { PLACES, tpm2 } from './provider.ts';
import { hasSwtpm, startSwtpm, type Swtpm } from './swtpm-for-tests.ts';

const vectors = sharedVectors('azure-vtpm');
const nonce = new Uint8Array(32).fill(0x4e);
const run = new Uint8Array(32).fill(0x52);
const handle = (value: number) => `0x${value.toString(16)}`;

describe.skipIf(!hasSwtpm())('A TPM', () => {
  let swtpm: Swtpm;
  beforeAll(async () => {
    swtpm = await startSwtpm();
    for (const index of [0, 4, 7, 8, 9])
      await swtpm.tool('tpm2_pcrextend', `${index}:sha256=${`0${index}`.repeat(32)}`);
    await swtpm.tool('tpm2_createek', '-c', 'ek.ctx', '-G', 'rsa', '-u', 'ek.pub');
    const key = ['-G', 'rsa', '-g', 'sha256', '-s', 'rsassa', '-u', 'ak.pem', '-f', 'pem', '-n', 'ak.name'];
    await swtpm.tool('tpm2_createak', '-C', 'ek.ctx', '-c', 'ak.ctx', ...key);
    await swtpm.tool('tpm2_flushcontext', '-t');
    await swtpm.tool('tpm2_evictcontrol', '-c', 'ak.ctx', handle(PLACES.azure.key));
  }, 120_000);
  afterEach(async () => {
    await swtpm.tool('tpm2_nvundefine', handle(PLACES.azure.report), '-C', 'o');
  });
  afterAll(() => swtpm.stop());

  async function keepReport(hcl: Uint8Array): Promise<void> {
    const at = handle(PLACES.azure.report);
    const size = String(hcl.length);
    await swtpm.tool('tpm2_nvdefine', at, '-C', 'o', '-s', size, '-a', 'ownerread|ownerwrite');
    for (let offset = 0; offset < hcl.length; offset += 1024) {
      await writeFile(join(swtpm.folder, 'part'), hcl.subarray(offset, offset + 1024));
      await swtpm.tool('tpm2_nvwrite', at, '-C', 'o', '-i', 'part', '--offset', String(offset));
    }
  }

  test('of an Azure confidential VM holds an HCL report, whose key then signs', async () => {
    const now = Date.parse('2026-11-25T12:00:00Z');
    const amd = await fakeAmd('Milan', now);
    const vcek = await amd.endorse('VCEK');
    const pem = await readFile(join(swtpm.folder, 'ak.pem'), 'utf8');
    const { n } = createPublicKey(pem).export({ format: 'jwk' });
    const padded = await (await FakeHcl.create(now)).hclReport({
      keys: [{ kid: 'HCLAkPub', key_ops: ['sign'], kty: 'RSA', e: 'AQAB', n }],
      report: (reportData) => amd.report(vcek, { reportData }),
    });
    // swtpm has less memory a place than Azure's TPMs: the report without the zeros behind it.
    const hcl = padded.subarray(0, new DataView(padded.buffer).getUint32(8, true));
    await keepReport(hcl);
    const provider = await tpm2({ open: swtpm.open, vcek: async () => [vcek.certificate] });
    expect(provider.technology).toBe('azure-cvm');
    const evidence = await provider.provide(nonce, run);
    const azure = technologyOf('azure-cvm');
    const pinned = azure.pin(azure.parse(base64urlDecode(evidence.body))) as {
      pcrs: { values: { [index: string]: unknown } };
    };
    const { 13: _, ...values } = pinned.pcrs.values;
    const entry = { ...pinned, pcrs: { ...pinned.pcrs, values }, runBinding: undefined };
    const policy = (binding: Uint8Array) => ({
      v: 1,
      binding: { reportData: hexEncode(binding), run: hexEncode(run) },
      accept: [{ ...entry, hostData: 'manifest', runRegister: 13 }],
    });
    const files = [amd.askCertificate, await amd.revocationList()];
    const collateral = readCollateral(files.map((bytes) => ({ name: 'file', bytes })));
    const roots = { amd: readCollateral([{ name: 'root', bytes: amd.root }]).certificates };
    const judge = async (binding: Uint8Array) => {
      const context = { at: now, collateral, roots };
      const { checks } = await appraiseEvidence(evidence, parsePolicy(JSON.stringify(policy(binding))), {
        context,
      });
      return checks.filter(isReason).map(({ id }) => id);
    };
    expect(await judge(nonce)).toEqual([]);
    expect(await judge(run)).toEqual(['azure-cvm/binding']);
  });

  test.skipIf(vectors === undefined)(
    'of a TDX guest of Azure has a quote made over its TD report',
    async () => {
      const read = async (name: string) => readFile(join(vectors ?? '', name));
      // swtpm has less memory a place than Azure's TPMs: a genuine report without the end of its claims.
      const hcl = (await read('coco-tdx-hcl-report.bin')).subarray(0, 2048);
      const tdQuote = (await read('coco-tdx-td-quote.bin')).toString('base64url');
      const asked: unknown[] = [];
      const server = createServer((incoming, response) => {
        asked.push(`${incoming.method} ${incoming.url}`);
        response.end(JSON.stringify({ quote: tdQuote }));
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, '127.0.0.1', resolve);
      await promise;
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      await keepReport(hcl);
      const provider = await detectProvider({ tpm: swtpm.path, azureMetadata: { origin } });
      expect(provider.technology).toBe('azure-cvm');
      const { body } = await provider.provide(nonce, run);
      expect(JSON.parse(utf8Decode(base64urlDecode(body)))).toMatchObject({ tdQuote });
      expect(asked).toEqual(['POST /acc/tdquote']);
      server.close();
      server.closeAllConnections();
      // No evidence without the quote: such a guest has none of its own.
      await expect(provider.provide(nonce, run)).rejects.toMatchObject({ code: 'provider/unavailable' });
    },
  );
});
