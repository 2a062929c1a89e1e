// The tables of docs/attestation.md that say the verdict of every shared vector, from vectors/attest/verdicts.json. Run as a program
// it writes them into the page; e2e/verdicts.test.ts holds the page against it.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Row, Table } from '@sealroom/testkit/verdicts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs', 'attestation.md');
const [BEGIN, END] = ['<!-- verdicts: npx node vectors/verdicts-table.ts -->', '<!-- /verdicts -->'];

export function readTable(): Table {
  return JSON.parse(readFileSync(join(ROOT, 'vectors', 'attest', 'verdicts.json'), 'utf8')) as Table;
}

const code = (text: string) => `\`${text}\``;
const folderOf = (file: string) => file.split('/')[0] ?? '';
const nameIn = (folder: string) => (file: string) =>
  code(folderOf(file) === folder ? basename(file) : file);

/** The members that a change sets, each by its path. */
function changesIn(change: unknown, path: string): string[] {
  if (typeof change !== 'object' || change === null || Array.isArray(change))
    return change === null ? [] : [code(`${path}: ${JSON.stringify(change).replaceAll('"', '')}`)];
  if ('waived' in change) return ['waived'];
  return Object.entries(change).flatMap(([member, to]) =>
    changesIn(to, path === '' ? member : `${path}.${member}`),
  );
}

function policyOf({ policy, evidence }: Row): string {
  const { pinnedTo, entry = {}, binding } = policy;
  const bound = binding === undefined ? [] : [`binds ${code(binding.reportData)}`];
  const other = pinnedTo && pinnedTo.evidence !== evidence ? nameIn(folderOf(evidence))(pinnedTo.evidence) : '';
  const pinned = other === '' ? [] : [`pinned to ${other}`];
  return [...pinned, ...changesIn(entry, ''), ...bound].join(', ') || '–';
}

function rowText(row: Row): string {
  const { evidence, bytes, parts = {}, collateral, at, verdict, codes, note } = row;
  const named = nameIn(folderOf(evidence));
  const whole = [
    named(evidence) + (bytes === undefined ? '' : `, its first ${bytes} bytes`),
    ...Object.values(parts).map(named),
  ].join(' with ');
  const said = codes.length === 0 ? verdict : `${verdict}: ${codes.map(code).join(', ')}`;
  const beside = collateral.map(named).join(', ') || '–';
  const time = at.replace(/T00:00:00Z$/, '');
  return `| ${whole} | ${beside} | ${policyOf(row)} | ${time} | ${said}${note === undefined ? '' : ` – ${note}`} |`;
}

/** What stands between the two marks of the page. */
export function tablesOf({ cases, others }: Table): string {
  const sets = [...Map.groupBy(cases, ({ evidence }) => folderOf(evidence))].map(([folder, rows]) =>
    [
      `### ${code(folder)}`,
      '',
      '| evidence | collateral | policy | time | verdict |',
      '|---|---|---|---|---|',
      ...rows.map(rowText),
    ].join('\n'),
  );
  const reasons = [...Map.groupBy(others, ({ why }) => why)].map(
    ([why, files]) => `| ${why} | ${files.map(({ file }) => code(file)).join(', ')} |`,
  );
  const rest = ['### Files that are no evidence by themselves', '', '| what | files |', '|---|---|', ...reasons];
  return `${[...sets, rest.join('\n')].join('\n\n')}\n`;
}

/** The page with these tables in it. */
export function pageWith(table: Table, page: string = readFileSync(PAGE, 'utf8')): string {
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error('The page has no place for the tables.');
  return `${page.slice(0, before)}${BEGIN}\n\n${tablesOf(table)}\n${page.slice(after)}`;
}

if (import.meta.main) writeFileSync(PAGE, pageWith(readTable()));
