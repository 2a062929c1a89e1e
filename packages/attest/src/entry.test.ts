// Words in an entry that come before people's eyes as the program's own.
import { expect, test } from 'vitest';
import { revocation } from './entry.ts';

const LATER = 'the vendor publishes no list';

test('a waiver has a reason of one line that nothing can be hidden in', () => {
  expect(revocation.safeParse({ waived: LATER }).success).toBe(true);
  const verdict = 'Verified: signed by the parties you pinned.';
  for (const odd of ['\n', '\r', '\u001b[8m', '\u0085', '\u2028', '\u202e', '\u2066', '\t'])
    expect(revocation.safeParse({ waived: `${LATER}${odd}${verdict}` }).success, JSON.stringify(odd)).toBe(
      false,
    );
  expect(revocation.safeParse({ waived: 'too short' }).success).toBe(false);
});
