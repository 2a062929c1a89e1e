// Tokens of Google's Confidential Space: the launcher beside the container speaks HTTP over a Unix socket, and fetches a token
// over one nonce, the hexadecimal form of B. The token is not verified here. What the operator set at the start (the
// variable that names the manifest) cannot be changed from here.
import { base64urlEncode, hexEncode, utf8Encode } from '@sealroom/bytes';
import { askHttp } from './ask-http.ts';
import { ProviderError } from './error.ts';
import type { EvidenceProvider } from './provider.ts';

export const LAUNCHER_SOCKET = '/run/container_launcher/teeserver.sock';

export type ConfidentialSpaceOptions = {
  readonly socketPath?: string;
  /** `aud` of the token, as the contract's entry names it. */
  readonly audience: string;
  /** PKI tokens bring their chain under Google's root; OIDC tokens are under Google's published keys. */
  readonly tokenType?: 'PKI' | 'OIDC';
  readonly timeoutMs?: number;
};

const LARGEST = 64 * 1024;
const LONGEST_AUDIENCE = 512;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

async function tokenOf(body: string, socketPath: string, timeoutMs: number): Promise<string> {
  const answer = await askHttp({
    who: 'The launcher of Confidential Space',
    where: { socketPath, path: '/v1/token', method: 'POST' },
    body,
    largest: LARGEST,
    timeoutMs,
  });
  if (answer.status !== 200)
    throw new ProviderError('provider/refused', `The launcher gave no token (status ${answer.status}).`);
  const token = answer.text.trim();
  if (!JWT.test(token)) throw new ProviderError('provider/malformed', 'What the launcher gave is no token.');
  return token;
}

/** @throws ProviderError when the audience is none */
export function confidentialSpace(options: ConfidentialSpaceOptions): EvidenceProvider {
  const { socketPath = LAUNCHER_SOCKET, audience, tokenType = 'PKI', timeoutMs = 60_000 } = options;
  if (audience === '' || audience.length > LONGEST_AUDIENCE)
    throw new ProviderError('provider/refused', 'A token needs an audience of 1 to 512 characters.');
  const technology = 'gcp-confidential-space' as const;
  return {
    name: 'confidential-space',
    technology,
    async provide(reportData) {
      const body = JSON.stringify({ audience, token_type: tokenType, nonces: [hexEncode(reportData)] });
      const token = await tokenOf(body, socketPath, timeoutMs);
      return { technology, body: base64urlEncode(utf8Encode(token)) };
    },
  };
}
