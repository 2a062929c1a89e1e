import { base64urlEncode } from '@sealroom/bytes';
import { expect, test } from 'vitest';
import { keyOf } from './fields.ts';

// Found by fuzzing: the check of the curve threw where the check of the key had only failed.
test.each(['', 'AA', base64urlEncode(new Uint8Array(40)), 'no key at all', 'a'.repeat(300)])(
  'a text that is no key is refused, not thrown about: %j',
  (text) => {
    expect(keyOf('X25519').safeParse(text).success).toBe(false);
    expect(keyOf('Ed25519').safeParse(text).success).toBe(false);
  },
);

test('a key of another curve is refused', () => {
  const signing = 'owEBIAYhWCCKiOPddAnxlf1S2y08ul1yymcJvx2UEhvzdIgBtA9vXA';
  expect(keyOf('Ed25519').safeParse(signing).success).toBe(true);
  expect(keyOf('X25519').safeParse(signing).success).toBe(false);
});
