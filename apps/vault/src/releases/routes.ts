import { vaultRoutes } from '@sealroom/api';
import { base64urlDecode, base64urlEncode } from '@sealroom/bytes';
import { createMessage } from '@sealroom/contract';
import { generateSecret } from '@sealroom/cose';
import { type App, mount } from '@sealroom/host';
import { timeText, type Vault } from '../context.ts';
import { finish } from './finish.ts';
import { release } from './release.ts';

const CHALLENGE_MS = 60_000;

/**
 * Challenge, release and finish (docs/protocol.md sections 7 and 8). A challenge is signed, so nothing is kept of it
 * until a room brings it back: strangers who ask for many cost no memory.
 */
export function mountReleases(app: App, vault: Vault): void {
  mount(app, vaultRoutes.challenge, async () => {
    const now = vault.timing.clock();
    const expiresAt = now + CHALLENGE_MS;
    const nonce = base64urlEncode(generateSecret());
    const payload = { nonce, expiresAt: timeText(expiresAt) };
    const head = { name: 'challenge' as const, payload, audience: 'room', now };
    return { challenge: base64urlEncode(await createMessage(vault.identity.signer, head)) };
  });
  mount(app, vaultRoutes.release, async ({ body }) => {
    const { answer, reservation, collateral } = await release(vault, {
      run: body.run,
      room: body.room,
      manifest: base64urlDecode(body.manifest),
      challenges: body.challenges.map((text) => base64urlDecode(text)),
      evidence: body.evidence,
      statements: body.statements.map((text) => base64urlDecode(text)),
    });
    return {
      answer: base64urlEncode(answer),
      reservation: base64urlEncode(reservation),
      collateral: [...collateral],
    };
  });
  mount(app, vaultRoutes.finish, async ({ body }) => {
    const { statement, index, proof } = await finish(vault, base64urlDecode(body.request));
    return { statement: base64urlEncode(statement), index, proof };
  });
}
