// `attest`: evidence of any technology read, pinned and judged, offline. Exit codes of `verify`: 0 affirmed ·
// 1 refused · 2 evidence, policy or collateral that cannot be used.
import {
  type Appraisal,
  appraiseEvidence,
  type Binding,
  type Context as World,
  type AnyEvidence,
  isReason,
  type KeySet,
  parsePolicy,
  type Policy,
  readKeySet,
  type Result,
  resultOf,
  technologyOf,
  vendorRoots,
} from '@sealroom/attest';
import { base64urlDecode, hexDecode } from '@sealroom/bytes';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { pinnedWhole } from './devices.ts';
import { evidenceIn } from './evidence.ts';
import { collateralIn, keysIn, timeIn } from './given.ts';
import { describedText, plain } from './inspect.ts';
import { resultText } from './text.ts';

const MOST = 16 * 1024 * 1024;

const KEYS_MS = 86_400_000;

/** Key sets that the caller vouches for, by issuer, as current at this time. */
async function keySetsOf(input: Input, at: number): Promise<KeySet[]> {
  const given = await keysIn(input);
  return Promise.all(
    given.map(({ issuer, text }) => readKeySet({ issuer, text, fetchedAt: at, notAfter: at + KEYS_MS })),
  );
}

/** What evidence is judged by, offline. */
async function worldOf(context: Context, input: Input): Promise<World> {
  const at = timeIn(input, 'at') ?? context.now();
  const [collateral, keySets] = [
    await collateralIn(input.optional('collateral')),
    await keySetsOf(input, at),
  ];
  return { at, collateral, roots: vendorRoots(), keySets };
}

async function evidenceOf(input: Input): Promise<AnyEvidence[]> {
  const found = evidenceIn(await readGiven(input.arg(0), MOST));
  const wanted = input.optional('technology');
  const chosen = wanted === undefined ? found : found.filter(({ technology }) => technology === wanted);
  if (chosen.length > 0) return chosen;
  const known = found.map(({ technology }) => technology).join(', ');
  throw new CliError(
    'cli/bad-file',
    `The file is no evidence of ${JSON.stringify(wanted)}; it may be ${known}.`,
  );
}

function bytesOption(input: Input, name: string, option: string): Uint8Array | undefined {
  const text = input.optional(name);
  if (text === undefined) return undefined;
  if (/^(?:[0-9a-f]{2})+$/.test(text)) return hexDecode(text);
  throw new CliError('cli/usage', `The option ${option} takes bytes in lower-case hexadecimal.`);
}

function bindingOf(input: Input): Binding | undefined {
  const reportData = bytesOption(input, 'reportData', '--report-data');
  const hostData = bytesOption(input, 'hostData', '--host-data');
  return reportData && { reportData, hostData: hostData ?? new Uint8Array() };
}

export const inspect: Action = async (_context, input) => {
  const all = await evidenceOf(input);
  const parts = all.flatMap((one) => [one, ...('devices' in one ? (one.devices ?? []) : [])]);
  const described = parts.map(({ technology, body }) => {
    const found = technologyOf(technology);
    const parsed = found.parse(base64urlDecode(body));
    return { technology, title: found.title, authenticated: false, parsed };
  });
  return {
    json: {
      ok: true,
      evidence: described.map(({ parsed, ...rest }) => ({ ...rest, content: plain(parsed) })),
    },
    text: described.map(({ title, parsed }) => describedText(title, parsed)).join('\n'),
  };
};

async function judge(
  all: readonly AnyEvidence[],
  policy: Policy,
  { binding, world }: { binding: Binding | undefined; world: World },
): Promise<Appraisal> {
  const accepted = all.filter(({ technology }) =>
    policy.accept.some((entry) => entry.technology === technology),
  );
  const candidates = accepted.length > 0 ? accepted : all.slice(0, 1);
  const appraisals: Appraisal[] = [];
  for (const evidence of candidates)
    appraisals.push(await appraiseEvidence(evidence, policy, { binding, context: world }));
  const reasons = ({ checks }: Appraisal) => checks.filter(isReason).length;
  const best = appraisals.toSorted((a, b) => reasons(a) - reasons(b))[0];
  if (!best) throw new CliError('cli/bad-file', 'The file holds no evidence.');
  return best;
}

export const verify: Action = async (context, input) => {
  const all = await evidenceOf(input);
  const world = await worldOf(context, input);
  const { at } = world;
  const policy = parsePolicy(new TextDecoder().decode(await readGiven(input.text('policy'), MOST)));
  const appraisal = await judge(all, policy, { binding: bindingOf(input), world });
  const result: Result = await resultOf(appraisal, { policy, at });
  const good = result.verdict === 'affirmed';
  return { json: { ok: good, ...result }, text: resultText(result), exit: good ? EXIT.ok : EXIT.refused };
};

export const policy: Action = async (context, input) => {
  const world = await worldOf(context, input);
  const all = await evidenceOf(input);
  const first = all[0];
  if (!first) throw new CliError('cli/bad-file', 'The file holds no evidence.');
  const { policy: made, authentic } = await pinnedWhole(first, world);
  if (!authentic)
    context.note(
      'The evidence is not authentic with this collateral at this time; its report data is not pinned.\n',
    );
  return { json: made, text: `${JSON.stringify(made, undefined, 2)}\n` };
};
