// The page of browser.test.ts: judges each row of the table with @sealroom/attest as a browser has it, and posts what came of it.
import {
  type AnyEvidence,
  appraiseEvidence,
  type Context,
  isReason,
  parsePolicy,
  pinnedPolicy,
  readCollateral,
  readEvidenceFile,
  vendorRoots,
} from '@sealroom/attest';
import { changedPolicy, evidenceOf, type Row } from '@sealroom/testkit/verdicts';
import type { Outcome } from './outcome.ts';

async function bytesOf(path: string): Promise<Uint8Array> {
  const response = await fetch(`/vectors/${path}`);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function contextOf(at: string, names: readonly string[]): Promise<Context> {
  const files = names.map(async (name) => ({ name, bytes: await bytesOf(name) }));
  return { at: Date.parse(at), collateral: readCollateral(await Promise.all(files)), roots: vendorRoots() };
}

function firstIn(file: Uint8Array): AnyEvidence {
  const [evidence] = readEvidenceFile(file);
  if (!evidence) throw new Error('no evidence');
  return evidence;
}

async function judge(row: Row): Promise<Outcome> {
  const { evidence, at, collateral, policy: making } = row;
  const given = firstIn(await evidenceOf(row, bytesOf));
  const context = await contextOf(at, collateral);
  const other = making.pinnedTo;
  const pinned = other
    ? await pinnedPolicy(firstIn(await bytesOf(other.evidence)), await contextOf(at, other.collateral))
    : await pinnedPolicy(given, context);
  const policy = parsePolicy(changedPolicy(pinned.policy, making));
  const { verdict, checks } = await appraiseEvidence(given, policy, { context });
  return { evidence, at, verdict, codes: [...new Set(checks.filter(isReason).map(({ id }) => id))] };
}

async function main(): Promise<void> {
  const rows = (await (await fetch('/cases')).json()) as readonly Row[];
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    const { evidence, at } = row;
    const broke = (error: unknown) => ({ evidence, at, verdict: String(error), codes: [] });
    outcomes.push(await judge(row).catch(broke));
  }
  await fetch('/outcomes', {
    method: 'POST',
    body: JSON.stringify({ agent: navigator.userAgent, outcomes }),
  });
}

void main();
