// The hub's two secrets, each 32 bytes in a 0600 file of its own, made at the first start.
import { base64urlDecode, base64urlEncode, type Bytes, utf8Decode } from '@sealroom/bytes';
import { generateSecret } from '@sealroom/cose';
import { codeOf, readSecretFile, writeFileAtomic } from '@sealroom/host';

/** @throws file/not-private when others may read the file; bytes/bad-base64url when it is not what was written */
export async function openSecret(path: string): Promise<Bytes> {
  try {
    return base64urlDecode(utf8Decode(readSecretFile(path)).trim());
  } catch (error) {
    if (codeOf(error) !== 'file/missing') throw error;
  }
  const secret = generateSecret();
  await writeFileAtomic(path, `${base64urlEncode(secret)}\n`, 0o600);
  return secret;
}
