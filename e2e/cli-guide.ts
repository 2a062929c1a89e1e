// Reads the guides: their code blocks by section, and the `sealroom …` commands in a text. Blocks marked `sh` are run word for
// word by cli-guides.test.ts; blocks marked `shell` hold what the reader must fill in first, and are only held against the
// command line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCS = join(import.meta.dirname, '..', 'docs');

type Block = { readonly language: string; readonly section: string; readonly text: string };

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = '';
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split('\n')) {
    const fence = /^```(\w*)$/.exec(line);
    if (fence && open) {
      blocks.push({ language: open.language, section, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else if (fence) open = { language: fence[1] ?? '', lines: [] };
    else if (open) open.lines.push(line);
    else if (/^#+ /.test(line)) section = line.replace(/^#+ /, '');
  }
  if (open) throw new Error(`A code block of the section "${section}" is never closed.`);
  return blocks;
}

/** What a reader types in one section of a guide. @throws when there is no such section, or nothing to type */
export function scriptOf(guide: string, section: string): string {
  const blocks = blocksOf(readFileSync(join(DOCS, `guide-${guide}.md`), 'utf8'));
  const found = blocks.filter((block) => block.language === 'sh' && block.section.startsWith(section));
  if (found.length === 0)
    throw new Error(`The guide ${guide} has nothing to run in a section "${section}…".`);
  return found.map(({ text }) => text).join('');
}

/** The words of each `sealroom` command in shell text, without the name itself; not a shell, but enough for the guides. */
export function commandsIn(shell: string): string[][] {
  const plain = shell
    .replaceAll(/<<'(\w+)'\n[\s\S]*?\n\1\n/g, '\n')
    .replaceAll('\\\n', ' ')
    .replaceAll(/\s#.*$/gm, '');
  const found: string[][] = [];
  for (const part of plain.split(/\n|;|\||&&/)) {
    const words = [...part.matchAll(/"[^"]*"|'[^']*'|[^\s"']+/g)].map(([word]) => word);
    const start = words[0] === 'npx' ? 1 : 0;
    const end = words.findIndex((word) => word.startsWith('>'));
    if (words[start] === 'sealroom') found.push(words.slice(start + 1, end < 0 ? undefined : end));
  }
  return found;
}

/** Commands in running text, between backquotes. */
export function mentionsIn(markdown: string): string[][] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/`((?:npx )?sealroom [^`]+)`/g)].flatMap(([, code]) =>
    commandsIn((code ?? '').replaceAll(/\s+/g, ' ')),
  );
}
