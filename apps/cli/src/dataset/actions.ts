// Publishing dataset and algorithm versions: the signed statement repeats what the inventory commits to, so the sealed
// folder, what sealing wrote and (if given) the key are held against each other first.
import { basename } from 'node:path';
import { base64urlDecode, type Digest } from '@sealroom/bytes';
import { freshSalt, type PayloadOf } from '@sealroom/contract';
import { readSealedFolder } from '@sealroom/host/sealing';
import { assetKey, type AssetKind, INVENTORY_NAME, openInventory } from '@sealroom/seal';
import type { Action, Context, Input } from '../context.ts';
import { detailsOf, following } from '../documents/actions.ts';
import { CliError, EXIT } from '../error.ts';
import { readGiven, readKeyFile, readSecretLine } from '../home/files.ts';
import { findArtifact, openProject, type ProjectView } from '../hub/project.ts';
import { link, type Link } from '../hub/session.ts';
import { publish, sign } from '../hub/statement.ts';
import {
  readUploadFile,
  readVersionFile,
  uploadPath,
  type VersionFile,
  versionPath,
} from '../seal/version-file.ts';
import { bytesText, facts } from '../terminal/text.ts';

async function versionOf(input: Input, kind: AssetKind): Promise<VersionFile> {
  const folder = input.arg(0);
  const version = await readVersionFile(input.optional('versionFile') ?? versionPath(folder));
  if (version.kind !== kind)
    throw new CliError('cli/bad-file', `The folder was sealed as ${version.kind}, not as ${kind}.`);
  const { digest, files } = await readSealedFolder(folder);
  if (digest !== version.digest) {
    throw new CliError('cli/bad-file', 'The sealed folder is not the one that its version file describes.', {
      next: 'Seal it again, or name the right file with --version-file.',
    });
  }
  const cek = input.optional('cek');
  if (cek === undefined) return version;
  const { assetSalt, keyCommitment } = version;
  const key = await assetKey(await readKeyFile(cek), base64urlDecode(assetSalt), kind);
  const inventory = files.find(({ path }) => path === INVENTORY_NAME)?.sealedPath ?? '';
  await openInventory(key, await readGiven(inventory), { digest, kind, assetSalt, keyCommitment });
  return version;
}

async function urlOf(input: Input, digest: Digest): Promise<string> {
  const file = input.optional('urlFile');
  const given = input.optional('url') ?? (file === undefined ? undefined : await readSecretLine(file));
  if (given !== undefined) return given;
  const noted = await readUploadFile(uploadPath(input.arg(0)));
  if (noted?.digest === digest) return noted.readUrl;
  const why = noted === undefined ? 'has not been uploaded from here' : 'was sealed again after its upload';
  throw new CliError('cli/usage', `The sealed folder ${why}.`, {
    next: 'Upload it ("sealroom upload"), or give --url-file with its address for reading.',
  });
}

type Opened = {
  readonly hub: Link;
  readonly view: ProjectView;
  readonly version: VersionFile;
  readonly url: string;
};

async function opened(context: Context, input: Input, kind: AssetKind): Promise<Opened> {
  const version = await versionOf(input, kind);
  const url = await urlOf(input, version.digest);
  const hub = await link(context, input);
  return { hub, version, url, view: await openProject(context, input, hub) };
}

function commonPart(
  { hub, view, version: { digest, assetSalt, keyCommitment, files, bytes } }: Opened,
  kind: AssetKind,
) {
  const { version, prev } = following(view, kind, hub.org);
  const who = { salt: freshSalt(), org: hub.org, project: view.project.project };
  return { ...who, digest, assetSalt, keyCommitment, version, files, bytes, prev };
}

async function send(
  context: Context,
  input: Input,
  parts: Opened,
  kind: AssetKind,
  cose: Uint8Array<ArrayBuffer>,
  version: number,
) {
  const details = detailsOf(input, basename(input.arg(0)));
  const { project } = parts.view.project;
  const { digest, index } = await publish(context, parts.hub, project, cose, { details, url: parts.url });
  const { files, bytes } = parts.version;
  return {
    json: { ok: true, kind, digest, project, version, name: details.name, index },
    text: `Published the ${kind} "${details.name}", version ${version}.\n${facts([
      ['digest', digest],
      ['content', `${files} files, ${bytesText(bytes)}`],
      ['ledger leaf', String(index)],
    ])}`,
  };
}

export const publishDataset: Action = async (context, input) => {
  const sensitivity = input.text('sensitivity');
  if (sensitivity !== 'test' && sensitivity !== 'real')
    throw new CliError('cli/usage', 'The option --sensitivity takes "test" or "real".');
  const parts = await opened(context, input, 'dataset');
  const common = commonPart(parts, 'dataset');
  const specification = findArtifact(parts.view, 'specification', input.optional('specification')).digest;
  const attestation = findArtifact(parts.view, 'attestation', input.optional('attestation')).digest;
  const payload: PayloadOf<'dataset.published'> = { ...common, sensitivity, specification, attestation };
  const cose = await sign(context, parts.hub, 'dataset.published', payload);
  return send(context, input, parts, 'dataset', cose, common.version);
};

export const publishAlgorithm: Action = async (context, input) => {
  const parts = await opened(context, input, 'algorithm');
  const common = commonPart(parts, 'algorithm');
  const criteria = findArtifact(parts.view, 'criteria', input.optional('criteria')).digest;
  const payload: PayloadOf<'algorithm.published'> = {
    ...common,
    image: null,
    base: 'host',
    builder: 'owner',
    recipe: null,
    mode: 'validation',
    criteria,
  };
  const cose = await sign(context, parts.hub, 'algorithm.published', payload);
  return send(context, input, parts, 'algorithm', cose, common.version);
};

export function withdraw(kind: AssetKind): Action {
  return async (context, input) => {
    const hub = await link(context, input);
    const view = await openProject(context, input, hub);
    const { digest, org, details } = findArtifact(view, kind, input.optionalArg(0));
    const state = [...view.verified.record.artifacts.values()].find(
      (item) => item.kind === kind && item.digest === digest && item.org === org,
    );
    if (org !== hub.org || !state)
      throw new CliError('cli/refused', `Only its owner withdraws the ${kind}.`, { exit: EXIT.refused });
    const { project } = view.project;
    const payload = { salt: freshSalt(), org, project, digest, note: null, prev: state.published.digest };
    const cose = await sign(context, hub, `${kind}.withdrawn`, payload);
    const { index } = await publish(context, hub, project, cose);
    return {
      json: { ok: true, kind, digest, index },
      text: `Withdrew the ${kind} "${details.name}" (${digest}). Contracts that name it release nothing from now on.\n`,
    };
  };
}
