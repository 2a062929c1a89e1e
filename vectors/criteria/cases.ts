// The requests behind vectors/criteria. A request is the text that goes to Cerberus, since JSON.stringify would lose 1.0.

export const CASES: readonly { readonly why: string; readonly request: string }[] = [
  {
    why: 'errors are sorted by code points: U+FFFF before U+1F600',
    request: '{"schema":{"a":{"type":"string"}},"options":{},"documents":[{"\u{1f600}":1,"\uffff":2}]}',
  },
  {
    why: 'a key made by rename stays a float, and is compared with no text',
    request:
      '{"schema":{"c":{"rename":1e+308,"required":true}},"options":{},"documents":[{"c":{}},{"c":1,"a":2},{"a":2,"c":1}]}',
  },
  {
    why: 'a key made by rename stays 1.0, and 1 finds it',
    request:
      '{"schema":{"c":{"rename":1.0},"a":{"excludes":[1]},"b":{"rename":1}},"options":{"allow_unknown":true},"documents":[{"c":1},{"c":1,"a":2},{"c":1,"b":2}]}',
  },
  {
    why: 'a float key is written as Python writes floats',
    request:
      '{"schema":{"n":{"rename":1e-7}},"options":{"allow_unknown":true},"documents":[{"n":true}]}',
  },
  {
    why: 'list positions renamed to floats meet the rules of the positions that they equal',
    request:
      '{"schema":{"a":{"type":"list","schema":{"type":"integer","rename":0.0,"max":5}}},"options":{},"documents":[{"a":[1]},{"a":[1,9]},{"a":[9,1,2]}]}',
  },
  {
    why: 'flags are booleans to a fresh process',
    request:
      '{"schema":{"x":{"nullable":0}},"options":{},"documents":[{"x":"abc"}]}',
  },
  {
    why: 'and anything equal to one to a process that met the equal rules',
    request:
      '{"before":[{"x":{"nullable":false}}],"schema":{"x":{"nullable":0}},"options":{},"documents":[{"x":"abc"},{"x":null}]}',
  },
  {
    why: 'rules that change documents have no place in *of rules, says a fresh process',
    request:
      '{"schema":{"x":{"allof":[{"type":"container","default":false}]}},"options":{},"documents":[{"x":[]}]}',
  },
  {
    why: 'and takes them once it met the same set of rules elsewhere',
    request:
      '{"before":[{"x":{"valuesrules":{"type":"container","default":false}}}],"schema":{"x":{"allof":[{"type":"container","default":false}]}},"options":{},"documents":[{"x":[]},{"x":1}]}',
  },
  {
    why: 'no schema will do where an option gives rules for unknown fields',
    request:
      '{"schema":null,"options":{"allow_unknown":{"type":"integer"}},"documents":[{"x":1},{"x":"a"},"A"]}',
  },
  { why: 'but not otherwise', request: '{"schema":null,"options":{"allow_unknown":true},"documents":[{"x":1},"A"]}' },
  {
    why: 'sixty-four errors and more, with ties',
    request: `{"schema":{"a":{"type":"list","schema":{"min":5,"max":0,"allowed":[],"forbidden":[1],"anyof":[{"type":"string"},{"min":9}]}}},"options":{},"documents":[{"a":[${'1,'.repeat(70)}2]}]}`,
  },
  {
    why: 'an empty name of a check passes for an empty list of checks, and is not found',
    request:
      '{"schema":{"n":{"type":"list","oneof_check_with":[[],""]}},"options":{},"documents":[{"n":[1]}]}',
  },
  {
    why: 'a set in a message is a copy, in an order of its own',
    request:
      '{"schema":{"v":{"contains":[9007199254740992,1e+308,10000000000000000.0,1e+22]}},"options":{},"documents":[{"v":"abc"},{"v":""},{"v":[1e22]},{"v":{}}]}',
  },
  {
    why: 'and one of more numbers than a small table takes, too',
    request: `{"schema":{"v":{"contains":[${Array.from({ length: 23 }, (_, i) => `${(i * 7919) % 1009}, ${i}e${i + 9}, -${i}.5`).join()}]}},"options":{},"documents":[{"v":"abc"},{"v":""},{"v":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]},{"v":[7919,-1.5]}]}`,
  },
  {
    why: 'a schema inside rules for list items is missed when a mapping meets it',
    request:
      '{"schema":{"a":{"schema":{"meta":{"schema":9007199254740992.0},"excludes":"c","required":true}}},"options":{},"documents":[{"a":{"meta":{}}},{"a":[1]},{"a":1}]}',
  },
  ...['1', 'true', '[1]', '[null]', '[[1]]', '{"a":1}', '{"string":1}', '["a"]'].map((type) => ({
    why: `a type inside such rules that is no name: ${type}`,
    request: `{"schema":{"b":{"schema":{"allowed":{"type":${type}},"forbidden":["z"]}}},"options":{},"documents":[{"b":{"allowed":"x"}}]}`,
  })),
];

export const PATTERNS: readonly { readonly why: string; readonly pattern: string; readonly texts: readonly string[] }[] = [
  { why: 'what is repeated zero times has no width', pattern: '(?<=a(?:b+){0}c)d|.', texts: ['d', 'acd', 'x'] },
  {
    why: 'a category alone does not ignore case',
    pattern: '(?i)\\w',
    texts: ['\u0345', '\u0399', '\u03b9', '\u1fbe', 'a', '-'],
  },
  { why: 'nor a negated one', pattern: '(?i)[^\\W]', texts: ['\u0345', '\u0399', '\u03b9', '\u1fbe', 'a', '-'] },
  {
    why: 'a category beside a letter is asked about the small form',
    pattern: '(?i)[a\\W]',
    texts: ['A', 'a', '\u0345', '\u0399', 'b', '-'],
  },
  {
    why: 'letters that share a capital are alike',
    pattern: '(?i)[\u03b9k\u03c3]',
    texts: ['\u0345', '\u1fbe', '\u0399', '\u212a', '\u03c2', '\u03a3', 'K'],
  },
  {
    why: 'ranges beyond U+FFFF ignore case',
    pattern: '(?i)[\u{10400}-\u{10402}]',
    texts: ['\u{10400}', '\u{10428}', '\u{1042a}', '\u{1042b}'],
  },
  { why: 'a capital beyond U+FFFF matches itself alone', pattern: '(?i)\u{10400}', texts: ['\u{10400}', '\u{10428}'] },
  { why: 'and nothing beside another letter', pattern: '(?i)[a\u{10400}]', texts: ['\u{10400}', '\u{10428}', 'A'] },
  { why: 'a small letter beyond U+FFFF', pattern: '(?i)[a\u{10428}]', texts: ['\u{10400}', '\u{10428}', 'A'] },
  { why: 'a backslash hides the end of a comment’s line', pattern: '(?x)a#b\\\nc\nd', texts: ['a', 'ac', 'acd', 'ad'] },
  { why: 'or the end of a comment in a group', pattern: 'a(?#b\\)c)d', texts: ['ad', 'acd', 'a'] },
  { why: 'so that a group may not end', pattern: '(?x)(a#b\\\n)', texts: ['a'] },
];
