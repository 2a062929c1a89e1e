// AWS Nitro Enclaves: what the Nitro Security Module signs about an enclave.
import { concat, hexEncode } from '@sealroom/bytes';
import type { TechnologyOf } from '../technology.ts';
import type { Claims } from '../types.ts';
import { appraiseNitro } from './appraise.ts';
import type { NitroEntry } from './entry.ts';
import { looksLikeNitro, type NitroDocument, parseNitro } from './parse.ts';
import { pcrText, verifyNitro, ZEROS } from './verify.ts';

function pin(document: NitroDocument): NitroEntry {
  const values = (index: number) => {
    const text = pcrText(document, index);
    return text === undefined || text === ZEROS ? [] : [text];
  };
  const signer = values(8);
  return {
    technology: 'aws-nitro',
    pcrs: { 0: values(0), 1: values(1), 2: values(2), ...(signer.length > 0 ? { 8: signer } : {}) },
    maxAgeSeconds: 300,
    revocation: 'required',
    platforms: [`aws-nitro:module:${document.moduleId}`],
    runBinding: 'software',
  };
}

/** Whether the register that the entry names was extended with the run once, and with nothing else. */
async function holdsRun(claims: Claims, { runRegister }: NitroEntry, run: Uint8Array): Promise<boolean> {
  const once = await crypto.subtle.digest('SHA-384', concat(new Uint8Array(48), run));
  return runRegister !== undefined && claims.signed[`pcr${runRegister}`] === hexEncode(new Uint8Array(once));
}

export const nitro: TechnologyOf<NitroDocument, Claims, NitroEntry> = {
  name: 'aws-nitro',
  title: 'AWS Nitro Enclave',
  hardware: true,
  needs: ['revocation', 'freshness'],
  vendors: ['aws'],
  detect: looksLikeNitro,
  parse: parseNitro,
  verify: verifyNitro,
  appraise: async (claims, entry) => appraiseNitro(claims, entry),
  holdsRun,
  pin,
};
