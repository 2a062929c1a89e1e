import { expect, test } from 'vitest';
import { parseCriteria } from './criteria.ts';
import { unboxScalars } from './unbox.ts';
import { validate } from './validate.ts';
import { readValue, writeValue } from './value.ts';

const criteria = parseCriteria(
  '{"r":{"type":"dict","schema":{"v":{"type":"float"},"l":{"type":"list","schema":{"type":"integer"}},' +
    '"d":{"type":"dict","valuesrules":{"type":["string","boolean"]}},"u":{},"m":{"type":["list","integer"]}}}}',
);

test('scalars come out of lists of length 1 where the criteria ask for scalars, and nowhere else', () => {
  const report = readValue(
    '{"r":{"v":[0.5],"l":[1],"d":{"a":["x"]},"u":[1],"m":[1],"foreign":[1]},"foreign":[1]}',
  );
  expect(writeValue(unboxScalars(criteria, report))).toBe(
    '{"r":{"v":0.5,"l":[1],"d":{"a":"x"},"u":[1],"m":[1],"foreign":[1]},"foreign":[1]}',
  );
  expect(validate(criteria, unboxScalars(criteria, readValue('{"r":{"v":[0.5]}}'))).outcome).toBe('valid');
});

test('lists of other lengths, and reports that are no object, stay as they are', () => {
  for (const text of ['{"r":{"v":[],"l":[[1]]}}', '{"r":{"v":[1,2]}}', '[1]', 'null']) {
    expect(writeValue(unboxScalars(criteria, readValue(text))).replaceAll(' ', '')).toBe(
      text === '{"r":{"v":[],"l":[[1]]}}' ? '{"r":{"v":[],"l":[1]}}' : text,
    );
  }
});
