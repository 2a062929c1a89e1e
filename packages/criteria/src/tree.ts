// The error tree of Cerberus' `Validator.errors`: by field a list of messages, ended by a tree for what lies below. The
// definitions of an *of rule appear as keys of their own ("anyof definition 0").
import { str } from './python/text.ts';
import { isLogical, type Path, type PathStep, stepAt, stepText, type Violation } from './violation.ts';

/** Messages first, then at most one tree. List positions are keys like "0". */
export type ErrorNode = readonly (string | ErrorTree)[];
export interface ErrorTree {
  readonly [field: string]: ErrorNode;
}

/** Braces name the constraint, the field, the value, or a piece of information by its number. */
export const MESSAGES: ReadonlyMap<number, string> = new Map([
  [0x00, '{0}'],
  [0x02, 'required field'],
  [0x03, 'unknown field'],
  [0x04, "field '{0}' is required"],
  [0x05, 'depends on these values: {constraint}'],
  [0x06, "{0} must not be present with '{field}'"],
  [0x22, 'empty values not allowed'],
  [0x23, 'null value not allowed'],
  [0x24, 'must be of {constraint} type'],
  [0x25, 'must be of dict type'],
  [0x26, 'length of list should be {0}, it is {1}'],
  [0x27, 'min length is {constraint}'],
  [0x28, 'max length is {constraint}'],
  [0x41, "value does not match regex '{constraint}'"],
  [0x42, 'min value is {constraint}'],
  [0x43, 'max value is {constraint}'],
  [0x44, 'unallowed value {value}'],
  [0x45, 'unallowed values {0}'],
  [0x46, 'unallowed value {value}'],
  [0x47, 'unallowed values {0}'],
  [0x48, 'missing members {0}'],
  [0x63, 'field is read-only'],
  [0x91, 'one or more definitions validate'],
  [0x92, 'none or more than one rule validate'],
  [0x93, 'no definitions validate'],
  [0x94, "one or more definitions don't validate"],
]);

/** The same for criteria that are no criteria. */
export const SCHEMA_MESSAGES: ReadonlyMap<number, string> = new Map([...MESSAGES, [0x03, 'unknown rule']]);

interface Branch {
  readonly messages: string[];
  readonly below: Map<string, Branch>;
}

type Messages = ReadonlyMap<number, string>;

function messageOf(
  violation: Violation,
  field: PathStep | undefined,
  messages: Messages,
): string | undefined {
  return messages.get(violation.kind.code)?.replace(/\{(\w+)\}/g, (_, name: string) => {
    if (name === 'constraint') return str(violation.constraint);
    if (name === 'value') return str(violation.value);
    if (name === 'field') return stepText(field ?? '');
    return str(violation.info[Number(name)] ?? null);
  });
}

function insert(tree: Map<string, Branch>, path: Path, message: string): void {
  let level = tree;
  for (const [index, step] of path.entries()) {
    const key = stepText(step);
    const branch: Branch = level.get(key) ?? { messages: [], below: new Map() };
    level.set(key, branch);
    if (index === path.length - 1) branch.messages.push(message);
    level = branch.below;
  }
}

function childrenByDefinition(violation: Violation): Map<string, Violation[]> {
  const byDefinition = new Map<string, Violation[]>();
  for (const child of violation.children ?? []) {
    const name = stepText(stepAt(child.schemaPath, violation.schemaPath.length) ?? '');
    const list = byDefinition.get(name);
    if (list === undefined) byDefinition.set(name, [child]);
    else list.push(child);
  }
  return byDefinition;
}

/**
 * Inserts a violation at `shown`, its place in the tree; the places of its children follow from it and the depth of its
 * place in the document.
 */
function add(
  tree: Map<string, Branch>,
  violation: Violation,
  shown: Path,
  field: PathStep | undefined,
  messages: Messages,
): void {
  const depth = violation.documentPath.length;
  const place = (child: Violation, base: Path): Path => [...base, ...child.documentPath.slice(depth)];
  if (isLogical(violation)) {
    const message = messageOf(violation, shown.at(-1), messages);
    if (message !== undefined) insert(tree, shown, message);
    for (const [index, children] of childrenByDefinition(violation)) {
      const base = [...shown, `${violation.kind.rule ?? ''} definition ${index}`];
      for (const child of children) add(tree, child, place(child, base), shown.at(-1), messages);
    }
  } else if (violation.children !== undefined) {
    for (const child of violation.children) {
      const at = place(child, shown);
      add(tree, child, at, at.at(-1), messages);
    }
  } else {
    const message = messageOf(violation, field, messages);
    if (message !== undefined) insert(tree, shown, message);
  }
}

function toTree(level: Map<string, Branch>): ErrorTree {
  const entries = [...level].map(([key, { messages, below }]) => [
    key,
    below.size === 0 ? messages : [...messages, toTree(below)],
  ]);
  return Object.fromEntries(entries);
}

/** The tree of a list of violations. Its keys come from the document: use it where the document may be shown. */
export function errorTree(violations: readonly Violation[], messages: Messages = MESSAGES): ErrorTree {
  const tree = new Map<string, Branch>();
  for (const violation of violations) {
    add(tree, violation, violation.documentPath, violation.documentPath.at(-1), messages);
  }
  return toTree(tree);
}
