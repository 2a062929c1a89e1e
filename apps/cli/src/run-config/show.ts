// Listing, showing and reviewing run configurations.
import { base64urlDecode } from '@sealroom/bytes';
import { contractStands, parseContract } from '@sealroom/contract';
import type { Action } from '../context.ts';
import { EXIT } from '../error.ts';
import { writeWhole } from '../home/files.ts';
import { nameOf, openProject } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { short, table } from '../terminal/text.ts';
import { acceptedIn, heldToPolicy } from './accept.ts';
import { findRunConfig, installedLaunch, reviewConfiguration } from './agreement.ts';
import { reviewText } from './review-text.ts';

export const listRunConfigs: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const json = view.runConfigurations.map(
    ({ runConfiguration, name, status, contract, createdAt, revoked }) => {
      const state = view.verified.record.contracts.get(contract);
      const signedBy = [...(state?.signatures.keys() ?? [])];
      const stands = state !== undefined && contractStands(state);
      return { runConfiguration, name, status, contract, createdAt, revoked, signedBy, stands };
    },
  );
  const rows = json.map(({ runConfiguration, name, status, contract, revoked, signedBy, stands }) => [
    runConfiguration,
    status,
    signedBy.map((org) => nameOf(view, org)).join(', '),
    revoked ? 'revoked' : stands ? 'yes' : 'no',
    short(contract),
    name,
  ]);
  const head = ['run configuration', 'status', 'signed by', 'in force', 'contract', 'name'];
  return { json, text: table(head, rows) };
};

export const showRunConfig: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const configuration = findRunConfig(view, input.optionalArg(0));
  const { review, bytes } = await reviewConfiguration(context, hub, configuration, view.verified);
  const out = input.optional('out');
  if (out !== undefined) {
    await writeWhole(out, bytes, { mode: 0o644 });
    context.did(`${out} was written.`);
  }
  const { statements, contractBytes, ...rest } = configuration;
  const terms = parseContract(base64urlDecode(contractBytes));
  return {
    json: { ...rest, leaves: statements.map(({ index }) => index), terms },
    text: await reviewText(review, await installedLaunch()),
  };
};

export const reviewRunConfig: Action = async (context, input) => {
  const own = await acceptedIn(input);
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const configuration = findRunConfig(view, input.optionalArg(0));
  const { review: found } = await reviewConfiguration(context, hub, configuration, view.verified);
  const review = heldToPolicy(found, own);
  const unpinned = review.parties.filter(({ checked }) => checked === undefined).map(({ org }) => org);
  const good = review.problems.length === 0 && unpinned.length === 0;
  const verdict = good
    ? 'It may be signed, if you agree with the terms.\n'
    : `It must not be signed.\n${unpinned.map((org) => `Compare first: sealroom org pin ${org} --checked out-of-band\n`).join('')}`;
  const { contract: terms, digest, parties, warnings, problems, hardwareAttested } = review;
  return {
    json: {
      ok: good,
      runConfiguration: configuration.runConfiguration,
      contract: digest,
      parties,
      hardwareAttested,
      warnings,
      problems,
      unpinned,
      terms,
    },
    text: `${await reviewText(review, await installedLaunch())}\n${verdict}`,
    exit: good ? EXIT.ok : EXIT.refused,
  };
};
