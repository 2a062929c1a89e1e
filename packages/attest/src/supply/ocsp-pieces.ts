// Answers of OCSP responders as pieces to be kept: signed by the issuer of the certificate that they are about, or by a responder
// of that issuer's, which stands under a pinned root of NVIDIA's; of their time; named by issuer and serial number. What they say
// is for the appraisal: that a certificate is revoked is kept like that it is good, and never gives way to an older word.
import type { Collateral } from '../collateral.ts';
import { AttestError } from '../error.ts';
import type { Vendor } from '../roots/roots.ts';
import type { Window } from '../types.ts';
import { type OcspResponse, type OcspWord, ocspWords, WITHOUT_END_MS } from '../x509/ocsp.ts';
import { issuerWhole, ocspNeedName } from './need.ts';
import { commonName, type Issuer, issuersIn, vendorPath } from './paths.ts';
import { type Piece, type PieceWorld, refusePiece, refuseTime, sharedWindow } from './piece.ts';

/** Whose answers any evidence needs. */
const ASKED: ReadonlySet<Vendor> = new Set(['nvidia', 'nvidia-manifest']);
const MOST_ANSWERS = 16;

/** That a responder does not know a certificate is worth asking again soon. */
function spanOf({ answer, span }: OcspWord): Window {
  if (answer.status !== 'unknown') return span;
  return { ...span, notAfter: Math.min(span.notAfter, span.notBefore + WITHOUT_END_MS) };
}

/** @returns undefined when the response is not about this issuer's certificates */
async function piecesUnder(
  response: OcspResponse,
  { issuer, vendor }: Issuer,
  { all, world }: { all: Collateral; world: PieceWorld },
): Promise<Piece[] | undefined> {
  const words = await ocspWords(response, issuer, world.at);
  if (words.length === 0) return undefined;
  const found = vendor ? { vendor, path: [issuer] } : await vendorPath(issuer, all, world);
  const above = ASKED.has(found.vendor) ? found.path.slice(0, -1) : undefined;
  return words.map((word) => {
    const { answer, signer } = word;
    const span = spanOf(word);
    if (!above || !signer)
      throw refusePiece(
        'The answer on revocation is not signed by the issuer that it names, nor for it, or nothing here asks that issuer.',
      );
    if (world.at < span.notBefore || world.at >= span.notAfter)
      throw refuseTime('The answer on revocation has ended, or is from the future.');
    return {
      name: ocspNeedName(issuer, answer.serial),
      kind: 'ocsp',
      of: issuerWhole(issuer),
      subject: `a certificate of ${commonName(issuer)}: ${answer.status}`,
      form: 'der',
      bytes: response.der,
      ...sharedWindow([span, signer, ...above]),
      made: answer.thisUpdate,
    };
  });
}

/** @throws attest/bad-collateral · attest/stale-collateral */
export async function ocspPieces(
  response: OcspResponse,
  all: Collateral,
  world: PieceWorld,
): Promise<Piece[]> {
  if (response.answers.length > MOST_ANSWERS)
    throw refusePiece('The response answers more questions than anybody asks at once.');
  let fault = refusePiece(
    'The answer on revocation is about certificates of an issuer that is not known here; add the issuer’s certificate.',
  );
  for (const one of issuersIn(all, world.roots)) {
    try {
      const found = await piecesUnder(response, one, { all, world });
      if (found) return found;
    } catch (error) {
      if (!(error instanceof AttestError)) throw error;
      fault = error;
    }
  }
  throw fault;
}
