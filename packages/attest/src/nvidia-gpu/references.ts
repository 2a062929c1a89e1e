// Reference manifests for one GPU, out of all the collateral: signed under NVIDIA's pinned root for manifests, not revoked,
// in time, about this chip and this driver or VBIOS version. Manifests are told apart by their content, never by file names.
import { type Checks, collectChecks, noteChain, noteRevocation, type Revocation, useOf } from '../checks.ts';
import type { Collateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import type { Check, CollateralUse, Context } from '../types.ts';
import { type Chain, verifyChain } from '../x509/chain.ts';
import { type OcspResponse, parseOcspResponse } from '../x509/ocsp.ts';
import { isManifestSigned, type Manifest, manifestName, parseManifest } from './manifest.ts';

export type Golden = ReadonlyMap<number, readonly string[]>;
/** What is right for a GPU by its signed manifests; undefined where there is no good manifest. */
export type References = { readonly driver: Golden | undefined; readonly vbios: Golden | undefined };

const EXTENDED_KEY_USAGE = '2.5.29.37';
const MOST_CANDIDATES = 8;

/** Every OCSP response in the collateral; other DER is not for us. */
export function ocspIn({ others }: Collateral): OcspResponse[] {
  return others.flatMap(({ bytes }) => {
    try {
      return [parseOcspResponse(bytes)];
    } catch (error) {
      if (error instanceof AttestError) return [];
      throw error;
    }
  });
}

export function manifestsIn({ documents }: Collateral): Manifest[] {
  return documents.flatMap(({ text }) => {
    try {
      const manifest = parseManifest(text);
      return manifest ? [manifest] : [];
    } catch (error) {
      if (error instanceof AttestError) return [];
      throw error;
    }
  });
}

/** The chain of who signed a manifest, whether that certificate is for it, and whether the manifest is as it was signed. */
export async function judgeSigner(
  manifest: Manifest,
  { roots, at }: Pick<Context, 'roots' | 'at'>,
): Promise<{ chain: Chain; meant: boolean; signed: boolean } | undefined> {
  const [signer, ...intermediates] = manifest.certificates;
  if (!signer) return undefined;
  return {
    chain: await verifyChain(signer, { intermediates, anchors: roots['nvidia-manifest'] ?? [], at }),
    meant:
      !signer.ca && signer.keyUsage?.digitalSignature === true && !signer.extensions.has(EXTENDED_KEY_USAGE),
    signed: await isManifestSigned(manifest),
  };
}

type Candidate = {
  readonly checks: readonly Check[];
  readonly golden: Golden | undefined;
  readonly used: CollateralUse[];
};

async function judge(
  manifest: Manifest,
  what: string,
  { context, revocation, ocsp }: { context: Context; revocation: Revocation; ocsp: readonly OcspResponse[] },
): Promise<Candidate> {
  const checks: Checks = collectChecks(`nvidia-gpu/${what}`);
  const judged = await judgeSigner(manifest, context);
  if (!judged) return { checks: checks.list, golden: undefined, used: [] };
  const { chain } = judged;
  const trusted = noteChain(checks, chain);
  const meant = checks.check(
    'signer',
    'authentic',
    judged.meant,
    'the signer’s certificate is for signing manifests',
  );
  const name = manifestName(manifest);
  const signed = checks.check(
    'signature',
    'authentic',
    judged.signed,
    `the reference manifest ${JSON.stringify(name)} is whole and signed`,
  );
  const crls = context.collateral.crls;
  const used = await noteRevocation(checks, chain.path, { crls, ocsp, at: context.at, policy: revocation });
  const good = trusted && meant && signed;
  const use = await useOf('reference-manifest', {
    subject: name,
    bytes: manifest.content,
    within: manifest.document,
    notBefore: Math.max(...chain.path.map(({ notBefore }) => notBefore)),
    notAfter: Math.min(...chain.path.map(({ notAfter }) => notAfter)),
  });
  return { checks: checks.list, golden: good ? manifest.golden : undefined, used: [use, ...used] };
}

/** Of the manifests about one version the first that is good, else what is wrong with the first. */
async function find(
  manifests: readonly Manifest[],
  what: string,
  options: Parameters<typeof judge>[2],
): Promise<Candidate> {
  let best: Candidate | undefined;
  for (const manifest of manifests.slice(0, MOST_CANDIDATES)) {
    const candidate = await judge(manifest, what, options);
    const good =
      candidate.golden &&
      candidate.checks.every(({ outcome, waived }) => outcome === 'pass' || waived !== undefined);
    if (good) return candidate;
    best ??= candidate;
  }
  if (best) return best;
  const checks = collectChecks(`nvidia-gpu/${what}`);
  checks.skip('missing', 'code', 'there is no reference manifest for this version in the collateral');
  return { checks: checks.list, golden: undefined, used: [] };
}

/** The references that signed manifests give for this chip and these versions, with the checks that were made of them. */
export async function findReferences(
  about: { readonly chip: string; readonly driver: string; readonly vbios: string },
  context: Context,
  revocation: Revocation,
): Promise<{ references: References; checks: readonly Check[]; used: readonly CollateralUse[] }> {
  const options = { context, revocation, ocsp: ocspIn(context.collateral) };
  const mine = manifestsIn(context.collateral).filter(({ product }) => product === about.chip);
  const of = (version: string) => mine.filter((manifest) => manifest.version === version);
  const driver = await find(of(about.driver), 'driver-manifest', options);
  const vbios = await find(of(about.vbios), 'vbios-manifest', options);
  return {
    references: { driver: driver.golden, vbios: vbios.golden },
    checks: [...driver.checks, ...vbios.checks],
    used: [...driver.used, ...vbios.used],
  };
}
