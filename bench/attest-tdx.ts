// How fast quotes of Intel are verified: `SEALROOM_SHARED_VECTORS=… node bench/attest-tdx.ts [rounds]`. Genuine quotes with
// Intel's collateral. Warm = a further quote of a platform that was seen, with the same collateral: evidence from bytes to
// all its checks. Beside it the signatures alone by WebCrypto, with keys that were imported before: both (quote and quoting enclave),
// and that of the quote. Cold = all from bytes: collateral files, certificates, lists, statements, quote. Beside it
// go-tdx-guest, when Go is there, and @phala/dcap-qvl, when SEALROOM_DCAP_QVL names a folder that has it installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appraiseEvidence, isReason, readCollateral, technologyOf, vendorRoots } from '@sealroom/attest';
import type { Evidence, Policy } from '@sealroom/attest';
import { base64urlEncode, hexEncode } from '@sealroom/bytes';
import { sharedVectors } from '@sealroom/testkit';
import { parseQuote, type Quote } from '../packages/attest/src/intel/quote.ts';
import { spkiOfPoint } from '../packages/attest/src/x509/signature.ts';
import { countOf, load, ratios, timed } from './measure.ts';

const ROUNDS = countOf(2, 15);
const EACH = 40;
const AT = Date.parse('2025-06-25T00:00:00Z');
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SHA256 = { name: 'ECDSA', hash: 'SHA-256' } as const;

type Subject = {
  readonly technology: 'tdx' | 'sgx';
  readonly quote: Uint8Array<ArrayBuffer>;
  readonly bundle: Uint8Array<ArrayBuffer>;
};

function subject(technology: 'tdx' | 'sgx', set: string, name: string): Subject {
  const folder = sharedVectors(set) ?? '';
  const read = (file: string) => new Uint8Array(readFileSync(join(folder, file)));
  return { technology, quote: read(name), bundle: read(`${name}_collateral.json`) };
}

/** Where the two signatures lie in the quote, and what they are over. */
type Verification = readonly [
  key: CryptoKey,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
];

async function verifications({ signed, signature, certification }: Quote): Promise<Verification[]> {
  const { attestationKey, certificates, qeReport, qeReportSignature } = certification;
  const importKey = (spki: Uint8Array<ArrayBuffer>) =>
    crypto.subtle.importKey('spki', spki, ECDSA, false, ['verify']);
  const [leaf] = certificates;
  if (!leaf) throw new Error('The quote has no certificate.');
  return [
    [await importKey(spkiOfPoint('P-256', attestationKey)), signature, signed],
    [await importKey(leaf.spki), qeReportSignature, qeReport],
  ];
}

async function bare(list: readonly Verification[]): Promise<void> {
  for (const [key, signature, message] of list)
    if (!(await crypto.subtle.verify(SHA256, key, signature, message)))
      throw new Error('A signature is bad.');
}

function policyOf({ technology, quote }: Subject): Policy {
  const one = technologyOf(technology);
  const parsed = one.parse(quote) as { report: { reportData: Uint8Array } };
  const entry = one.pin(parsed) as Policy['accept'][number];
  const tcb = {
    statuses: ['UpToDate', 'ConfigurationAndSWHardeningNeeded'],
    minimumEvaluationNumber: 17,
    advisories: { allowed: ['INTEL-SA-00289', 'INTEL-SA-00615'] },
  };
  const accept = [{ ...entry, tcb } as Policy['accept'][number]];
  return { v: 1, binding: { reportData: hexEncode(parsed.report.reportData) }, accept, distrust: [] };
}

async function times(count: number, work: () => Promise<unknown>): Promise<number> {
  return (
    (await timed(async () => {
      for (let i = 0; i < count; i++) await work();
    })) / count
  );
}

const milliseconds = (seconds: readonly number[]) => `${(1000 * ratios(seconds).median).toFixed(3)} ms`;

async function measure(given: Subject): Promise<void> {
  const { technology, quote, bundle } = given;
  const roots = vendorRoots();
  const policy = policyOf(given);
  const evidence: Evidence = { technology, body: base64urlEncode(quote) };
  const files = () => [{ name: 'bundle.json', bytes: new Uint8Array(bundle) }];
  const kept = readCollateral(files());
  const judge = async (collateral: typeof kept) => {
    const { verdict } = await appraiseEvidence(evidence, policy, { context: { at: AT, collateral, roots } });
    if (verdict !== 'affirmed') throw new Error('The quote is refused.');
  };
  const one = technologyOf(technology);
  const [entry] = policy.accept;
  const again = async () => {
    const context = { at: AT, collateral: kept, roots };
    const { claims, checks } = await one.verify(one.parse(quote), entry, context);
    const all = claims ? [...checks, ...(await one.appraise(claims, entry, context))] : [];
    if (all.length === 0 || all.some(isReason)) throw new Error('The quote is refused.');
  };
  const list = await verifications(parseQuote(quote));
  await judge(kept);
  const found = { warm: [] as number[], both: [] as number[], one: [] as number[], cold: [] as number[] };
  for (let round = 0; round < ROUNDS + 2; round++) {
    const both = await times(EACH, () => bare(list));
    const warm = await times(EACH, again);
    const quoted = await times(EACH, () => bare(list.slice(0, 1)));
    const cold = await times(3, () => judge(readCollateral(files())));
    if (round < 2) continue;
    found.warm.push(warm);
    found.both.push(both);
    found.one.push(quoted);
    found.cold.push(cold);
  }
  const against = (other: readonly number[]) =>
    ratios(found.warm.map((warm, i) => warm / (other[i] ?? Number.NaN))).text(2);
  const name = technology.toUpperCase();
  console.log(`${name} warm, bytes to checks           ${milliseconds(found.warm)}`);
  console.log(
    `${name} its two signatures alone        ${milliseconds(found.both)}; ratio ${against(found.both)}`,
  );
  console.log(
    `${name} the quote's signature alone     ${milliseconds(found.one)}; ratio ${against(found.one)}`,
  );
  console.log(`${name} cold, all from bytes            ${milliseconds(found.cold)}`);
  await peers(given);
}

type DcapQvl = {
  readonly verify: (quote: Buffer, collateral: object, seconds: number) => { status: string };
};

async function peers({ technology, quote, bundle }: Subject): Promise<void> {
  const name = technology.toUpperCase();
  const folder = process.env['SEALROOM_DCAP_QVL'];
  if (folder === undefined)
    console.log('@phala/dcap-qvl: not measured (SEALROOM_DCAP_QVL names no folder that has it)');
  else {
    const { verify } = createRequire(join(folder, 'package.json'))('@phala/dcap-qvl') as DcapQvl;
    const collateral = JSON.parse(Buffer.from(bundle).toString('utf8')) as object;
    const once = () => verify(Buffer.from(quote), collateral, AT / 1000);
    once();
    const taken: number[] = [];
    for (let i = 0; i < ROUNDS; i++) taken.push(await times(2, async () => once()));
    console.log(`${name} @phala/dcap-qvl (keeps nothing)  ${milliseconds(taken)}; it says ${once().status}`);
  }
}

const GO = `package main

import (
	"fmt"
	"os"
	"time"

	"github.com/google/go-tdx-guest/verify"
)

func main() {
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	options := verify.DefaultOptions()
	at, _ := time.Parse(time.RFC3339, "2025-06-25T00:00:00Z")
	options.Now = at
	if err := verify.RawTdxQuote(raw, options); err != nil {
		panic(err)
	}
	best := time.Hour
	for round := 0; round < 15; round++ {
		start := time.Now()
		for i := 0; i < 40; i++ {
			if err := verify.RawTdxQuote(raw, options); err != nil {
				panic(err)
			}
		}
		if taken := time.Since(start) / 40; taken < best {
			best = taken
		}
	}
	fmt.Printf("%.3f", float64(best.Nanoseconds())/1e6)
}
`;

/** Its check without collateral (chain, quoting enclave, signature): with collateral it wants Intel's service. */
function goTdxGuest({ quote }: Subject): void {
  if (spawnSync('go', ['version']).status !== 0) {
    console.log('go-tdx-guest: not measured (Go is not installed)');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'sealroom-bench-'));
  try {
    writeFileSync(join(folder, 'main.go'), GO);
    writeFileSync(join(folder, 'quote'), quote.slice(0, trimmed(quote)));
    writeFileSync(join(folder, 'go.mod'), 'module bench\n\ngo 1.22\n');
    const run = (...args: string[]) => spawnSync('go', args, { cwd: folder, encoding: 'utf8' });
    run('get', 'github.com/google/go-tdx-guest@v0.3.1');
    const got = run('mod', 'tidy');
    const built = got.status === 0 ? run('build', '-o', 'bench', '.') : got;
    const ran =
      built.status === 0
        ? spawnSync(join(folder, 'bench'), ['quote'], { cwd: folder, encoding: 'utf8' })
        : built;
    if (ran.status === 0)
      console.log(
        `TDX go-tdx-guest 0.3.1, no collateral ${ran.stdout.trim().split('\n').at(-1) ?? ''} ms (best round)`,
      );
    else console.log(`go-tdx-guest: not measured (${ran.stderr.trim().split('\n').at(-1) ?? ''})`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without the zeros behind the quote, which it does not take. */
function trimmed(quote: Uint8Array): number {
  let end = quote.length;
  while (quote[end - 1] === 0) end -= 1;
  return end + 1;
}

const tdx = subject('tdx', 'tdx', 'phala-tdx_quote');
if (!existsSync(join(sharedVectors('tdx') ?? '', 'phala-tdx_quote'))) process.exit(1);
await measure(tdx);
goTdxGuest(tdx);
await measure(subject('sgx', 'sgx-dcap', 'phala-sgx_quote'));
console.log(load());
