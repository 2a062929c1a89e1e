// What of AMD's key distribution service belongs to a report: the signing key's certificate and the list of revoked ones, and the
// endorsement key's certificate of the chip at its reported TCB unless it came with the report. A provider's certificates
// (VLEK) are given to the provider alone, so they must come with the report.
import { hexEncode, isZero } from '@sealroom/bytes';
import type { Need } from '../supply/need.ts';
import { isChip, nearestKeys } from './certificates.ts';
import type { SnpEvidence } from './parse.ts';
import { type Product, productOfProcessor, readTcb, sameTcb } from './products.ts';

/** Version 2 of reports does not name the processor: then what a certificate beside it says, or both that it may be. */
function productsOf({ report, certificates }: SnpEvidence): readonly Product[] {
  const { processor } = report;
  const named = processor
    ? productOfProcessor(processor.family, processor.model)
    : nearestKeys(certificates, report, 0).keys[0]?.product;
  if (named) return [named];
  return processor ? [] : ['Milan', 'Genoa'];
}

function chipNeeds({ report, certificates }: SnpEvidence, product: Product): Need[] {
  const { chipId } = report;
  const { tcb } = readTcb(report.tcb.reported, product);
  const came = nearestKeys(certificates, report, 0).keys.some(
    (key) => key.chip !== undefined && isChip(chipId, key.chip) && sameTcb(key.tcb, tcb),
  );
  if (came || isZero(chipId)) return [];
  const chip = hexEncode(product === 'Turin' ? chipId.subarray(0, 8) : chipId);
  return [{ kind: 'amd-vcek', product, chip, tcb }];
}

export function snpNeeds(evidence: SnpEvidence): Need[] {
  const key = evidence.report.signingKey === 1 ? 'vlek' : 'vcek';
  return productsOf(evidence).flatMap((product) => [
    { kind: 'amd-chain', product, key },
    { kind: 'amd-crl', product, key },
    ...(key === 'vcek' ? chipNeeds(evidence, product) : []),
  ]);
}
