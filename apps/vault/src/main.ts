// The vault process: `node src/main.ts`, settings in SEALROOM_VAULT_* or the JSON file that SEALROOM_VAULT_CONFIG names.
import { loadConfig, onStop, readyLine, stopWithParent } from '@sealroom/host';
import { createVaultLog, startVault, vaultSettings } from './start.ts';

const log = createVaultLog();
try {
  const config = loadConfig({ shape: vaultSettings, prefix: 'SEALROOM_VAULT_', environment: process.env });
  const running = await startVault(config, log);
  onStop(() => running.close(), log);
  if (config.stopWithParent) stopWithParent(log);
  const { signer, custody } = running.vault.identity;
  readyLine({ name: 'vault', url: running.url, key: signer.key, kid: signer.kid, custody });
} catch (error) {
  log.failure('vault.refused', error, {});
  process.exitCode = 1;
}
