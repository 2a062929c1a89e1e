// The architecture test: reads every package.json and every import of the workspace and fails when the picture of
// docs/architecture.md is no longer true, or when it found less to look at than there is.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Layers; imports go down only, and an L1 package never imports another L1. */
const LAYERS: Readonly<{ [name: string]: number }> = {
  bytes: 0,
  cose: 0.5,
  seal: 1,
  tlog: 1,
  attest: 1,
  criteria: 1,
  contract: 2,
  api: 2.5,
  client: 3,
  host: 3.5,
  testkit: 4,
};
const APPS = ['cli', 'hub', 'ledger', 'node', 'room', 'vault'];
const NOT_PURE = new Set(['host', 'testkit']);
const IMPURE: readonly [RegExp, string][] = [
  [/from '(?:node:|fs|path|crypto)/, 'imports a Node module'],
  [/\b(?:process|Buffer|window|localStorage|globalThis)\s*[.[]/, 'uses a global of Node or a page'],
  [/\bDate\.now\s*\(|\bnew Date\s*\(\s*\)/, 'reads the clock'],
  [/\bMath\.random\s*\(/, 'uses Math.random'],
  [/\b(?:setTimeout|setInterval)\s*\(/, 'uses a timer'],
  [/\b(?:XMLHttpRequest|WebSocket|EventSource)\b|(?<![.\w])fetch\((?:'|`|url)/, 'opens a connection'],
];

const problems: string[] = [];

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.includes('node_modules'))
    .map((path) => join(folder, path))
    .filter((path) => statSync(path).isFile());
}

type Member = {
  readonly kind: 'package' | 'app';
  readonly name: string;
  readonly folder: string;
  readonly declared: ReadonlySet<string>;
};

function members(): Member[] {
  const found: Member[] = [];
  for (const [kind, base] of [
    ['package', 'packages'],
    ['app', 'apps'],
  ] as const) {
    for (const name of readdirSync(join(ROOT, base))) {
      const folder = join(ROOT, base, name);
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        name: string;
        dependencies?: { [name: string]: string };
        devDependencies?: { [name: string]: string };
      };
      if (manifest.name !== `@sealroom/${name}`) problems.push(`${base}/${name}: is called ${manifest.name}`);
      found.push({
        kind,
        name,
        folder,
        declared: new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })),
      });
    }
  }
  return found;
}

function codeOf(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

function checkInternal(from: Member, to: string, where: string, test: boolean): void {
  const layer = LAYERS[to];
  if (APPS.includes(to) || layer === undefined) {
    problems.push(`${where}: imports the app or unknown package ${to}`);
    return;
  }
  if (to === 'testkit') {
    if (!test && from.name !== 'testkit') problems.push(`${where}: only tests may import testkit`);
    return;
  }
  if (from.kind === 'app') return;
  const own = LAYERS[from.name] ?? 0;
  if (test && layer <= own + 3) return;
  if (layer >= own) problems.push(`${where}: ${from.name} may not import ${to}; imports go down only`);
}

function checkFile(from: Member, path: string): number {
  const where = relative(ROOT, path);
  const test = /\.test\.ts$|-for-tests\.ts$|fixtures\.ts$/.test(path);
  const text = codeOf(readFileSync(path, 'utf8'));
  const imports = [
    ...text.matchAll(
      /^(?:import|export)\b[^'";]*\bfrom\s+'([^'\n]+)';|^import\s+'([^'\n]+)';|\bimport\('([^'\n]+)'\)/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  for (const target of imports) {
    const internal = /^@sealroom\/([a-z]+)/.exec(target)?.[1];
    if (internal !== undefined) checkInternal(from, internal, where, test);
    const external = /^(@[^/]+\/[^/]+|[^./@][^/]*)/.exec(target)?.[1];
    const known = external === undefined || target.startsWith('node:') || from.declared.has(external);
    const forTests =
      test && (external === 'vitest' || external === 'fast-check' || external === '@sealroom/testkit');
    if (!known && !forTests && !test)
      problems.push(`${where}: imports ${external}, which its package.json does not name`);
    if (target.startsWith('.') && !join(path, '..', target).startsWith(from.folder))
      problems.push(`${where}: reaches out of its package to ${target}`);
  }
  if (from.kind === 'package' && !NOT_PURE.has(from.name) && !test) {
    for (const [pattern, words] of IMPURE)
      if (pattern.test(text)) problems.push(`${where}: ${words}; this package is pure`);
  }
  if (/export \* from/.test(text)) problems.push(`${where}: exports with a star; name what you export`);
  return imports.length;
}

const all = members();
let files = 0;
let imports = 0;
for (const member of all) {
  const expected = member.kind === 'package' ? LAYERS[member.name] !== undefined : APPS.includes(member.name);
  if (!expected) problems.push(`${member.name}: is not on the architecture's map`);
  const own = filesOf(join(member.folder, 'src'));
  if (own.length === 0) problems.push(`${member.name}: has no source`);
  for (const path of own) {
    files++;
    imports += checkFile(member, path);
  }
}
if (all.length < Object.keys(LAYERS).length + APPS.length)
  problems.push(`found only ${all.length} packages and apps`);
if (files < 100 || imports < 300) problems.push(`looked at only ${files} files and ${imports} imports`);
for (const problem of problems) console.error(problem);
console.log(
  `architecture: ${all.length} packages and apps, ${files} files, ${imports} imports, ${problems.length} problems`,
);
if (problems.length > 0) process.exitCode = 1;
