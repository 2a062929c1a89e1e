// Publishing, answering and fetching documents: specifications, attestations, criteria. A document is named by its digest;
// the hub keeps its bytes in clear, because the parties chose to show them to each other.
import { basename } from 'node:path';
import { type Details, hubRoutes } from '@sealroom/api';
import { type Digest, sha256Digest, utf8Decode } from '@sealroom/bytes';
import { call } from '@sealroom/client';
import { freshSalt } from '@sealroom/contract';
import { leakBudget, lintCriteria, parseCriteria } from '@sealroom/criteria';
import type { Action, Context, Input } from '../context.ts';
import { CliError } from '../error.ts';
import { readGiven, writeWhole } from '../home/files.ts';
import { findArtifact, openProject, type ProjectView } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { publish, sign } from '../hub/statement.ts';
import { facts } from '../terminal/text.ts';

type DocumentKind = 'specification' | 'attestation' | 'criteria';

/** What the person writes about a version. */
export function detailsOf(input: Input, fallbackName: string): Details {
  return {
    name: input.optional('name') ?? fallbackName,
    description: input.optional('description') ?? '',
    versionTag: input.optional('versionTag') ?? '',
    versionDescription: input.optional('versionDescription') ?? '',
  };
}

/** The next version number of one's own artifacts of a kind, and the digest of the last statement. */
export function following(
  { artifacts, verified }: Pick<ProjectView, 'artifacts' | 'verified'>,
  kind: DocumentKind | 'dataset' | 'algorithm',
  org: Digest,
): { readonly version: number; readonly prev: Digest | null } {
  const own = artifacts.filter((item) => item.kind === kind && item.org === org);
  const last = own.toSorted((a, b) => b.version - a.version)[0];
  const stands = [...verified.record.artifacts.values()].find(
    (item) => item.kind === kind && item.org === org && item.digest === last?.digest,
  );
  return { version: (last?.version ?? 0) + 1, prev: stands?.published.digest ?? null };
}

type Opened = {
  readonly hub: Link;
  readonly view: ProjectView;
  readonly document: Uint8Array<ArrayBuffer>;
  readonly digest: Digest;
};

async function opened(context: Context, input: Input): Promise<Opened> {
  const document = await readGiven(input.arg(0), 512 * 1024);
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  return { hub, view, document, digest: await sha256Digest(document) };
}

async function send(
  context: Context,
  input: Input,
  { hub, view, document, digest }: Opened,
  kind: DocumentKind,
  cose: Uint8Array<ArrayBuffer>,
  version: number,
) {
  const { project } = view.project;
  const details = detailsOf(input, basename(input.arg(0)));
  const { index } = await publish(context, hub, project, cose, { details, document });
  return {
    json: { ok: true, kind, digest, project, version, name: details.name, index },
    text: `Published the ${kind} "${details.name}", version ${version}.\n${facts([
      ['digest', digest],
      ['ledger leaf', String(index)],
    ])}`,
  };
}

export const publishSpecification: Action = async (context, input) => {
  const parts = await opened(context, input);
  const { version, prev } = following(parts.view, 'specification', parts.hub.org);
  const payload = { salt: freshSalt(), org: parts.hub.org, project: parts.view.project.project };
  const cose = await sign(context, parts.hub, 'specification.published', {
    ...payload,
    document: parts.digest,
    version,
    prev,
  });
  return send(context, input, parts, 'specification', cose, version);
};

export const publishAttestation: Action = async (context, input) => {
  const parts = await opened(context, input);
  const specification = findArtifact(parts.view, 'specification', input.optional('specification')).digest;
  const { version, prev } = following(parts.view, 'attestation', parts.hub.org);
  const payload = { salt: freshSalt(), org: parts.hub.org, project: parts.view.project.project };
  const cose = await sign(context, parts.hub, 'attestation.published', {
    ...payload,
    document: parts.digest,
    specification,
    version,
    prev,
  });
  return send(context, input, parts, 'attestation', cose, version);
};

function checkWise(context: Context, input: Input, document: Uint8Array): void {
  const criteria = parseCriteria(utf8Decode(document));
  const bad = lintCriteria(criteria).filter(({ severity }) => severity === 'error');
  if (bad.length === 0) {
    const bits = leakBudget(criteria);
    context.note(`A report that meets these criteria can carry at most ${Math.ceil(bits)} bits.\n`);
    return;
  }
  const where = bad.map(({ path, message }) => `${path.join('.')}: ${message}`).join(' ');
  if (input.flag('allowFindings')) return context.note(`Published although: ${where}\n`);
  throw new CliError('cli/refused', `These criteria set no bound on what a report can carry. ${where}`, {
    exit: 1,
    next: 'Mend them ("sealroom criteria lint FILE"), or say --allow-findings.',
  });
}

export const publishCriteria: Action = async (context, input) => {
  checkWise(context, input, await readGiven(input.arg(0), 512 * 1024));
  const parts = await opened(context, input);
  const { version, prev } = following(parts.view, 'criteria', parts.hub.org);
  const payload = { salt: freshSalt(), org: parts.hub.org, project: parts.view.project.project };
  const cose = await sign(context, parts.hub, 'criteria.published', {
    ...payload,
    document: parts.digest,
    version,
    prev,
  });
  return send(context, input, parts, 'criteria', cose, version);
};

/** `accept` and `decline` of attestations and criteria. */
export function answer(kind: 'attestation' | 'criteria', said: 'accepted' | 'declined'): Action {
  return async (context, input) => {
    const hub = await link(context, input);
    const view = await openProject(context, input, hub);
    const { project } = view.project;
    const { digest, details } = findArtifact(view, kind, input.optionalArg(0));
    const payload = { salt: freshSalt(), org: hub.org, project, document: digest, note: null };
    const cose = await sign(context, hub, `${kind}.${said}`, payload);
    const { index } = await publish(context, hub, project, cose);
    return {
      json: { ok: true, kind, digest, said, index },
      text: `You have ${said} the ${kind} "${details.name}" (${digest}).\n`,
    };
  };
}

/** Downloads a document; what comes must hash to the digest that was signed. */
export function getDocument(kind: DocumentKind): Action {
  return async (context, input) => {
    const hub = await link(context, input);
    const view = await openProject(context, input, hub);
    const { digest, details } = findArtifact(view, kind, input.arg(0));
    const params = { project: view.project.project, digest };
    const bytes = await call(hub.service, hubRoutes.document, { params });
    if ((await sha256Digest(bytes)) !== digest)
      throw new CliError('cli/refused', 'The hub gave another document than the one that was signed.', {
        exit: 1,
      });
    const out = input.text('out');
    await writeWhole(out, bytes, { mode: 0o644, overwrite: input.flag('overwrite') });
    context.did(`${out} was written.`);
    return { json: { ok: true, kind, digest, out }, text: `Wrote "${details.name}" to ${out}.\n` };
  };
}
