// JSON that readers take apart, or choke on: what each door must refuse before it looks at what a body says.
import { type Bytes, concat, utf8Encode } from '@sealroom/bytes';

const deep = (open: string, close: string): string => open.repeat(10_000) + close.repeat(10_000);

/** Each with what is wrong about it. None is JSON that two strict readers agree on. */
export const BAD_JSON: readonly (readonly [what: string, body: Bytes])[] = (
  [
    ['a member twice', '{"a":1,"a":2}'],
    ['a member twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a member twice, deep inside', '{"a":{"b":[{"c":1,"c":1}]}}'],
    ['not a number', '{"a":NaN}'],
    ['infinity', '{"a":-Infinity}'],
    ['a number beyond all floats', '{"a":1e400}'],
    ['an integer beyond 2^53', '{"a":9007199254740993}'],
    ['an integer of a thousand digits', `{"a":${'9'.repeat(1000)}}`],
    ['a leading zero', '{"a":01}'],
    ['a leading plus', '{"a":+1}'],
    ['hexadecimal', '{"a":0x10}'],
    ['ten thousand arrays', `{"a":${deep('[', ']')}}`],
    ['ten thousand objects', deep('{"a":', '}').replace('{"a":}', '{"a":1}')],
    ['half a surrogate pair', '{"a":"\\ud800"}'],
    ['a control character', '{"a":"\u0001"}'],
    ['a byte order mark', '\ufeff{"a":1}'],
    ['a comment', '{"a":1}//'],
    ['a comma too many', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['two values', '{"a":1}{"a":1}'],
    ['a value cut short', '{"a":'],
    ['nothing', ''],
  ] as const
)
  .map(([what, text]): readonly [string, Bytes] => [what, utf8Encode(text)])
  .concat([
    ['bytes that are no UTF-8', concat(utf8Encode('{"a":"'), Uint8Array.of(0xc0, 0xaf), utf8Encode('"}'))],
  ]);
