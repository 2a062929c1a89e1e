// The ledger process: `node src/main.ts`, settings in SEALROOM_LEDGER_* or the JSON file that SEALROOM_LEDGER_CONFIG names.
import { keyThumbprint } from '@sealroom/cose';
import { loadConfig, onStop, readyLine, stopWithParent } from '@sealroom/host';
import { createLedgerLog, ledgerSettings, startLedger } from './start.ts';

const log = createLedgerLog();
try {
  const config = loadConfig({ shape: ledgerSettings, prefix: 'SEALROOM_LEDGER_', environment: process.env });
  const running = await startLedger(config, log);
  onStop(() => running.close(), log);
  void running.ledger.lost.then((error) => {
    log.failure('ledger.lost', error, {});
    process.exit(1);
  });
  if (config.stopWithParent) stopWithParent(log);
  const { origin, key } = running.ledger;
  readyLine({ name: 'ledger', url: running.url, origin, key, kid: await keyThumbprint(key) });
} catch (error) {
  log.failure('ledger.refused', error, {});
  process.exitCode = 1;
}
