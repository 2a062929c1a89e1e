// Fingerprints for people to compare by voice or on paper. A digest's 32 bytes are 16 words of five letters (proquints,
// arXiv:0901.4016: 16 bits a word, consonant-vowel-consonant-vowel-consonant) or 16 groups of four hexadecimal digits.
import { type Digest, digestBytes } from '@sealroom/bytes';

const CONSONANTS = 'bdfghjklmnprstvz';
const VOWELS = 'aiou';

function word(bits: number): string {
  const consonant = (shift: number) => CONSONANTS[(bits >> shift) & 15] ?? '';
  const vowel = (shift: number) => VOWELS[(bits >> shift) & 3] ?? '';
  return consonant(12) + vowel(10) + consonant(6) + vowel(4) + consonant(0);
}

/** @throws bytes/bad-digest */
export function fingerprintWords(digest: Digest): string {
  const bytes = digestBytes(digest);
  const view = new DataView(bytes.buffer);
  return Array.from({ length: 16 }, (_, at) => word(view.getUint16(2 * at))).join('-');
}

/** @throws bytes/bad-digest */
export function fingerprintGroups(digest: Digest): string {
  digestBytes(digest);
  return digest.slice('sha256:'.length).match(/.{4}/g)?.join(' ') ?? '';
}
