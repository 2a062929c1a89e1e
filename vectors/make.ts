// Writes the vectors of packages/contract and packages/attest anew: `npx node vectors/make.ts`. The receipt and the release
// hold fresh randomness and are different each time; the others are not. Run it only when a format has changed, and say
// which in the commit.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hexDecode, hexEncode, utf8Decode } from '@sealroom/bytes';
import { encodeTrust } from '@sealroom/contract';
import { hpkeSeal } from '@sealroom/seal';
import { createFakeLedger } from '@sealroom/testkit/ledger';
import { playWorld } from '@sealroom/testkit/receipt';
import {
  makeEvidence,
  makeManifest,
  makeMessages,
  makeStatements,
} from '../packages/contract/src/vectors-for-tests.ts';

function write(name: string, value: object): void {
  writeFileSync(join(import.meta.dirname, name), `${JSON.stringify(value, null, 2)}\n`);
}

const HOW = 'Made by this project with vectors/make.ts from test secrets (32 equal bytes each).';
const statements = await makeStatements();
const manifest = await makeManifest();

write('contract/statements.json', {
  source: `Statements, contract and ledger entries (docs/protocol.md sections 4 to 6). ${HOW}`,
  made: statements,
});
write('contract/manifest.json', {
  source: `Run manifest, room binding and release info (docs/protocol.md section 7). ${HOW}`,
  made: manifest,
});
write('contract/messages.json', {
  source: `Signed messages between processes (docs/protocol.md section 4.4). ${HOW}`,
  made: await makeMessages(),
});
write('attest/simulated.json', {
  source: `Evidence of the simulated vendor (docs/protocol.md section 7.4). ${HOW}`,
  made: await makeEvidence(),
});

const assetKey = new Uint8Array(32).fill(0x60);
const aad = new Uint8Array(32).fill(0x61);
const info = hexDecode(manifest.releaseInfo);
const { enc, ciphertext } = await hpkeSeal(manifest.room.receive, { info, aad, plaintext: assetKey });
write('contract/release.json', {
  source: `An asset key as a vault seals it to a room (docs/protocol.md section 7.5). ${HOW}`,
  secret: statements.secrets['roomReceive'],
  assetKey: hexEncode(assetKey),
  info: manifest.releaseInfo,
  aad: hexEncode(aad),
  enc: hexEncode(enc),
  ciphertext: hexEncode(ciphertext),
});

const ledger = await createFakeLedger({ origin: 'ledger.example/vectors' });
const { receipt, trust } = await playWorld(ledger, Date.parse('2026-11-22T10:00:00Z'));
write('contract/receipt.json', {
  source:
    'A receipt file and the trust file that pins its parties (docs/protocol.md section 9), each as the text of the file. Made by this project with vectors/make.ts, keys thrown away.',
  receipt: utf8Decode(receipt),
  trust: utf8Decode(encodeTrust(trust)),
});
