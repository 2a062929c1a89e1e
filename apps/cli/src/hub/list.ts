// Tables of artifact versions. Every line's statement was verified; names and times are the hub's.
import type { ArtifactShape } from '@sealroom/api';
import type { Action } from '../context.ts';
import { short, table, timeText } from '../terminal/text.ts';
import { nameOf, openProject } from './project.ts';
import { link } from './session.ts';

function stateOf({ withdrawn, answers }: ArtifactShape): string {
  if (withdrawn) return 'withdrawn';
  return [...new Set(answers.map(({ said }) => said))].join(', ');
}

export function listArtifacts(kind: ArtifactShape['kind']): Action {
  return async (context, input) => {
    const hub = await link(context, input);
    const view = await openProject(context, input, hub);
    const found = view.artifacts.filter((item) => item.kind === kind);
    const rows = found.map((item) => [
      short(item.digest),
      String(item.version),
      nameOf(view, item.org),
      timeText(item.publishedAt),
      item.sensitivity ?? '',
      stateOf(item),
      item.details.name,
    ]);
    const head = ['digest', 'version', 'organisation', 'published', 'sensitivity', 'state', 'name'];
    const json = found.map(({ statement, ...item }) => ({ ...item, leaf: statement.index, verified: true }));
    return { json, text: table(head, rows, `This project has no ${kind} yet.`) };
  };
}
