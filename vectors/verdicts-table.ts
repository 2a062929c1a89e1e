// The tables of docs/attestation.md that say the verdict of every shared vector, from vectors/attest/verdicts.json, and those of
// docs/attestation/published.md that say it of what others have published, from published.json beside it. Run as a program it
// writes them into the pages; e2e/verdicts.test.ts holds the pages against it.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { folderOf as folderOfSource, type Published, type Row, type Source, type Table } from '@sealroom/testkit/verdicts';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs', 'attestation.md');
const PUBLISHED_PAGE = join(ROOT, 'docs', 'attestation', 'published.md');
const [BEGIN, END] = ['<!-- verdicts: npx node vectors/verdicts-table.ts -->', '<!-- /verdicts -->'];

const jsonOf = (name: string): unknown =>
  JSON.parse(readFileSync(join(ROOT, 'vectors', 'attest', name), 'utf8'));

export const readTable = (): Table => jsonOf('verdicts.json') as Table;
export const readPublished = (): Published => jsonOf('published.json') as Published;

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

/** How a file is called in a row. */
type Named = (file: string) => string;

function policyOf({ policy, evidence }: Row, named: Named): string {
  const { pinnedTo, entry = {}, binding } = policy;
  const bound = binding === undefined ? [] : [`binds ${code(binding.reportData)}`];
  const other = pinnedTo && pinnedTo.evidence !== evidence ? named(pinnedTo.evidence) : '';
  const pinned = other === '' ? [] : [`pinned to ${other}`];
  return [...pinned, ...changesIn(entry, ''), ...bound].join(', ') || '–';
}

/** Which part of its file is the evidence. */
function placeOf({ bytes, skip, within }: Row): string {
  if (within) return ', a text in it';
  if (bytes === undefined) return '';
  return skip === undefined ? `, its first ${bytes} bytes` : `, ${bytes} bytes behind the first ${skip}`;
}

function rowText(row: Row, named: Named): string {
  const { evidence, parts = {}, collateral, keys, at, verdict, codes, note } = row;
  const whole = [named(evidence) + placeOf(row), ...Object.values(parts).map(named)].join(' with ');
  const said = codes.length === 0 ? verdict : `${verdict}: ${codes.map(code).join(', ')}`;
  const given = keys ? [`the key set of ${code(keys.issuer)} in ${named(keys.file)}`] : [];
  const beside = [...collateral.map(named), ...given].join(', ') || '–';
  const time = at.replace(/T00:00:00Z$/, '');
  return `| ${whole} | ${beside} | ${policyOf(row, named)} | ${time} | ${said}${note === undefined ? '' : ` – ${note}`} |`;
}

const HEAD = ['| evidence | collateral | policy | time | verdict |', '|---|---|---|---|---|'];

/** What stands between the two marks of the page. */
export function tablesOf({ cases, others }: Table): string {
  const sets = [...Map.groupBy(cases, ({ evidence }) => folderOf(evidence))].map(([folder, rows]) =>
    [`### ${code(folder)}`, '', ...HEAD, ...rows.map((row) => rowText(row, nameIn(folder)))].join('\n'),
  );
  const reasons = [...Map.groupBy(others, ({ why }) => why)].map(
    ([why, files]) => `| ${why} | ${files.map(({ file }) => code(file)).join(', ')} |`,
  );
  const rest = ['### Files that are no evidence by themselves', '', '| what | files |', '|---|---|', ...reasons];
  return `${[...sets, rest.join('\n')].join('\n\n')}\n`;
}

const REGISTRIES = { crates: 'crates.io', go: 'Go module', pypi: 'PyPI', git: 'GitHub, commit' } as const;

/** Files of the source by their path in it, others by their name and whose they are. */
function namesAmong(packages: readonly Source[], source: Source): Named {
  return (file) => {
    const owner = packages.find((one) => file.startsWith(`${folderOfSource(one)}/`));
    if (!owner) throw new Error(`${file} is of no package that is named.`);
    const path = file.slice(folderOfSource(owner).length + 1);
    return owner === source ? code(path) : `${code(basename(path))} of ${basename(owner.name)}`;
  };
}

/** What stands between the two marks of the page of what others have published. */
export function publishedTables({ packages, cases }: Published): string {
  const tables = packages.map((source) => {
    const rows = cases.filter(({ evidence }) => evidence.startsWith(`${folderOfSource(source)}/`));
    if (rows.length === 0) return undefined;
    const named = namesAmong(packages, source);
    const head = `### ${code(source.name)} ${source.version} (${REGISTRIES[source.from]})`;
    return [head, '', ...HEAD, ...rows.map((row) => rowText(row, named))].join('\n');
  });
  return `${tables.filter((table) => table !== undefined).join('\n\n')}\n`;
}

/** The page with tables where its marks are. */
function between(page: string, tables: string): string {
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error('The page has no place for the tables.');
  return `${page.slice(0, before)}${BEGIN}\n\n${tables}\n${page.slice(after)}`;
}

export function pageWith(table: Table, page: string = readFileSync(PAGE, 'utf8')): string {
  return between(page, tablesOf(table));
}

export function publishedPageWith(
  table: Published,
  page: string = readFileSync(PUBLISHED_PAGE, 'utf8'),
): string {
  return between(page, publishedTables(table));
}

if (import.meta.main) {
  writeFileSync(PAGE, pageWith(readTable()));
  writeFileSync(PUBLISHED_PAGE, publishedPageWith(readPublished()));
}
