import { parseStrictJson } from '@sealroom/bytes';
import { expect, it } from 'vitest';
import { BAD_JSON } from './bad-json.ts';

it.each(BAD_JSON)('the strict reader refuses %s', (_, body) => {
  expect(() => parseStrictJson(body)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^(?:json|bytes)\//) as string }),
  );
});

it('there are enough of them to tell', () => {
  expect(BAD_JSON.length).toBeGreaterThan(20);
});
