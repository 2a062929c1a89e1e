// SEV-SNP evidence: how much more than its one P-384 signature a verification takes, with chain and collateral verified before and
// without, beside WebCrypto's bare verification in the same rounds and go-sev-guest in a process of its own.
//   npx node bench/attest-snp.ts [verifications a round] [rounds]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  appraiseEvidence,
  type CollateralFile,
  type Context,
  type Entry,
  parsePolicy,
  readCollateral,
  technologyOf,
  vendorRoots,
} from '@sealroom/attest';
import { base64urlEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { countOf, load, ratios, timed } from './measure.ts';

const [count, rounds] = [countOf(2, 100), countOf(3, 15)];
const AT = Date.parse('2026-11-22T00:00:00Z');
const folder = sharedVectors('sev-snp');
if (folder === undefined) throw new Error('This benchmark verifies genuine evidence, which is not here.');

const read = (name: string): CollateralFile => ({
  name,
  bytes: new Uint8Array(readFileSync(join(folder, name))),
});
const body = read('msft-genoa-report.bin').bytes;
const files = ['msft-genoa-vcek.pem', 'msft-genoa-ask.pem'].map(read);
const snp = technologyOf('sev-snp');

/** All that a program does that has never seen this machine: from files and text to claims. */
async function whole(roots: Context['roots']): Promise<{ context: Context; entry: Entry }> {
  const context = { at: AT, collateral: readCollateral(files), roots };
  const parsed = snp.parse(body);
  const entry = {
    ...(snp.pin(parsed) as object),
    revocation: { waived: 'no current list is among the vectors' },
  } as Entry;
  const { claims } = await snp.verify(parsed, entry, context);
  if (!claims) throw new Error('The genuine report does not verify.');
  return { context, entry };
}

/** Milliseconds of clock and of processor that one takes; on a busy machine the second says more. */
type Cost = { readonly clock: number; readonly processor: number };

async function costs(n: number, work: () => Promise<unknown>): Promise<Cost> {
  const before = process.cpuUsage();
  const clock = await timed(async () => {
    for (let i = 0; i < n; i++) await work();
  });
  const { user, system } = process.cpuUsage(before);
  return { clock: (1000 * clock) / n, processor: (user + system) / 1000 / n };
}

const first = await timed(() => whole(vendorRoots()));
const { context, entry } = await whole(vendorRoots());
const [vcek] = context.collateral.certificates;
if (!vcek) throw new Error('The vectors hold no certificate.');
const key = await crypto.subtle.importKey('spki', vcek.spki, { name: 'ECDSA', namedCurve: 'P-384' }, false, [
  'verify',
]);

const { signed, signature } = (
  snp.parse(body) as { report: { signed: Uint8Array<ArrayBuffer>; signature: Uint8Array<ArrayBuffer> } }
).report;
const policy = parsePolicy(JSON.stringify({ v: 1, binding: { reportData: '00' }, accept: [entry] }));
const evidence = { technology: 'sev-snp', body: base64urlEncode(body) } as const;

const bareOnce = async () => crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-384' }, key, signature, signed);
const warmOnce = async () => snp.verify(snp.parse(body), entry, context);
const appraiseOnce = async () => appraiseEvidence(evidence, policy, { context });
const coldOnce = async () => whole(vendorRoots());

const names = ['bare', 'warm', 'appraised', 'cold'] as const;
type Name = (typeof names)[number];
const work: Readonly<Record<Name, () => Promise<unknown>>> = {
  bare: bareOnce,
  warm: warmOnce,
  appraised: appraiseOnce,
  cold: coldOnce,
};
const taken = new Map<Name, Cost[]>(names.map((name) => [name, []]));
await costs(count, bareOnce);
await costs(count, appraiseOnce);
for (let round = 0; round < rounds; round++)
  for (const name of names)
    taken.get(name)?.push(await costs(name === 'cold' ? Math.ceil(count / 10) : count, work[name]));

const GO_VERSION = 'v0.15.0';
const GO = `package main

import (
	"crypto/ecdsa"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/google/go-sev-guest/abi"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/verify"
)

func der(path string) []byte {
	raw, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(raw)
	return block.Bytes
}

func reversed(b []byte) *big.Int {
	out := make([]byte, len(b))
	for i, v := range b {
		out[len(b)-1-i] = v
	}
	return new(big.Int).SetBytes(out)
}

func per(n int, f func()) float64 {
	f()
	start := time.Now()
	for i := 0; i < n; i++ {
		f()
	}
	return float64(time.Since(start).Microseconds()) / float64(n) / 1000
}

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	leaf := der(os.Args[2])
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	whole := per(200, func() {
		report, err := abi.ReportToProto(raw)
		if err != nil {
			panic(err)
		}
		attestation := &spb.Attestation{Report: report, CertificateChain: &spb.CertificateChain{
			VcekCert: leaf, AskCert: der(os.Args[3]), ArkCert: der(os.Args[4])}}
		options := verify.DefaultOptions()
		options.DisableCertFetching = true
		options.Now = now
		if err := verify.SnpAttestation(attestation, options); err != nil {
			panic(err)
		}
	})
	certificate, err := x509.ParseCertificate(leaf)
	if err != nil {
		panic(err)
	}
	key := certificate.PublicKey.(*ecdsa.PublicKey)
	bare := per(200, func() {
		digest := sha512.Sum384(raw[:0x2a0])
		if !ecdsa.Verify(key, digest[:], reversed(raw[0x2a0:0x2a0+72]), reversed(raw[0x2a0+72:0x2a0+144])) {
			panic("signature")
		}
	})
	fmt.Printf("%.3f %.3f\\n", whole, bare)
}
`;

/** Milliseconds that go-sev-guest takes for the report and its chain, and Go's bare verification; or what is missing. */
function goSevGuest(vectors: string): string {
  if (spawnSync('go', ['version']).status !== 0) return 'go-sev-guest: there is no Go here';
  const place = mkdtempSync(join(tmpdir(), 'sealroom-bench-go-'));
  try {
    writeFileSync(join(place, 'main.go'), GO);
    writeFileSync(
      join(place, 'go.mod'),
      `module bench\n\ngo 1.23\n\nrequire github.com/google/go-sev-guest ${GO_VERSION}\n`,
    );
    const names = [
      'msft-genoa-report.bin',
      'msft-genoa-vcek.pem',
      'msft-genoa-ask.pem',
      'msft-genoa-ark.pem',
    ];
    const options = { cwd: place, encoding: 'utf8', env: { ...process.env, GOFLAGS: '-mod=mod' } } as const;
    const { status, stdout, stderr } = spawnSync(
      'go',
      ['run', '.', ...names.map((name) => join(vectors, name))],
      options,
    );
    if (status !== 0)
      return `go-sev-guest ${GO_VERSION} did not build or verify: ${stderr.trim().split('\n').at(-1) ?? ''}`;
    const [all = '', bare = ''] = stdout.trim().split(' ');
    return `go-sev-guest ${GO_VERSION}, chain and report each time: ${all} ms; Go's bare P-384 verification: ${bare} ms`;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function line(name: Name, words: string): string {
  const own = taken.get(name) ?? [];
  const bare = taken.get('bare') ?? [];
  const times = (kind: keyof Cost) =>
    ratios(own.map((cost, round) => cost[kind] / (bare[round]?.[kind] ?? Number.NaN)));
  const clock = ratios(own.map((cost) => cost.clock)).text(3);
  const processor = ratios(own.map((cost) => cost.processor)).text(3);
  const beside = `; times the bare: clock ${times('clock').text(2)}, processor ${times('processor').text(2)}`;
  return `${words}: ${clock} ms, processor ${processor} ms${name === 'bare' ? '' : beside}`;
}

console.log(`least / median / greatest of ${rounds} rounds of ${count}; ${load()}`);
console.log(line('bare', 'bare P-384 verification of the report (WebCrypto)'));
console.log(line('warm', 'warm: bytes to claims, chain verified before'));
console.log(line('appraised', 'warm, with the policy: base64url to verdict'));
console.log(line('cold', 'cold: from PEM files, nothing kept of them'));
console.log(`the first of this process, roots read too: ${(1000 * first).toFixed(0)} ms`);
console.log(goSevGuest(folder));
