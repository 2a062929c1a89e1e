// `run-config create`: the contract is made from the verified record, shown, and signed as the algorithm owner's offer.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Digest, sha256Digest } from '@sealroom/bytes';
import { call, draftContract, identitiesOf, reviewContract, verifyAppended } from '@sealroom/client';
import { type Contract, contractSalt, encodeContract, type PayloadOf } from '@sealroom/contract';
import { leakBudget, parseCriteria } from '@sealroom/criteria';
import type { Action, Context, Input } from '../context.ts';
import { CliError, EXIT } from '../error.ts';
import { findArtifact, findById, openProject, type ProjectView } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { facts } from '../terminal/text.ts';
import { acceptedIn } from './accept.ts';
import { installedLaunch, knownPins, reviewAndAgree, signContract } from './agreement.ts';
import { checkNodes, simulatedNodes } from './nodes.ts';
import { reviewText } from './review-text.ts';
import { termsOf } from './terms.ts';

/** What a report that meets the criteria can tell, in bits; the document must be the one that was signed. */
async function bitsOf(
  { service }: Link,
  { project }: ProjectView,
  criteria: Digest,
): Promise<number | undefined> {
  const params = { project: project.project, digest: criteria };
  const document = await call(service, hubRoutes.document, { params });
  if ((await sha256Digest(document)) !== criteria)
    throw new CliError('cli/refused', 'The hub gave other criteria than those that were signed.', {
      exit: EXIT.refused,
    });
  const bits = leakBudget(parseCriteria(document));
  return Number.isFinite(bits) ? Math.ceil(bits) : undefined;
}

function recipientsOf(
  input: Input,
  { org, kid }: Link,
  { verified, organisations }: ProjectView,
): Contract['output']['recipients'] {
  const people = organisations.find((item) => item.org === org)?.people ?? [];
  const given = input.list('recipient');
  const named = people.map(({ kid: id, name }) => ({ kid: id, name }));
  const kids =
    given.length === 0 ? [kid] : given.map((reference) => findById(named, 'kid', reference, 'person').kid);
  return kids.map((wanted) => {
    const key = identitiesOf(verified, org).find((entry) => entry.kid === wanted)?.receiving;
    if (key !== undefined) return { org, key };
    throw new CliError('cli/refused', 'A recipient has no receiving key that the organisation vouches for.', {
      exit: EXIT.refused,
    });
  });
}

async function contractOf(context: Context, input: Input, hub: Link, view: ProjectView): Promise<Contract> {
  const named = input.list('dataset');
  const datasets =
    named.length === 0
      ? [findArtifact(view, 'dataset', undefined)]
      : named.map((ref) => findArtifact(view, 'dataset', ref));
  const algorithm = findArtifact(view, 'algorithm', input.optional('algorithm'));
  const published = [...view.verified.record.artifacts.values()].find(
    ({ kind, digest }) => kind === 'algorithm' && digest === algorithm.digest,
  )?.published.payload as PayloadOf<'algorithm.published'> | undefined;
  const bits = published && (await bitsOf(hub, view, published.criteria));
  const accept = await acceptedIn(input);
  const references = input.list('node');
  const { nodes } = await call(hub.service, hubRoutes.nodes, {});
  const rooms = accept ? { accept } : { nodes: simulatedNodes(nodes, references) };
  const contract = draftContract({
    verified: view.verified,
    project: view.project.project,
    participants: view.project.participants,
    datasets: datasets.map(({ digest }) => digest),
    algorithm: algorithm.digest,
    rooms,
    recipients: recipientsOf(input, hub, view),
    terms: await termsOf(context, input, bits),
  });
  checkNodes(context, contract.room, { nodes, references });
  return contract;
}

function titleOf(input: Input, view: ProjectView, contract: Contract): string {
  const nameIn = (digest: Digest | undefined) =>
    view.artifacts.find((item) => item.digest === digest)?.details.name ?? '';
  return (
    input.optional('name') ??
    `${nameIn(contract.algorithms[0]?.package)} on ${contract.datasets.map(({ digest }) => nameIn(digest)).join(', ')}`
  );
}

export const createRunConfig: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const contract = await contractOf(context, input, hub, view);
  const bytes = encodeContract(contract);
  const review = await reviewContract(bytes, {
    pins: await knownPins(context, hub),
    verified: view.verified,
  });
  const name = titleOf(input, view, contract);
  if (input.flag('dryRun')) {
    const text = await reviewText(review, await installedLaunch());
    return {
      json: {
        ok: true,
        signed: false,
        contract: review.digest,
        terms: contract,
        warnings: review.warnings,
        problems: review.problems,
      },
      text,
    };
  }
  await reviewAndAgree(context, hub, review, {
    question: 'Sign this contract as an offer?',
    look: 'the same command with --dry-run shows it',
  });
  const cose = await signContract(context, hub, { review, bytes });
  const body = { name, description: input.optional('description') ?? '', statement: base64urlEncode(cose) };
  const params = { project: view.project.project };
  const made = await call(hub.service, hubRoutes.createRunConfiguration, { params, body });
  context.did('The contract was signed and offered.');
  const own = made.statements.find((item) => item.cose === base64urlEncode(cose));
  if (made.contract !== review.digest || !own)
    throw new CliError('cli/refused', 'The hub does not show the contract that was signed.', {
      exit: EXIT.refused,
    });
  await verifyAppended(hub.ledger, cose, own, contractSalt(contract));
  const { runConfiguration, status } = made;
  return {
    json: {
      ok: true,
      signed: true,
      runConfiguration,
      name,
      status,
      contract: review.digest,
      index: own.index,
      warnings: review.warnings,
    },
    text: `Offered "${name}".\n${facts([
      ['run configuration', runConfiguration],
      ['contract', review.digest],
      ['status', status],
      ['next', `sealroom run request --run-config ${runConfiguration}`],
    ])}`,
  };
};
