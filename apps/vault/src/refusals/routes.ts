// The owner's view of what this vault refused (docs/protocol.md section 7: all reasons to the owner, one to the room).
import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode } from '@sealroom/bytes';
import { type App, mount } from '@sealroom/host';
import { timeText, type Vault } from '../context.ts';
import { ownerOf } from '../keys/routes.ts';
import { refusalsOf } from './store.ts';

export function mountRefusals(app: App, vault: Vault): void {
  mount(app, vaultRoutes.refusals, async ({ query }) => {
    const { org } = await ownerOf(vault, base64urlDecode(query.request));
    const refusals = await refusalsOf(vault.db, org);
    return {
      refusals: refusals.map(({ run, at, reasons }) => ({ run, at: timeText(at), reasons: [...reasons] })),
    };
  });
}
