// The recovery code of an identity: 128 random bits as 26 letters and digits (Crockford's base32, which has no I, L, O or U)
// and two that tell a slip of the pen, in groups of four.
import { createHash } from 'node:crypto';
import { CliError } from '../error.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_BITS = 128;
const LETTERS = 26;

function lettersOf(value: bigint, count: number): string {
  return Array.from(
    { length: count },
    (_, at) => ALPHABET[Number((value >> BigInt(5 * (count - 1 - at))) & 31n)],
  ).join('');
}

function checkLetters(secret: Uint8Array): string {
  const hash = createHash('sha256').update('sealroom/recovery-code/v1').update(secret).digest();
  return lettersOf(BigInt(hash.readUInt16BE(0) >> 6), 2);
}

/** @param secret 16 bytes */
export function formatRecoveryCode(secret: Uint8Array): string {
  const value = BigInt(`0x${Buffer.from(secret).toString('hex')}`);
  const letters = lettersOf(value, LETTERS) + checkLetters(secret);
  return letters.match(/.{4}/g)?.join('-') ?? '';
}

/** The 16 bytes behind a code as a person typed it. @throws cli/locked when it cannot be right */
export function parseRecoveryCode(text: string): Uint8Array {
  const wrong = () =>
    new CliError('cli/locked', 'This is not a recovery code: a letter is wrong or missing.', {
      exit: 1,
      next: 'Compare it with what you wrote down; it has seven groups of four.',
    });
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
  if (letters.length !== LETTERS + 2) throw wrong();
  let value = 0n;
  for (const letter of letters.slice(0, LETTERS)) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) throw wrong();
    value = value * 32n + BigInt(digit);
  }
  if (value >> BigInt(SECRET_BITS) !== 0n) throw wrong();
  const secret = new Uint8Array(Buffer.from(value.toString(16).padStart(SECRET_BITS / 4, '0'), 'hex'));
  if (formatRecoveryCode(secret).replaceAll('-', '') !== letters) throw wrong();
  return secret;
}
