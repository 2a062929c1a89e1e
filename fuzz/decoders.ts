// Which decoders there are, read from the sources, and those that are fuzzed elsewhere or have nothing to decode. With the
// targets' `covers` this makes the table that decoders.test.ts checks: a new decoder that nobody fuzzes fails it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const DECODER =
  /^export (?:async )?(?:function\*? ?|const )((?:parse|decode|open|read(?!y)|verify|unwrap|unpad|split|detach|import|admit|appraise|hpkeOpen|base64urlDecode|hexDecode|utf8Decode|digestBytes)\w*)/gm;
const ASIDE = /\.test\.ts$|-for-tests\.ts$|fixtures?\.ts$|\/testing\/|\/testkit\//;

/** Exported functions that take something apart, as `<package or app>/<name>`. */
export function decoders(): ReadonlySet<string> {
  const found = new Set<string>();
  for (const base of ['packages', 'apps']) {
    for (const member of readdirSync(join(ROOT, base))) {
      const folder = join(ROOT, base, member, 'src');
      for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!path.endsWith('.ts') || ASIDE.test(`/${member}/${path}`)) continue;
        const text = readFileSync(join(folder, path), 'utf8');
        for (const [, name = ''] of text.matchAll(DECODER)) found.add(`${member}/${name}`);
      }
    }
  }
  return found;
}

const OWN_DATABASE = 'reads rows that the same process wrote into its own database';
const OWN_DISK = 'reads files that the same program wrote, behind a lock; its tests damage them';
const THROUGH = 'fetches or reads a file and hands the bytes to a decoder that is fuzzed';
const NO_INPUT = 'opens a resource of the machine; takes nothing of another party apart';

/** Decoders in no family, each with the reason. */
export const NOT_FUZZED: Readonly<Record<string, string>> = {
  'attest/appraiseDevices': 'appraiseEvidence, which is fuzzed, hands it what its technologies parsed',
  'host/openCollateralFolder': OWN_DISK,
  'host/openShelf': OWN_DISK,
  'host/openCollateralStore': 'files and answers go to readPieces, which is fuzzed',
  'cli/verify': THROUGH,
  'cli/importFiles': THROUGH,
  'vault/openVaultCollateral': 'opens the store of collateral',
  'host/openDatabase': NO_INPUT,
  'host/openTpm': NO_INPUT,
  'host/openApiDocument': 'writes a document from the route table',
  'host/readMigrations': OWN_DISK,
  'host/openContainer': 'fetchBlob and containerUrl, which it is made of, are fuzzed',
  'host/openInput': NO_INPUT,
  'host/readHeader': 'reads a file whose bytes go to parseHeader',
  'host/openInto': 'opens segments by nodeSegmentCipher, which is fuzzed against WebCrypto',
  'host/openFile': 'opens segments by nodeSegmentCipher, which is fuzzed against WebCrypto',
  'host/readAt': NO_INPUT,
  'host/openListed': 'compares a hash and opens by openSync, which is fuzzed against WebCrypto',
  'host/readPublic': 'the answer of the machine’s own TPM; its tests cut such answers short at each byte',
  'host/openTunnel':
    'node’s HTTP parser takes the gate’s answer apart; its code must match isGateCode, else it is not repeated',
  'host/openBkencFolder': 'opens each file as openBkencFile does',
  'host/openFolder': 'opens by openInventory and openFile',
  'host/readSealedFolder': 'opens by openInventory',
  'host/readSecretFile': NO_INPUT,
  'host/readPackage': 'walks a folder and hands texts to parseDockerfile and parseSecretFiles',
  'cli/openProject': THROUGH,
  'cli/openReport': THROUGH,
  'cli/openOneFile': THROUGH,
  'cli/openOneFolder': THROUGH,
  'cli/verifyReceiptFile': THROUGH,
  'cli/readGiven': NO_INPUT,
  'cli/readIfThere': NO_INPUT,
  'cli/readSecretLine': NO_INPUT,
  'cli/readKeyFile': NO_INPUT,
  'hub/openSecret': OWN_DISK,
  'hub/openObjects': OWN_DISK,
  'hub/readConfig': 'loadConfig is fuzzed',
  'hub/openBook': OWN_DATABASE,
  'hub/openQueue': OWN_DATABASE,
  'hub/openRunOf': OWN_DATABASE,
  'ledger/readGroup': OWN_DISK,
  'ledger/readStatement': OWN_DISK,
  'ledger/openLedger': OWN_DISK,
  'ledger/openDisk': OWN_DISK,
  'node/openNotes': OWN_DISK,
  'node/openGate':
    'node’s HTTP parser takes the room’s request apart; its destination must stand in a table as it is written',
  'node/readConfig': 'loadConfig is fuzzed',
  'room/readProcess': 'reads the kernel’s own text',
  'room/readAll': 'collects the segments of openRange',
  'room/openAsset': 'opens by openInventory and sealedFile',
  'vault/openVault': OWN_DATABASE,
  'vault/openRecords': OWN_DATABASE,
  'vault/openLogCopy': OWN_DATABASE,
  'vault/openAsset': 'unwraps by unwrapKey',
  'vault/unwrapWith': 'unwraps by openSecret and unwrapKey',
  'vault/readBrought': 'reads by readStatement',
  'vault/verifyOwner': 'verifies by verifyMessage',
};
