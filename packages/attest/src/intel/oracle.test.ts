// Against @phala/dcap-qvl, where SEALROOM_DCAP_QVL names a folder that has it installed: what it refuses is refused here, and
// TCB levels that are made at random are rated alike. Its known gaps are stated: it does not authenticate revocation lists,
// knows no TDX module identities, and takes the worse of two statuses where Intel's library combines them.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { FakeIntel, sgxBody, tdBody } from '@sealroom/testkit/vendors/intel';
import { certificatesPem } from '@sealroom/testkit/vendors/issue-certificates';
import { describe, expect, it } from 'vitest';
import { type CollateralFile, readCollateral } from '../collateral.ts';
import { vendorRoots } from '../roots/roots.ts';
import { parseSgxQuote } from '../sgx/parse.ts';
import { verifySgx } from '../sgx/verify.ts';
import { noise } from '../tdx/measure/images-for-tests.ts';
import { parseTdxQuote } from '../tdx/parse.ts';
import { verifyTdx } from '../tdx/verify.ts';
import { STATUSES } from './statements.ts';
import { memberTexts } from './text.ts';

type Report = { readonly status: string; readonly advisory_ids: readonly string[] };
type Verifier = { verify(quote: Buffer, collateral: object, seconds: number): Report };
type Peer = {
  readonly verify: Verifier['verify'];
  readonly QuoteVerifier: { newWithRootCa(root: Buffer): Verifier };
};

const folder = process.env['SEALROOM_DCAP_QVL'];
const vectors = sharedVectors('tdx');
if (folder === undefined) {
  if (process.env['CI'] === 'true') throw new Error('CI must compare with @phala/dcap-qvl.');
  console.log('skipped: SEALROOM_DCAP_QVL names no folder with @phala/dcap-qvl installed');
}
const peerOf = () => createRequire(join(folder ?? '', 'package.json'))('@phala/dcap-qvl') as Peer;

const AT = Date.parse('2026-06-01T12:00:00Z');

/** The files of our collateral in one, as the peer wants it. */
function bundleOf(intel: FakeIntel, files: readonly CollateralFile[]): object {
  const bytes = (name: string) => files.find((file) => file.name === name)?.bytes ?? new Uint8Array();
  const statement = (name: string, member: string) => {
    const text = new TextDecoder().decode(bytes(name));
    const { signature } = JSON.parse(text) as { signature: string };
    return { text: memberTexts(text).get(member) ?? '', signature };
  };
  const [info, identity] = [statement('tcb.json', 'tcbInfo'), statement('qe.json', 'enclaveIdentity')];
  const { root, pckCa, tcbSigning } = intel.certificates;
  const signing = certificatesPem([tcbSigning, root]);
  return {
    pck_crl_issuer_chain: certificatesPem([pckCa, root]),
    root_ca_crl: hexEncode(bytes('root.crl')),
    pck_crl: hexEncode(bytes('pck.crl')),
    tcb_info_issuer_chain: signing,
    tcb_info: info.text,
    tcb_info_signature: info.signature,
    qe_identity_issuer_chain: signing,
    qe_identity: identity.text,
    qe_identity_signature: identity.signature,
  };
}

const SEVERITY: readonly string[] = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
];

/** Levels around what the platform has: components 5,5,5,5,1,… and PCESVN 13; a TD's SVN is 6, 0, 3. */
function madeLevels(bytes: Uint8Array, tdx: boolean): object[] {
  return Array.from({ length: 4 }, (_, i) => {
    const at = (j: number) => bytes[(37 * i + j) % bytes.length] ?? 0;
    const svns = (first: readonly number[]) =>
      Array.from({ length: 16 }, (__, j) => ({
        svn: Math.max(0, (first[j] ?? 0) - (at(j) % 9 === 0 ? -1 : at(j) % 2)),
      }));
    return {
      tcb: {
        sgxtcbcomponents: svns([5, 5, 5, 5, 1, 1, 1]),
        pcesvn: 12 + (at(30) % 3),
        ...(tdx ? { tdxtcbcomponents: svns([6, 0, 3]) } : {}),
      },
      tcbDate: '2024-03-13T00:00:00Z',
      tcbStatus: STATUSES[at(31) % STATUSES.length],
      ...(at(32) % 2 === 0 ? {} : { advisoryIDs: [`INTEL-SA-0000${at(33) % 10}`] }),
    };
  });
}

describe.skipIf(folder === undefined)('beside @phala/dcap-qvl', () => {
  it.each(['sgx', 'tdx'] as const)(
    '%s platforms are rated alike for levels made at random',
    async (technology) => {
      const intel = await FakeIntel.create(AT);
      const peer = peerOf().QuoteVerifier.newWithRootCa(Buffer.from(intel.certificates.root));
      const svn = `060003${'00'.repeat(13)}`;
      const quote =
        technology === 'sgx'
          ? await intel.quote(3, sgxBody())
          : await intel.quote(4, tdBody({ teeTcbSvn: svn }));
      const seen = new Set<string>();
      for (let seed = 0; seed < 15; seed++) {
        const tcbLevels = madeLevels(noise(151, seed), technology === 'tdx');
        const files = await intel.collateral(technology, { tcbInfo: { tcbLevels } });
        const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
        const revocation = { revocation: 'required' } as const;
        const { claims } =
          technology === 'sgx'
            ? await verifySgx(parseSgxQuote(quote), revocation, context)
            : await verifyTdx(parseTdxQuote(quote), revocation, context);
        let theirs: Report | undefined;
        try {
          theirs = peer.verify(Buffer.from(quote), bundleOf(intel, files), AT / 1000);
        } catch (error) {
          expect(String(error)).toContain('No matching TCB level');
        }
        const rating = claims?.intel.tcb?.rating;
        expect(rating?.status, `seed ${seed}`).toBe(theirs?.status);
        expect(rating?.advisories ?? [], `seed ${seed}`).toEqual(
          [...(theirs?.advisory_ids ?? [])].toSorted(),
        );
        seen.add(theirs?.status ?? 'none');
      }
      expect(seen.size).toBeGreaterThan(2);
    },
  );

  it('quoting enclaves are rated no better', async () => {
    const intel = await FakeIntel.create(AT);
    const peer = peerOf().QuoteVerifier.newWithRootCa(Buffer.from(intel.certificates.root));
    for (let seed = 0; seed < 12; seed++) {
      const bytes = noise(151, 1000 + seed);
      const quote = await intel.quote(3, sgxBody(), { qe: { svn: (bytes[0] ?? 0) % 9 } });
      const tcbLevels = madeLevels(bytes, false);
      const files = await intel.collateral('sgx', { tcbInfo: { tcbLevels } });
      const context = { at: AT, collateral: readCollateral(files), roots: intel.roots };
      const { claims } = await verifySgx(parseSgxQuote(quote), { revocation: 'required' }, context);
      const status = claims?.intel.tcb?.rating?.status;
      try {
        const theirs = peer.verify(Buffer.from(quote), bundleOf(intel, files), AT / 1000);
        expect(SEVERITY.indexOf(status ?? ''), `seed ${seed}`).toBeGreaterThanOrEqual(
          SEVERITY.indexOf(theirs.status),
        );
      } catch (error) {
        expect(status, `seed ${seed}: ${String(error)}`).toBeUndefined();
      }
    }
  });

  it.skipIf(vectors === undefined)('a genuine quote with a byte changed is affirmed by neither', async () => {
    const read = (name: string) => readFileSync(join(vectors ?? '', name));
    const quote = read('phala-tdx_quote');
    const bundle = read('phala-tdx_quote_collateral.json');
    const at = Date.parse('2025-06-25T00:00:00Z');
    const collateral = readCollateral([{ name: 'bundle.json', bytes: bundle }]);
    const context = { at, collateral, roots: vendorRoots() };
    const authentic = async (bytes: Uint8Array) => {
      try {
        const { claims, checks } = await verifyTdx(parseTdxQuote(bytes), { revocation: 'required' }, context);
        return claims !== undefined && checks.every(({ outcome }) => outcome === 'pass');
      } catch {
        return false;
      }
    };
    const affirmed = (bytes: Uint8Array) => {
      try {
        return peerOf().verify(Buffer.from(bytes), JSON.parse(bundle.toString('utf8')) as object, at / 1000)
          .status;
      } catch {
        return undefined;
      }
    };
    expect(affirmed(quote)).toBe('UpToDate');
    expect(await authentic(new Uint8Array(quote))).toBe(true);
    for (let place = 0; place < 2000; place += 199) {
      const changed = new Uint8Array(quote);
      changed[place] = (changed[place] ?? 0) ^ 4;
      expect(await authentic(changed), `byte ${place}`).toBe(affirmed(changed) !== undefined);
    }
  });
});
