"""Asks the real Cerberus, and Python's re: one JSON request a line in, one JSON answer a line out, in order.

{"schema": ..., "options": {...}, "documents": [...]} is answered by a list with one outcome a document, in the form of
the conformance vectors. Cerberus remembers rules that it took before; it forgets them before each request, so that each
is answered as by a fresh process; the schemas in "before", if there are any, are what it met since. Of a schema that it
refuses there is one outcome. {"pattern": ..., "texts": [...]} is answered by a list with, for each text, what
re.compile(pattern).match(text) and .fullmatch(text) say, or by {"exception": ...}. {"about": true} tells versions, and
{"unassigned": true} the code points that Python's Unicode does not know. Where Python needs more than ten seconds, as its
backtracking re does for some patterns, the answer is null.
"""

import json
import marshal
import re
import signal
import sys
import unicodedata
import warnings

import cerberus
from cerberus import errors as kinds
from cerberus.errors import ValidationError

warnings.simplefilter("ignore")
NAMES = {}
for name, definition in vars(kinds).items():
    if isinstance(definition, kinds.ErrorDefinition):
        NAMES.setdefault(definition.code, name)  # later names are older ones


def key_text(key):
    """A key of a document as this project writes it: True is the key 1, -0.0 the key 0.0."""
    if isinstance(key, bool):
        key = int(key)
    elif key == 0 and isinstance(key, float):
        key = 0.0
    return "null" if key is None else key if isinstance(key, str) else repr(key)


def step_text(step):
    if isinstance(step, str):
        return step
    if isinstance(step, tuple):
        return "(%s)" % ", ".join(step_text(s) if isinstance(s, tuple) else repr(s) for s in step)
    return "None" if step is None else key_text(step)


AMBIGUOUS = "keys that JSON cannot tell apart"


def plain(value):
    if isinstance(value, dict):
        out = {key_text(key): plain(member) for key, member in value.items()}
        return out if len(out) == len(value) else {AMBIGUOUS: True}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def tree(errors):
    if isinstance(errors, str):
        return errors
    out = {step_text(field): [node if isinstance(node, str) else tree(node) for node in nodes]
           for field, nodes in errors.items()}
    return out if len(out) == len(errors) else {AMBIGUOUS: []}


def path(steps):
    if isinstance(steps, str):
        return steps
    return [int(s) if isinstance(s, (bool, int)) else step_text(s) for s in steps]


def machine(error):
    out = {
        "document_path": path(error.document_path),
        "schema_path": path(error.schema_path),
        "code": error.code,
        "name": NAMES[error.code],
        "rule": error.rule,
    }
    children = error.info[0] if error.info and isinstance(error.info[0], list) else []
    if error.is_group_error:
        out["children"] = [machine(child) for child in children if isinstance(child, ValidationError)]
    return out


def copied(value):
    return marshal.loads(marshal.dumps(value))


class GaveUp(BaseException):
    """Not an Exception, so that nobody takes it for one of Cerberus."""


def give_up(_signal, _frame):
    raise GaveUp


def outcome(schema, options, document):
    given = copied(options)
    how = {name: given.pop(name) for name in ("update", "normalize") if name in given}
    phase = "schema"
    try:
        validator = cerberus.Validator(copied(schema), **given)
        phase = "validate"
        valid = validator.validate(document, **how)
        return {
            "outcome": "valid" if valid else "invalid",
            "valid": valid,
            "errors": tree(validator.errors),
            "error_list": [machine(error) for error in validator._errors],
            "document": plain(validator.document),
        }
    except cerberus.SchemaError as error:
        (said,) = error.args
        return {"outcome": "schema_error", "schema_errors": tree(said)}
    except Exception as error:
        return {"outcome": "exception", "exception": type(error).__name__, "phase": phase}


def judge(request):
    cerberus.Validator.clear_caches()
    for schema in request.get("before", []):
        cerberus.Validator(schema)
    outcomes = []
    for document in request["documents"]:
        outcomes.append(outcome(request["schema"], request["options"], document))
        if outcomes[-1].get("phase", outcomes[-1]["outcome"]) in ("schema", "schema_error"):
            break
    return outcomes


def match(request):
    try:
        compiled = re.compile(request["pattern"])
    except Exception as error:
        return {"exception": type(error).__name__}
    finally:
        re.purge()
    return [[bool(compiled.match(text)), bool(compiled.fullmatch(text))] for text in request["texts"]]


def about(_request):
    return {"cerberus": cerberus.__version__, "python": sys.version.split()[0]}


def unassigned(_request):
    return [code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cn"]


def main():
    sys.setrecursionlimit(5000)
    signal.signal(signal.SIGALRM, give_up)
    for line in sys.stdin:
        request = json.loads(line)
        kinds_of_request = {"about": about, "unassigned": unassigned, "pattern": match, "schema": judge}
        answer = next(make for name, make in kinds_of_request.items() if name in request)
        signal.alarm(10)
        try:
            said = answer(request)
        except GaveUp:
            said = None
        finally:
            signal.alarm(0)
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


main()
