// `criteria check` and `criteria lint`: offline. Exit codes of `check`: 0 valid · 1 invalid · 2 unusable criteria or options, or
// an input on which Cerberus itself breaks down.
import { utf8Decode } from '@sealroom/bytes';
import {
  checkCriteriaFile,
  type CheckResult,
  type ErrorTree,
  leakBudget,
  lintCriteria,
  parseCriteria,
} from '@sealroom/criteria';
import type { Action, Answer } from '../context.ts';
import { readGiven } from '../home/files.ts';
import { table } from '../terminal/text.ts';

function treeText(tree: ErrorTree, path = ''): string {
  return Object.entries(tree)
    .flatMap(([field, nodes]) =>
      nodes.map((node) =>
        typeof node === 'string' ? `  ${path}${field}: ${node}\n` : treeText(node, `${path}${field}.`),
      ),
    )
    .join('');
}

function answerOf(result: CheckResult): Answer {
  const { exit } = result;
  if (!('validation' in result)) {
    const { code, message, reasons } = result;
    const lines = reasons.map((reason) => `  ${reason.path.join('.') || '(all)'}: ${reason.message}\n`);
    const outcome = exit === 1 ? 'invalid' : 'unusable';
    return {
      json: { ok: false, outcome, code, message, reasons },
      text: `${outcome === 'invalid' ? 'Invalid' : 'Unusable'}: ${message} [${code}]\n${lines.join('')}`,
      exit,
    };
  }
  const { validation } = result;
  if (validation.outcome === 'valid')
    return { json: { ok: true, outcome: 'valid' }, text: 'Valid: the report meets the criteria.\n', exit };
  if (validation.outcome === 'breakdown') {
    const { exception } = validation;
    const text = `Unusable: Cerberus itself breaks down on this input (${exception}).\n`;
    return { json: { ok: false, outcome: 'breakdown', exception }, text, exit };
  }
  const { errors } = validation;
  return { json: { ok: false, outcome: 'invalid', errors }, text: `Invalid:\n${treeText(errors)}`, exit };
}

export const checkCriteria: Action = async (_context, input) => {
  const [criteria, report] = await Promise.all([readGiven(input.arg(0)), readGiven(input.arg(1))]);
  const options = input.optional('options');
  return answerOf(
    checkCriteriaFile(criteria, report, {
      compat: input.flag('compat'),
      ...(options === undefined ? {} : { options }),
    }),
  );
};

export const lint: Action = async (_context, input) => {
  const criteria = parseCriteria(utf8Decode(await readGiven(input.arg(0))));
  const findings = lintCriteria(criteria);
  const bits = leakBudget(criteria);
  const bounded = Number.isFinite(bits);
  const rows = findings.map(({ severity, path, message, code }) => [severity, path.join('.'), message, code]);
  const budget = bounded ? `at most ${Math.ceil(bits)} bits` : 'no bound is known';
  const bad = findings.some(({ severity }) => severity === 'error');
  return {
    json: { ok: !bad, bits: bounded ? Math.ceil(bits) : null, findings },
    text: `${table(['severity', 'where', 'what', 'code'], rows, 'Nothing to remark.')}A report can carry: ${budget}.\n`,
    exit: bad ? 1 : 0,
  };
};
