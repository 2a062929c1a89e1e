// The hub process: `node src/main.ts`, settings in SEALROOM_HUB_* or the JSON file that SEALROOM_HUB_CONFIG names.
import { createLog, onStop, readyLine, stopWithParent } from '@sealroom/host';
import { readConfig } from './config.ts';
import { startHub } from './start.ts';

const log = createLog({ name: 'hub', events: { 'hub.refused': [] } });
try {
  const config = readConfig(process.env);
  const running = await startHub(config, log);
  onStop(() => running.close(), log);
  if (config.stopWithParent) stopWithParent(log);
  readyLine({ name: 'hub', url: running.url, origin: running.origin });
} catch (error) {
  log.failure('hub.refused', error, {});
  process.exitCode = 1;
}
