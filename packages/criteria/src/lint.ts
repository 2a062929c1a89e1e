// What is unwise in criteria, though it can be used: ways in which a valid report can carry more than an aggregate. Each
// finding says where, and what to write instead. It looks at each set of rules by itself; leak.ts adds them up.
import type { Criteria } from './criteria.ts';
import { fieldsBits, rulesBits } from './leak.ts';
import { isMap, type Value, type ValueMap } from './value.ts';
import { type CriteriaPath, definesFields, OF_RULES, ruleSets, typeNames } from './walk.ts';

export type Severity = 'error' | 'warning' | 'info';

export type LintCode =
  | 'lint/untyped'
  | 'lint/unbounded-string'
  | 'lint/unbounded-number'
  | 'lint/precise-number'
  | 'lint/unbounded-list'
  | 'lint/free-list-items'
  | 'lint/free-dict'
  | 'lint/free-keys'
  | 'lint/allow-unknown'
  | 'lint/half-anchored-regex'
  | 'lint/constraint-never-applies'
  | 'lint/normalising-rule'
  | 'lint/no-bound'
  | 'lint/nothing-required';

export interface Finding {
  /** error: no bound on what leaves. warning: much may leave, or a rule does not do what it seems to. */
  readonly severity: Severity;
  readonly code: LintCode;
  readonly path: CriteriaPath;
  readonly message: string;
}

type Check = (rules: ValueMap, types: readonly string[]) => readonly Omit<Finding, 'path'>[];

const finding = (severity: Severity, code: LintCode, message: string) => ({ severity, code, message });

const isOneOf = (types: readonly string[], ...names: readonly string[]): boolean =>
  types.some((type) => names.includes(type));

const untyped: Check = (rules, types) => {
  if (types.length > 0) return [];
  if (rules.has('allowed') && !rules.has('anyof') && !rules.has('oneof')) {
    const message = 'Lists of allowed values pass here in any length; add `type`.';
    return [finding('error', 'lint/untyped', message)];
  }
  if (OF_RULES.some((rule) => rules.has(rule))) return [];
  return [finding('error', 'lint/untyped', 'Values of every type pass here; add `type`.')];
};

const strings: Check = (rules, types) => {
  if (!isOneOf(types, 'string') || rulesBits(new Map([...rules, ['type', 'string']])) !== Infinity) return [];
  return [
    finding(
      'error',
      'lint/unbounded-string',
      'Any text can leave here; add `allowed`, or `maxlength` with `regex`.',
    ),
  ];
};

const numbers: Check = (rules, types) => {
  if (!isOneOf(types, 'integer', 'float', 'number') || rules.has('allowed')) return [];
  if (!rules.has('min') || !rules.has('max')) {
    return [
      finding(
        'warning',
        'lint/unbounded-number',
        'Add `min` and `max`: a free number carries up to 64 bits.',
      ),
    ];
  }
  if (!isOneOf(types, 'float', 'number')) return [];
  const message =
    'A float carries about 60 bits even between narrow bounds; an integer of the rounded value carries less.';
  return [finding('info', 'lint/precise-number', message)];
};

const lists: Check = (rules, types) => {
  if (!isOneOf(types, 'list', 'container') || rules.has('items')) return [];
  const out = [];
  if (!rules.has('maxlength')) {
    out.push(
      finding('error', 'lint/unbounded-list', 'A list of any length passes; add `maxlength` or `items`.'),
    );
  }
  if (!rules.has('schema') && !rules.has('allowed')) {
    out.push(
      finding('error', 'lint/free-list-items', 'Items of every kind pass; add `schema` with their rules.'),
    );
  }
  return out;
};

const dicts: Check = (rules, types) => {
  if (!isOneOf(types, 'dict', 'container') || definesFields(rules)) return [];
  if (!rules.has('keysrules') && !rules.has('valuesrules') && !rules.has('allowed')) {
    return [finding('error', 'lint/free-dict', 'Any mapping passes here; add `schema` with the fields.')];
  }
  if (!rules.has('valuesrules')) {
    return [finding('error', 'lint/free-dict', 'Any value passes under these keys; add `valuesrules`.')];
  }
  if (!rules.has('keysrules') && !rules.has('allowed')) {
    return [
      finding(
        'error',
        'lint/free-keys',
        'Keys are free text; add `keysrules`, or name the fields in `schema`.',
      ),
    ];
  }
  if (rules.has('maxlength')) return [];
  return [finding('error', 'lint/free-keys', 'Any number of keys passes; add `maxlength`.')];
};

const unknown: Check = (rules) =>
  isMap(rules.get('allow_unknown')) || rules.get('allow_unknown') === true
    ? [
        finding(
          'error',
          'lint/allow-unknown',
          'Unknown keys pass; name the fields and leave `allow_unknown` out.',
        ),
      ]
    : [];

const CHANGING = [
  'coerce',
  'default',
  'default_setter',
  'purge_unknown',
  'readonly',
  'rename',
  'rename_handler',
];

const changing: Check = (rules) =>
  CHANGING.filter((rule) => rules.has(rule)).map((rule) =>
    finding(
      'warning',
      'lint/normalising-rule',
      `\`${rule}\` changes the report that is checked; leave it out.`,
    ),
  );

const regexes: Check = (rules) => {
  const pattern = rules.get('regex');
  if (typeof pattern !== 'string') return [];
  const bare = pattern.replaceAll(/\\.|\[(?:\\.|[^\]])*\]|\((?:\\.|[^()])*\)/gsu, '');
  if (!bare.includes('|') && !pattern.endsWith('\\$')) return [];
  const message =
    'Cerberus anchors only the last branch at the end; put the branches in a group and `$` after it.';
  return [finding('warning', 'lint/half-anchored-regex', message)];
};

/** Rules that say nothing about any value of the types named. */
const APPLIES = new Map<string, readonly string[]>([
  ['min', ['integer', 'float', 'number', 'string']],
  ['max', ['integer', 'float', 'number', 'string']],
  ['regex', ['string']],
  ['minlength', ['string', 'list', 'dict', 'container']],
  ['maxlength', ['string', 'list', 'dict', 'container']],
  ['items', ['list', 'container']],
  ['keysrules', ['dict', 'container']],
  ['valuesrules', ['dict', 'container']],
  ['schema', ['list', 'dict', 'container']],
]);

const misplaced: Check = (rules, types) => {
  if (types.length === 0) return [];
  return [...APPLIES]
    .filter(([rule, applicable]) => rules.has(rule) && !isOneOf(types, ...applicable))
    .map(([rule]) =>
      finding(
        'warning',
        'lint/constraint-never-applies',
        `\`${rule}\` does nothing for this type; leave it out.`,
      ),
    );
};

const CHECKS = [untyped, strings, numbers, lists, dicts, unknown, changing, regexes, misplaced];

/** Definitions of *of rules inherit their field's type. */
function inherited(path: CriteriaPath, types: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const operator = path.at(-2);
  if (!OF_RULES.some((rule) => rule === operator)) return [];
  return types.get(JSON.stringify(path.slice(0, -2))) ?? [];
}

function hasRequired(rules: Value | undefined): boolean {
  return isMap(rules) && rules.get('required') === true;
}

/** Findings in the order of the criteria; an empty list says that nothing unwise was seen, not that nothing leaks. */
export function lintCriteria(criteria: Criteria): readonly Finding[] {
  const findings: Finding[] = [];
  if (criteria.schema.size > 0 && ![...criteria.schema.values()].some(hasRequired)) {
    const message = 'An empty report passes; mark what must be there as `required`.';
    findings.push({ severity: 'info', code: 'lint/nothing-required', path: [], message });
  }
  const known = new Map<string, readonly string[]>();
  for (const { rules, path } of ruleSets(criteria.schema)) {
    const own = typeNames(rules);
    const types = own.length > 0 ? own : inherited(path, known);
    known.set(JSON.stringify(path), types);
    for (const check of CHECKS) findings.push(...check(rules, types).map((found) => ({ ...found, path })));
  }
  if (fieldsBits(criteria.schema) === Infinity && !findings.some(({ severity }) => severity === 'error')) {
    const message =
      'No bound is known for what these rules let out together; name types, values and lengths.';
    findings.push({ severity: 'error', code: 'lint/no-bound', path: [], message });
  }
  return findings;
}
