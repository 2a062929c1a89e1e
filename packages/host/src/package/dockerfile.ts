// The few instructions of a Dockerfile that the embedded runner obeys: FROM, WORKDIR, ENTRYPOINT and CMD
// (docs.docker.com/reference/dockerfile). It builds no image: the package is laid at WORKDIR over the host's
// runtime, so other instructions are listed as not applied. The text is the algorithm owner's: hostile to the room.
import { posix } from 'node:path';
import { type Entrypoint, parseEntrypoint } from './entrypoint.ts';
import { PackageError } from './error.ts';

/** An instruction that the embedded runner does not carry out. */
export type NotApplied = { readonly line: number; readonly instruction: string };

/** What a Dockerfile says about running a package. */
export type Dockerfile = {
  /** The image that the last stage starts from, as written. */
  readonly base: string;
  /** Where the package lies, absolute. */
  readonly workdir: string;
  readonly entrypoint: Entrypoint;
  readonly notApplied: readonly NotApplied[];
};

type Instruction = { readonly line: number; readonly keyword: string; readonly rest: string };
type Stage = {
  base: string;
  workdir: string;
  entrypoint: Entrypoint | undefined;
  command: Entrypoint | undefined;
  shell: boolean;
};

const HEREDOC = /(?<!<)<<(-?)(["']?)([A-Za-z_]\w*)\2/g;
const WITHOUT_EFFECT = new Set(['LABEL', 'EXPOSE', 'MAINTAINER', 'STOPSIGNAL', 'HEALTHCHECK']);
const LONGEST_WORKDIR = 1024;
const SYSTEM = /^\/(?:bin|boot|dev|etc|lib\w*|proc|run|sbin|sys|tmp|usr(?!\/src\/.))(?:\/|$)/;

function bad(line: number, what: string): PackageError {
  return new PackageError('package/bad-dockerfile', `The Dockerfile's line ${line} ${what}.`);
}

/** The index of the first line after the here-documents that an instruction opened. */
function afterHeredocs(lines: readonly string[], next: number, instruction: Instruction): number {
  if (!['RUN', 'COPY', 'ADD'].includes(instruction.keyword)) return next;
  let at = next;
  for (const [, dash, , name] of instruction.rest.matchAll(HEREDOC)) {
    while (at < lines.length && (dash === '-' ? lines[at]?.replace(/^\t+/, '') : lines[at]) !== name) at += 1;
    if (at >= lines.length) throw bad(instruction.line, 'opens a here-document that never ends');
    at += 1;
  }
  return at;
}

function instructions(text: string): readonly Instruction[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (/^#\s*escape\s*=\s*[^\\\s]/im.test(lines.slice(0, 3).join('\n'))) {
    throw bad(1, 'sets another escape character; use the backslash');
  }
  const found: Instruction[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    const parts: string[] = [];
    let open = true;
    while (open && at < lines.length) {
      const current = (lines[at] ?? '').trim();
      at += 1;
      if (current.startsWith('#') || current === '') {
        open = parts.length > 0;
        continue;
      }
      open = current.endsWith('\\');
      parts.push(open ? current.slice(0, -1) : current);
    }
    if (parts.length === 0) continue;
    const whole = parts.join(' ').trim();
    const space = whole.search(/\s/);
    const keyword = (space < 0 ? whole : whole.slice(0, space)).toUpperCase();
    if (!/^[A-Z]+$/.test(keyword)) throw bad(line, 'does not begin with an instruction');
    const instruction = { line, keyword, rest: space < 0 ? '' : whole.slice(space).trim() };
    found.push(instruction);
    at = afterHeredocs(lines, at, instruction);
  }
  return found;
}

function startStage({ line, rest }: Instruction, stages: Map<string, Stage>): Stage {
  const [image, as, name, ...more] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
  if (image === undefined || more.length > 0 || (as !== undefined && as.toUpperCase() !== 'AS')) {
    throw bad(line, 'is not "FROM image" or "FROM image AS name"');
  }
  const earlier = stages.get(image.toLowerCase());
  const stage: Stage =
    earlier === undefined
      ? { base: image, workdir: '/', entrypoint: undefined, command: undefined, shell: false }
      : { ...earlier };
  if (name !== undefined) stages.set(name.toLowerCase(), stage);
  return stage;
}

function changeWorkdir({ line, rest }: Instruction, stage: Stage): void {
  const path = /^"(.*)"$/.exec(rest)?.[1] ?? rest;
  if (path === '' || /[$\\\p{Cc}]/u.test(path)) {
    throw bad(line, 'has no plain path after WORKDIR; write it out, as in WORKDIR /app');
  }
  const workdir = posix.resolve(stage.workdir, path);
  // Relative ones add up; no system takes a longer path.
  if (workdir.length > LONGEST_WORKDIR)
    throw bad(line, `leads to a folder whose path is longer than ${LONGEST_WORKDIR}; write it out`);
  stage.workdir = workdir;
}

function finish(stage: Stage): Pick<Dockerfile, 'base' | 'workdir' | 'entrypoint'> {
  const { base, workdir, entrypoint, command } = stage;
  if (entrypoint === undefined) {
    throw new PackageError(
      'package/no-entrypoint',
      'The Dockerfile has no ENTRYPOINT, so nothing would run; add ENTRYPOINT ["run.sh"].',
    );
  }
  if (workdir === '/' || SYSTEM.test(workdir)) {
    throw new PackageError(
      'package/bad-workdir',
      'The Dockerfile puts the package into the root or a system folder; write WORKDIR /app.',
    );
  }
  if (entrypoint.form === 'shell') {
    if (stage.shell) {
      throw new PackageError(
        'package/bad-entrypoint',
        'The Dockerfile sets SHELL and a shell-form ENTRYPOINT; write the ENTRYPOINT as a list.',
      );
    }
    return { base, workdir, entrypoint };
  }
  const more =
    command === undefined ? [] : command.form === 'exec' ? command.command : ['/bin/sh', '-c', command.line];
  return { base, workdir, entrypoint: { form: 'exec', command: [...entrypoint.command, ...more] } };
}

/**
 * Reads a Dockerfile's last stage. As in Docker, CMD adds words to an exec-form ENTRYPOINT.
 * @throws package/bad-dockerfile, package/bad-workdir, package/no-entrypoint, package/bad-entrypoint
 */
export function parseDockerfile(text: string): Dockerfile {
  const stages = new Map<string, Stage>();
  const notApplied: NotApplied[] = [];
  let stage: Stage | undefined;
  for (const instruction of instructions(text)) {
    const { line, keyword, rest } = instruction;
    if (keyword === 'FROM') {
      stage = startStage(instruction, stages);
      continue;
    }
    if (stage === undefined && keyword !== 'ARG') throw bad(line, 'stands before FROM');
    if (stage !== undefined && keyword === 'WORKDIR') changeWorkdir(instruction, stage);
    else if (stage !== undefined && keyword === 'ENTRYPOINT') stage.entrypoint = parseEntrypoint(rest);
    else if (stage !== undefined && keyword === 'CMD') stage.command = parseEntrypoint(rest);
    else if (!(keyword === 'COPY' && /^\.\/?\s+\.\/?$/.test(rest)) && !WITHOUT_EFFECT.has(keyword)) {
      if (stage !== undefined && keyword === 'SHELL') stage.shell = true;
      notApplied.push({ line, instruction: keyword });
    }
  }
  if (stage === undefined) throw bad(1, 'should be FROM; there is none');
  return { ...finish(stage), notApplied };
}
