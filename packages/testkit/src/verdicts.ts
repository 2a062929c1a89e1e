// The tables of verdicts (vectors/attest/{verdicts,published}.json): their form, and how a row's evidence and policy are made. Used by
// the command line's tests and, in a page, by the browser's, so that nothing here is of Node. What it does not do: read files, or judge.
import { base64urlEncode, hexDecode, utf8Decode, utf8Encode } from '@sealroom/bytes';

/** How the policy of a row is made: pinned to evidence as by `attest policy`, then changed. */
type Making = {
  /** Evidence that it is pinned to, and the collateral for that, where these are not the row's own. */
  readonly pinnedTo?: { readonly evidence: string; readonly collateral: readonly string[] };
  /** Members of its one entry that are set; null takes one out (JSON Merge Patch, RFC 7396). */
  readonly entry?: { readonly [member: string]: unknown };
  /** What it binds instead of what the evidence does. */
  readonly binding?: { readonly reportData: string };
};

export type Row = {
  readonly evidence: string;
  /** How many of the file's bytes are the evidence, where more stands in it. */
  readonly bytes?: number;
  /** How many bytes stand before it. */
  readonly skip?: number;
  /** Where it stands in a text; see textIn(). */
  readonly within?: readonly string[];
  /** The key set that is given for an issuer; where only a modulus stands in the file, the one RSA key that it is of has a name. */
  readonly keys?: {
    readonly issuer: string;
    readonly file: string;
    readonly within: readonly string[];
    readonly kid?: string;
  };
  /** Files that make Confidential Containers' JSON together with the evidence, by member; see evidenceOf(). */
  readonly parts?: { readonly [member: string]: string };
  readonly collateral: readonly string[];
  readonly policy: Making;
  readonly at: string;
  readonly verdict: 'affirmed' | 'refused';
  /** Each reason, once; the first is the one that the vectors' README speaks of. */
  readonly codes: readonly string[];
  /** What README and specification say, where that is not plain, or is not what is found. */
  readonly note?: string;
};

/** A file that is no evidence by itself. `collateral` stands in a row; `root` is pinned; the others are not used, for `why`. */
export type Other = {
  readonly file: string;
  readonly is: 'collateral' | 'root' | 'part' | 'words' | 'unused';
  readonly why: string;
};

export type Table = {
  readonly source: string;
  readonly cases: readonly Row[];
  readonly others: readonly Other[];
};

/** A package of a registry, or a repository at a commit, and where its files lie. */
export type Source = {
  readonly from: 'crates' | 'go' | 'pypi' | 'git';
  readonly name: string;
  readonly version: string;
  /** Of PyPI: what was fetched. */
  readonly as?: 'wheel' | 'source';
};

/** Evidence that others have published; each row's files are named by `folderOf` its source. */
export type Published = {
  readonly source: string;
  readonly packages: readonly Source[];
  readonly cases: readonly Row[];
};

export function folderOf({ from, name, version }: Source): string {
  return `${from}/${name}${from === 'go' || from === 'git' ? '@' : '-'}${version}`;
}

/** What a row reads: evidence, what it is put together of, collateral, and what its policy is pinned to. */
export function filesOf({ evidence, parts = {}, collateral, keys, policy }: Row): string[] {
  const { pinnedTo } = policy;
  const pinned = pinnedTo ? [pinnedTo.evidence, ...pinnedTo.collateral] : [];
  const given = keys ? [keys.file] : [];
  return [...new Set([evidence, ...Object.values(parts), ...collateral, ...given, ...pinned])];
}

/**
 * What stands in a text: the first group of each pattern in turn, in what the one before found. What it finds in hexadecimal is
 * read as the text that it says before the next looks into it.
 */
export function textIn(text: string, within: readonly string[]): string {
  let found = text;
  for (const [index, pattern] of within.entries()) {
    found = new RegExp(pattern, 's').exec(found)?.[1] ?? '';
    if (found === '') throw new Error(`Nothing is found by ${pattern}.`);
    const more = index < within.length - 1;
    if (more && /^(?:[0-9a-f]{2})+$/.test(found)) found = utf8Decode(hexDecode(found));
  }
  return found;
}

function isObject(value: unknown): value is { readonly [member: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function merged(value: unknown, change: unknown): unknown {
  if (!isObject(change)) return change;
  const kept = { ...(isObject(value) ? value : {}) };
  for (const [member, to] of Object.entries(change))
    if (to === null) delete kept[member];
    else kept[member] = merged(kept[member], to);
  return kept;
}

/** The row's policy as JSON. @param pinned what `attest policy` wrote, of one entry */
export function changedPolicy(
  pinned: { readonly binding: unknown; readonly accept: readonly unknown[] },
  { entry = {}, binding }: Making,
): string {
  const accept = pinned.accept.map((one) => merged(one, entry));
  return JSON.stringify({ ...pinned, accept, binding: binding ?? pinned.binding });
}

/** The first certificate of a PEM file, in base64url. */
function certificateOf(pem: string): string {
  const [, block = ''] = /-----BEGIN CERTIFICATE-----([\s\S]*?)-----END/.exec(pem) ?? [];
  return block.replaceAll(/[\s=]/g, '').replaceAll('+', '-').replaceAll('/', '_');
}

/** The evidence of a row from its files. @param read a file's bytes, by name */
export async function evidenceOf(
  { evidence, bytes, skip = 0, within, parts }: Row,
  read: (name: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const file = await read(evidence);
  if (within) return utf8Encode(textIn(utf8Decode(file), within));
  if (!parts) return file.slice(skip, bytes === undefined ? undefined : skip + bytes);
  const { hcl_report: report = '', vcek = '' } = parts;
  return utf8Encode(
    JSON.stringify({
      version: 1,
      hcl_report: base64urlEncode(await read(report)),
      tpm_quote: JSON.parse(utf8Decode(file)) as unknown,
      vcek: certificateOf(utf8Decode(await read(vcek))),
    }),
  );
}
