// `run refusals`: why one's own vault released nothing. Rooms and other parties only hear that it refused.
import { vaultRoutes } from '@sealroom/api';
import { call } from '@sealroom/client';
import type { Action } from '../context.ts';
import { vaultService } from '../hub/connection.ts';
import { openProject, roleOf } from '../hub/project.ts';
import { link } from '../hub/session.ts';
import { ownVault, vaultRequest } from '../key/kek.ts';
import { short, table, timeText } from '../terminal/text.ts';

export const listRefusals: Action = async (context, input) => {
  const hub = await link(context, input);
  const view = await openProject(context, input, hub);
  const vault = await ownVault(view.verified, hub);
  const request = await vaultRequest(context, { hub, view, role: roleOf(view.project, hub.org) }, vault.kid);
  const service = vaultService(context, hub.settings, vault.url);
  const { refusals } = await call(service, vaultRoutes.refusals, { query: { request } });
  const rows = refusals.flatMap(({ run, at, reasons }) =>
    reasons.map(({ code, detail }) => [short(run), timeText(at), code, detail]),
  );
  return {
    json: refusals,
    text: table(['run', 'when', 'code', 'why'], rows, 'Your vault has refused nothing.'),
  };
};
