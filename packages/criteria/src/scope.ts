// One level of a validation: a mapping, the definitions of its fields and the options in force there. Sub-documents, list
// items and the definitions of *of rules are levels of their own (`child`). What the rules do is in rules/, the order in
// which they meet a field is here. Written after the behaviour of Cerberus 1.3.x, Python exceptions included (Breakdown).
import { Breakdown } from './error.ts';
import { getMember, truthy } from './python/semantics.ts';
import type { Shown } from './python/text.ts';
import { isList, isMap, type Value, type ValueKey, type ValueMap } from './value.ts';
import {
  ERROR_KINDS,
  type ErrorKind,
  type Path,
  insertViolation,
  type PathStep,
  sortViolations,
  type Violation,
} from './violation.ts';

/** Checks one constraint; `true` ends the checks of the field. */
export type Rule = (scope: Scope, constraint: Value, field: ValueKey, value: Value) => boolean | undefined;

/** A check of the language of criteria itself (`check_with` in the definitions of rules). */
export type NamedCheck = (scope: Scope, field: PathStep, value: Value) => void;

/** The rules that validations of one kind know. */
export interface Dialect {
  readonly rules: ReadonlyMap<string, Rule>;
  readonly checks: ReadonlyMap<string, NamedCheck>;
  readonly normalise: (scope: Scope, mapping: ValueMap, schema: Value) => void;
}

export interface ScopeOptions {
  readonly ignoreNone: boolean;
  /** True, or the rules for values of unknown fields. */
  readonly allowUnknown: Value;
  readonly requireAll: Value;
  readonly purgeUnknown: Value;
  readonly purgeReadonly: boolean;
}

/** Shared by all levels of one validation. */
export interface Session {
  readonly dialect: Dialect;
  /** The stricter mode: booleans are no numbers, patterns match whole texts, what cannot be compared fails. */
  readonly strict: boolean;
  /** Whether a text matches a pattern, found in at most so many steps, and the steps that it took. */
  readonly match: (pattern: string, text: string, limit: number) => { matched: boolean; steps: number };
  /** Violations kept at one level; what comes after is dropped, as the document is invalid already. */
  readonly maxViolations: number;
  /** Steps left before the validation is given up; a bound on work, not on time. */
  stepsLeft: number;
  /** The document at the top, from which a dependency's `^` starts. */
  root: ValueMap | undefined;
}

export interface ChildOptions extends Partial<ScopeOptions> {
  readonly documentCrumb?: PathStep | undefined;
  readonly schemaCrumb?: Path;
  readonly schema: Value;
  /** Other fields of the mapping are another level's business: the definitions of *of rules. */
  readonly ignoreSiblings?: boolean;
}

/** Cerberus notices only here that rules for a list were given to a mapping. */
export class SchemaKindMismatch extends Breakdown {
  constructor() {
    super('_SchemaRuleTypeError');
  }
}

/** Cerberus refuses a schema (its SchemaError) only when a value meets it. */
export class SchemaMissing extends Breakdown {
  constructor() {
    super('SchemaError');
  }
}

/** Evaluated in this order before the other rules of a field. */
const PRIORITY = ['nullable', 'readonly', 'type', 'empty'];
/** What the check of one rule counts as, beside the steps of a pattern. */
const RULE_STEPS = 10;
/** Never evaluated as checks: they steer, or change the document, or say nothing. */
const NOT_CHECKED = new Set(
  'allow_unknown require_all meta required coerce default default_setter purge_unknown rename rename_handler'.split(
    ' ',
  ),
);

/** The rules of a field, or null for what is none (a reference that nothing resolves). */
export function rulesOf(definition: Value | undefined): ValueMap | null {
  return isMap(definition) ? definition : null;
}

function must<T>(value: T | null | undefined, kind: string): T {
  if (value === null || value === undefined) throw new Breakdown(kind);
  return value;
}

export class Scope {
  readonly session: Session;
  readonly options: ScopeOptions;
  readonly schema: Value;
  readonly documentPath: Path;
  readonly schemaPath: Path;
  readonly isChild: boolean;
  readonly ignoreSiblings: boolean;
  document: ValueMap = new Map();
  violations: Violation[] = [];
  normalised: boolean;
  update = false;
  /** Required fields of which, because they exclude each other, one is enough. */
  readonly unrequired = new Set<ValueKey>();
  #queue: string[] = [];
  #tied = false;

  constructor(session: Session, options: ScopeOptions, schema: Value, parent?: Scope, child?: ChildOptions) {
    this.session = session;
    this.options = options;
    this.schema = schema;
    this.isChild = parent !== undefined;
    this.ignoreSiblings = child?.ignoreSiblings ?? false;
    this.normalised = parent?.normalised ?? false;
    const crumb = child?.documentCrumb;
    const base = parent?.documentPath ?? [];
    this.documentPath = crumb === undefined ? base : [...base, ...(isStepList(crumb) ? crumb : [crumb])];
    this.schemaPath = [...(parent?.schemaPath ?? []), ...(child?.schemaCrumb ?? [])];
  }

  child(child: ChildOptions): Scope {
    const options: ScopeOptions = {
      ignoreNone: this.options.ignoreNone,
      allowUnknown: child.allowUnknown ?? this.options.allowUnknown,
      requireAll: child.requireAll ?? this.options.requireAll,
      purgeUnknown: child.purgeUnknown ?? this.options.purgeUnknown,
      purgeReadonly: this.options.purgeReadonly,
    };
    return new Scope(this.session, options, child.schema, this, child);
  }

  /** The definition of a field at this level. @throws Breakdown */
  definitionOf(field: ValueKey): Value | undefined {
    if (isMap(this.schema)) return getMember(this.schema, field);
    throw new Breakdown('AttributeError');
  }

  #begin(document: Value): void {
    this.violations = [];
    this.#tied = false;
    if (!isMap(document)) throw new Breakdown('DocumentError');
    this.document = new Map(document);
    if (!this.isChild) this.normalised = false;
    this.session.root ??= this.document;
  }

  /** Checks a document; false if it has violations. @throws Breakdown */
  validate(document: Value, { update = false, normalise = false } = {}): boolean {
    this.update = update;
    this.unrequired.clear();
    this.#begin(document);
    if (normalise) this.session.dialect.normalise(this, this.document, this.schema);
    for (const [field, value] of this.document) {
      if (this.options.ignoreNone && value === null) continue;
      const definition = this.definitionOf(field);
      if (definition !== undefined && definition !== null) this.#validateField(field, value, definition);
      else this.#validateUnknown(field, value);
    }
    if (!update) this.#validateRequired();
    return this.violations.length === 0;
  }

  /** The document with renames, purges and defaults applied; violations are collected. @throws Breakdown */
  normalise(document: Value): ValueMap {
    this.#begin(document);
    this.session.dialect.normalise(this, this.document, this.schema);
    return this.document;
  }

  #validateField(field: ValueKey, value: Value, definition: Value): void {
    const rules = must(rulesOf(definition), 'TypeError');
    const queue = PRIORITY.filter((rule) => rule === 'nullable' || rules.has(rule));
    for (const rule of rules.keys()) {
      if (typeof rule === 'string' && !queue.includes(rule) && !NOT_CHECKED.has(rule)) queue.push(rule);
    }
    this.#queue = queue;
    for (let rule = this.#queue.shift(); rule !== undefined; rule = this.#queue.shift()) {
      this.spend(RULE_STEPS);
      const check = must(this.session.dialect.rules.get(rule.replaceAll(' ', '_')), 'RuntimeError');
      try {
        if (check(this, rules.get(rule) ?? null, field, value) === true) break;
      } catch (cause) {
        if (!(cause instanceof SchemaKindMismatch)) throw cause;
        break;
      }
    }
    this.#queue = [];
  }

  /** @throws Breakdown StepLimit */
  spend(steps: number): void {
    this.session.stepsLeft -= steps;
    if (this.session.stepsLeft < 0) throw new Breakdown('StepLimit');
  }

  /** Takes rules off the list of those that the field still has to meet; all of them if none is named. */
  drop(...rules: readonly string[]): void {
    this.#queue = rules.length === 0 ? [] : this.#queue.filter((rule) => !rules.includes(rule));
  }

  #validateUnknown(field: ValueKey, value: Value): void {
    if (this.ignoreSiblings) return;
    const allowed = this.options.allowUnknown;
    if (!truthy(allowed)) {
      this.report(field, ERROR_KINDS.UNKNOWN_FIELD);
      return;
    }
    if (!isMap(allowed) && typeof allowed !== 'string') return;
    const child = this.child({
      schemaCrumb: [this.isChild ? 'allow_unknown' : '__allow_unknown__'],
      schema: new Map([[field, allowed]]),
    });
    if (!child.validate(new Map([[field, value]]))) this.adopt(child.violations);
  }

  #validateRequired(): void {
    const required = new Set<ValueKey>();
    if (!isMap(this.schema)) throw new Breakdown('AttributeError');
    for (const [field, definition] of this.schema) {
      const rules = rulesOf(definition);
      if (rules === null) {
        if (this.isChild && this.schemaPath.at(-1) === 'schema') throw new SchemaKindMismatch();
        throw new Breakdown('AttributeError');
      }
      if ((rules.has('required') ? rules.get('required') : this.options.requireAll) === true)
        required.add(field);
    }
    for (const field of required) {
      if (this.unrequired.has(field)) continue;
      const value = getMember(this.document, field);
      if (value === undefined || (value === null && this.options.ignoreNone)) {
        this.report(field, ERROR_KINDS.REQUIRED_FIELD);
      }
    }
    if (this.unrequired.size === 0) return;
    const present = [...this.unrequired].some((field) => (getMember(this.document, field) ?? null) !== null);
    if (present) return;
    for (const field of this.unrequired) this.report(field, ERROR_KINDS.REQUIRED_FIELD);
  }

  /** Whether a field must be there, before exclusions are considered. @throws Breakdown */
  isRequired(field: ValueKey): boolean {
    const rules = must(rulesOf(this.definitionOf(field)), 'AttributeError');
    return truthy(rules.has('required') ? rules.get('required') : this.options.requireAll);
  }

  /** Files a violation of a field. @throws Breakdown KeyError where the rule is not in the field's definition */
  report(field: PathStep, kind: ErrorKind, ...info: readonly Shown[]): void {
    this.#file(field, kind, info, undefined);
  }

  /** Files the violations of a level below as one. */
  reportGroup(field: PathStep, kind: ErrorKind, children: readonly Violation[]): void {
    this.#file(field, kind, [], children);
  }

  #file(
    field: PathStep,
    kind: ErrorKind,
    info: readonly Shown[],
    children: readonly Violation[] | undefined,
  ): void {
    let schemaPath: Path | string = this.schemaPath;
    let constraint: Value = null;
    if (kind.rule !== null) {
      schemaPath = [...this.schemaPath, field, kind.rule];
      const rules = must(rulesOf(isStepList(field) ? undefined : this.definitionOf(field)), 'KeyError');
      const written = rules.get(kind.rule);
      if (kind.rule === 'required') {
        constraint = written ?? this.options.requireAll;
        if (written === undefined) schemaPath = '__require_all__';
      } else {
        if (written === undefined && kind.rule !== 'nullable') throw new Breakdown('KeyError');
        constraint = written ?? false;
      }
    }
    const value = isStepList(field) ? null : (this.document.get(field) ?? null);
    const documentPath = [...this.documentPath, field];
    this.adopt([{ documentPath, schemaPath, kind, constraint, value, info, children }]);
  }

  /** Takes over the violations of a level that stands for a field of this one. */
  adopt(violations: readonly Violation[]): void {
    if (this.violations.length >= this.session.maxViolations) return;
    if (!this.#tied && violations.every((violation) => insertViolation(this.violations, violation))) return;
    // From the first tie on, the order depends on how CPython sorts. What was inserted is taken out and put at the end.
    this.#tied = true;
    const added = new Set(violations);
    this.violations = [...this.violations.filter((violation) => !added.has(violation)), ...violations];
    sortViolations(this.violations);
  }

  /** All violations with those inside groups. */
  *everyViolation(list: readonly Violation[] = this.violations): Generator<Violation> {
    for (const violation of list) {
      yield violation;
      if (violation.children !== undefined) yield* this.everyViolation(violation.children);
    }
  }
}

function isStepList(step: PathStep): step is readonly PathStep[] {
  return isList(step);
}
