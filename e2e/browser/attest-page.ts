// The page of browser.test.ts: judges each case of the table with @sealroom/attest as a browser has it, and posts what came of it.
import {
  appraiseEvidence,
  isReason,
  parsePolicy,
  readCollateral,
  readEvidenceFile,
  technologyOf,
  vendorRoots,
} from '@sealroom/attest';
import { base64urlDecode, hexEncode } from '@sealroom/bytes';
import type { Case, Outcome } from './case.ts';

async function bytesOf(path: string): Promise<Uint8Array> {
  const response = await fetch(`/vectors/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function judge({ evidence, at, beside }: Case): Promise<Outcome> {
  const files = beside.map(async (name) => ({ name, bytes: await bytesOf(name) }));
  const context = {
    at: Date.parse(at),
    collateral: readCollateral(await Promise.all(files)),
    roots: vendorRoots(),
  };
  const [given] = readEvidenceFile(await bytesOf(evidence));
  if (!given) throw new Error('no evidence');
  const technology = technologyOf(given.technology);
  const parsed = technology.parse(base64urlDecode(given.body));
  const part = technology.pinPart?.(parsed);
  const entry = (part ?? technology.pin(parsed, context.collateral)) as { revocation?: unknown };
  if ('revocation' in entry) entry.revocation = { waived: 'no current list is among the vectors' };
  const { claims } = part ? { claims: undefined } : await technology.verify(parsed, entry, context);
  const run = claims?.hostData && { run: hexEncode(claims.hostData) };
  const binding = part ? 'none' : claims ? { reportData: hexEncode(claims.reportData), ...run } : 'room';
  const policy = parsePolicy(JSON.stringify({ v: 1, binding, accept: [entry], distrust: [] }));
  const { verdict, checks } = await appraiseEvidence(given, policy, { context });
  return { evidence, at, verdict, codes: checks.filter(isReason).map(({ id }) => id) };
}

async function main(): Promise<void> {
  const cases = (await (await fetch('/cases')).json()) as readonly Case[];
  const outcomes: Outcome[] = [];
  for (const one of cases)
    outcomes.push(
      await judge(one).catch((error: unknown) => ({
        evidence: one.evidence,
        at: one.at,
        verdict: String(error),
        codes: [],
      })),
    );
  await fetch('/outcomes', {
    method: 'POST',
    body: JSON.stringify({ agent: navigator.userAgent, outcomes }),
  });
}

void main();
