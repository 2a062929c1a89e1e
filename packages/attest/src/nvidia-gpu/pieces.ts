// A reference manifest as a piece to be kept: signed under the pinned root for manifests, of its time, named by the product and
// version that stand in it, and kept as the signed XML alone, whatever NVIDIA's service had around it. Whether its signers are
// revoked is said by answers that are kept beside it, and judged where it is used.
import { manifestNeedName } from '../supply/need.ts';
import { type Piece, type PieceWorld, refusePiece, refuseTime, sharedWindow } from '../supply/piece.ts';
import { type Manifest, manifestName } from './manifest.ts';
import { judgeSigner } from './references.ts';

/** @throws attest/bad-collateral · attest/stale-collateral · attest/malformed */
export async function manifestPiece(manifest: Manifest, world: PieceWorld): Promise<Piece> {
  const judged = await judgeSigner(manifest, world);
  const [signer] = manifest.certificates;
  if (!judged || !signer || !judged.meant || !judged.signed)
    throw refusePiece('The reference manifest is not as who may sign manifests has signed it.');
  const { problems, path } = judged.chain;
  const dated = problems.every(({ code }) => code === 'expired' || code === 'not-yet-valid');
  if (problems.length > 0)
    throw dated
      ? refuseTime('The certificates of who signed the reference manifest are not valid at this time.')
      : refusePiece('Who signed the reference manifest does not lead to NVIDIA’s root for manifests.');
  const { product, version, tag } = manifest;
  return {
    name: manifestNeedName(product, version),
    kind: 'reference-manifest',
    subject: manifestName(manifest),
    form: 'xml',
    bytes: tag,
    ...sharedWindow(path.slice(0, -1)),
    made: signer.notBefore,
  };
}
