// One entrance for every technology: authenticate, then hold the signed claims against the entries of a policy. What every
// technology has alike is checked here: the binding, the run, the platform, and that nothing needed was left out.
import { base64urlDecode, BytesError, hexDecode } from '@sealroom/bytes';
import { holdsPadded } from './checks.ts';
import { NO_COLLATERAL } from './collateral.ts';
import { appraiseDevices, type Judged, type Wanted } from './devices.ts';
import { allowsPlatform } from './entry.ts';
import { AttestError } from './error.ts';
import type { Policy } from './policy.ts';
import { type AnyTechnology, type CommonEntry, type PartEntry, technologyOf } from './technology.ts';
import type {
  AnyEvidence,
  Binding,
  Category,
  Check,
  Claims,
  CollateralUse,
  Context,
  Technology,
  Window,
} from './types.ts';

/** A part of a room that has evidence of its own: `cpu`, `gpu0` and so on. */
export type Submodule = {
  readonly name: string;
  readonly technology: Technology;
  readonly checks: readonly Check[];
  /** Signed, whether acceptable or not; undefined when the evidence is not authentic. */
  readonly claims: Claims | undefined;
  readonly used: readonly CollateralUse[];
  /** From when to when it says of itself that it holds, where it does. */
  readonly window?: Window | undefined;
};

/** Characters of a body: more than evidence of several devices together has. */
const LONGEST_BODY = 6 * 1024 * 1024;

/** Of the entry that fits best: the one affirmed, else the one with the fewest reasons. */
export type Appraisal = {
  readonly verdict: 'affirmed' | 'refused';
  /** Whether only a part of evidence was verified, which says nothing of a room and is never a contract's verdict. */
  readonly scope: 'evidence' | PartEntry['only'];
  readonly technology: Technology;
  /** All checks, of all submodules. */
  readonly checks: readonly Check[];
  /** Of the evidence itself, not of devices: signed, whether acceptable or not; undefined when it is not authentic. */
  readonly claims: Claims | undefined;
  readonly used: readonly CollateralUse[];
  /** The evidence itself first, then the devices in their order. */
  readonly submodules: readonly Submodule[];
};

function wantedOf(policy: Policy, binding: Binding | undefined): Wanted | undefined {
  if (policy.binding === 'none') return undefined;
  if (policy.binding === 'room') return binding && { reportData: binding.reportData, run: binding.hostData };
  const { reportData, run } = policy.binding;
  return { reportData: hexDecode(reportData), run: run === undefined ? undefined : hexDecode(run) };
}

function check(id: string, category: Category, good: boolean, detail: string): Check {
  return { id, category, outcome: good ? 'pass' : 'fail', detail };
}

/** Whether the evidence was made for this run, in the field that the technology or the entry has for it. */
async function holdsRun(
  one: AnyTechnology,
  { claims, entry, run }: { claims: Claims; entry: CommonEntry; run: Uint8Array | undefined },
): Promise<boolean> {
  if (run === undefined) return false;
  if (one.holdsRun) return one.holdsRun(claims, entry, run);
  return claims.hostData !== undefined && holdsPadded(claims.hostData, run);
}

async function bindingChecks(
  one: AnyTechnology,
  { claims, entry, wanted }: { claims: Claims; entry: CommonEntry; wanted: Wanted | undefined },
): Promise<Check[]> {
  const { technology, reportData } = claims;
  const [bound, run] = [`${technology}/binding`, `${technology}/run`];
  const software = entry.runBinding === 'software';
  if (!wanted) {
    const detail = 'nothing was given that the evidence must bind';
    return [
      { id: bound, category: 'binding', outcome: 'skipped', detail },
      { id: run, category: 'run', outcome: 'skipped', detail },
    ];
  }
  const binds = holdsPadded(reportData, wanted.reportData);
  const detail = 'the report binds what it must: the nonces, the room’s keys and the manifest';
  const started = software ? binds : await holdsRun(one, { claims, entry, run: wanted.run });
  return [
    check(bound, 'binding', binds, detail),
    check(
      run,
      'run',
      started,
      software
        ? 'the room’s program binds the run, as the entry allows'
        : 'the room was started for this manifest',
    ),
  ];
}

/** A name without its technology: a machine answers by each that it has, with the same key. */
function machineOf(platform: string): string {
  return platform.slice(platform.indexOf(':') + 1);
}

/** More than the exact name counts: a list that was written a little otherwise must not let a machine pass (decision 132). */
export function isDistrusted(platform: string, distrust: readonly string[]): boolean {
  const machine = machineOf(platform.toLowerCase());
  return distrust.some((one) => {
    const listed = one.toLowerCase();
    return listed === machine || machineOf(listed) === machine;
  });
}

function platformChecks(claims: Claims, entry: CommonEntry, policy: Policy): Check[] {
  const { technology, platform, otherPlatforms = [], otherNames = [] } = claims;
  const platforms = [platform, ...otherPlatforms];
  const checks = [
    check(
      `${technology}/distrusted`,
      'platform',
      ![...platforms, ...otherNames].some((one) => isDistrusted(one, policy.distrust)),
      'the platform is not distrusted',
    ),
  ];
  if (entry.platforms) {
    const list = entry.platforms;
    const allowed = platforms.every((one) => allowsPlatform(list, one));
    checks.push(check(`${technology}/platform`, 'platform', allowed, 'the platform is one this entry names'));
  }
  return checks;
}

const ALWAYS: readonly Category[] = ['authentic', 'code', 'debug', 'run', 'binding', 'platform'];

/** A category that must have been checked and was not is a failure of its own: no check is optional by omission. */
function omissions({ name, needs }: AnyTechnology, checks: readonly Check[]): Check[] {
  const missing = [...new Set([...ALWAYS, ...needs])].filter((category) =>
    checks.every((one) => one.category !== category),
  );
  return missing.map((category) =>
    check(`${name}/unchecked/${category}`, category, false, 'nothing of this kind was checked'),
  );
}

/** What keeps a check from affirming. */
export function isReason({ outcome, waived }: Check): boolean {
  return outcome === 'fail' || (outcome === 'skipped' && waived === undefined);
}

function conclude(own: Submodule, devices: readonly Submodule[] = []): Appraisal {
  const submodules = [own, ...devices];
  const checks = submodules.flatMap((one) => one.checks);
  return {
    verdict: checks.some(isReason) ? 'refused' : 'affirmed',
    scope: 'evidence',
    technology: own.technology,
    checks,
    claims: own.claims,
    used: submodules.flatMap((one) => one.used),
    submodules,
  };
}

/** A part of evidence under an entry for such parts: it binds nothing, and the result says so. */
async function attemptPart(
  { technology: name, body }: AnyEvidence,
  { entry, policy, context }: { entry: PartEntry; policy: Policy; context: Context },
): Promise<Appraisal> {
  const technology = technologyOf(name);
  const read = parsedOf(name, body);
  if ('problem' in read) return { ...conclude(malformed(name, 'cpu', read.problem)), scope: entry.only };
  const { parsed } = read;
  const { checks, used } = technology.verifyPart
    ? await technology.verifyPart(parsed, entry, context)
    : { checks: [], used: [] };
  const good = technology.verifyPart !== undefined && policy.binding === 'none';
  const detail = 'the entry is for a part of evidence, under a policy that binds nothing';
  const checksOfPart = [...checks, check(`${technology.name}/part`, 'binding', good, detail)];
  const own = { name: 'cpu', technology: technology.name, checks: checksOfPart, claims: undefined, used };
  return { ...conclude(own), scope: entry.only };
}

async function attempt(
  technology: AnyTechnology,
  name: string,
  { parsed, entry, policy, wanted, context }: Judged & { readonly parsed: unknown },
): Promise<Submodule> {
  const { checks, claims, used, window } = await technology.verify(parsed, entry, context);
  const told = { name, technology: technology.name, claims, used, window };
  if (!claims)
    return { ...told, checks: [...checks, ...(checks.some(isReason) ? [] : omissions(technology, []))] };
  const all = [
    ...checks,
    ...(await technology.appraise(claims, entry, context)),
    ...(await bindingChecks(technology, { claims, entry, wanted })),
    ...platformChecks(claims, entry, policy),
  ];
  return { ...told, checks: [...all, ...omissions(technology, all)] };
}

/** Parses and judges the evidence of one part of a room. */
async function judge(
  { technology: name, body }: { readonly technology: Technology; readonly body: string },
  submodule: string,
  judged: Judged,
): Promise<Submodule> {
  const read = parsedOf(name, body);
  if ('problem' in read) return malformed(name, submodule, read.problem);
  return attempt(technologyOf(name), submodule, { parsed: read.parsed, ...judged });
}

function malformed(technology: Technology, name: string, problem: string): Submodule {
  const checks = [check(`${technology}/malformed`, 'authentic', false, problem)];
  return { name, technology, checks, claims: undefined, used: [] };
}

function parsedOf(name: Technology, body: string): { parsed: unknown } | { problem: string } {
  if (body.length > LONGEST_BODY) return { problem: 'the evidence is larger than any can be' };
  try {
    return { parsed: technologyOf(name).parse(base64urlDecode(body)) };
  } catch (error) {
    if (!(error instanceof AttestError || error instanceof BytesError)) throw error;
    return { problem: error.message };
  }
}

/** A device's report says nothing of the program that asked for it, so it cannot stand for a room. */
function standsAlone({ name, device }: AnyTechnology, policy: Policy): Check[] {
  if (!device || policy.binding !== 'room') return [];
  return [check(`${name}/alone`, 'technology', false, 'a device alone proves nothing of a room')];
}

function unaccepted(technology: Technology): Appraisal {
  const detail = 'the policy does not accept this technology';
  const checks = [check(`${technology}/technology`, 'technology', false, detail)];
  return conclude({ name: 'cpu', technology, checks, claims: undefined, used: [] });
}

/**
 * Verifies evidence and appraises it under a policy. Never throws for bad evidence: the verdict is `refused` and the checks
 * say why. When several entries could apply and none affirms, the one with the fewest reasons is told.
 * @param binding what the verifier knows of the run; needed where the policy says `binding: room`
 */
export async function appraiseEvidence(
  evidence: AnyEvidence,
  policy: Policy,
  {
    binding,
    context = { at: 0, collateral: NO_COLLATERAL, roots: {} },
  }: { binding?: Binding | undefined; context?: Context },
): Promise<Appraisal> {
  const technology = technologyOf(evidence.technology);
  const { name, device } = technology;
  const wanted = wantedOf(policy, binding);
  const attempts: Appraisal[] = [];
  for (const entry of policy.accept.filter((one) => one.technology === name)) {
    if ('only' in entry) {
      attempts.push(await attemptPart(evidence, { entry, policy, context }));
      continue;
    }
    const judged = { entry, policy, wanted, context };
    const own = await judge(evidence, device ? 'gpu0' : 'cpu', judged);
    const beside = await appraiseDevices(evidence, judged, judge);
    const checks = [...own.checks, ...standsAlone(technology, policy), ...beside.checks];
    attempts.push(conclude({ ...own, checks }, beside.submodules));
  }
  const reasons = ({ checks }: Appraisal) => checks.filter(isReason).length;
  return attempts.toSorted((a, b) => reasons(a) - reasons(b))[0] ?? unaccepted(name);
}
