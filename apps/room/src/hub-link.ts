// What the room says to the hub, signed by its own key. The hub believes the key because a vault's answer names it.
import { hubRoutes } from '@sealroom/api';
import { base64urlEncode, type Bytes, type Digest, sha256Digest } from '@sealroom/bytes';
import { call, type Fetch } from '@sealroom/client';
import { createMessage, type MessageOf } from '@sealroom/contract';
import type { Signer } from '@sealroom/cose';
import type { GateSeen } from './gate-seen.ts';

export type Stage = MessageOf<'room-event'>['stage'];

/**
 * Why a run failed, as far as others may know: before foreign code ran (its assets did not open, its package cannot be
 * started), or because the algorithm brought no report that passes.
 */
export type FailureCode = 'room/staging' | 'room/package' | 'room/no-report';

export type HubLink = {
  /** Proves the room with a vault's answer and tells the first stage. */
  introduce(answer: string, reservation: string): Promise<void>;
  /** @param detail a code of this house; never anything the algorithm or the data can choose beyond one bit */
  tell(stage: Stage, detail?: FailureCode | GateSeen): Promise<void>;
  upload(parts: {
    sealed: Bytes | null;
    envelope: Bytes | null;
    statement: Bytes;
    statementDigest: Digest;
    receiptParts: Bytes;
  }): Promise<void>;
};

export async function createHubLink(
  hubUrl: string,
  { run, signer, fetch, now }: { run: Digest; signer: Signer; fetch: Fetch; now: () => number },
): Promise<HubLink> {
  const service = { baseUrl: hubUrl, fetch };
  const { origin } = await call(service, hubRoutes.describe, {});
  let sequence = 0;
  const event = async (stage: Stage, detail: FailureCode | GateSeen | null = null): Promise<string> => {
    const payload = { run, sequence: sequence++, stage, detail };
    return base64urlEncode(
      await createMessage(signer, { name: 'room-event', payload, audience: origin, now: now() }),
    );
  };
  return {
    introduce: async (answer, reservation) => {
      await call(service, hubRoutes.roomEvent, {
        params: { run },
        body: { event: await event('Run Initiated'), answer, reservation },
      });
    },
    tell: async (stage, detail) => {
      await call(service, hubRoutes.roomEvent, {
        params: { run },
        body: { event: await event(stage, detail) },
      });
    },
    upload: async ({ sealed, envelope, statement, statementDigest, receiptParts }) => {
      const nothing = await sha256Digest();
      const payload = {
        run,
        sealed: sealed ? await sha256Digest(sealed) : nothing,
        envelope: envelope ? await sha256Digest(envelope) : nothing,
        statement: statementDigest,
      };
      const message = await createMessage(signer, {
        name: 'room-upload',
        payload,
        audience: origin,
        now: now(),
      });
      await call(service, hubRoutes.roomUpload, {
        params: { run },
        body: {
          upload: base64urlEncode(message),
          sealed: sealed && base64urlEncode(sealed),
          envelope: envelope && base64urlEncode(envelope),
          statement: base64urlEncode(statement),
          parts: base64urlEncode(receiptParts),
        },
      });
    },
  };
}
