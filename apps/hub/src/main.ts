// The hub process: `node src/main.ts`, settings in SEALROOM_HUB_* or the JSON file that SEALROOM_HUB_CONFIG names.
import { onStop, readyLine, stopWithParent } from '@sealroom/host';
import { readConfig } from './config.ts';
import { createHubLog } from './log.ts';
import { startHub } from './start.ts';

const log = createHubLog();
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
