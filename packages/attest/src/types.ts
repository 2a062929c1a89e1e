// What every technology shares: evidence as it travels, claims as the hardware signed them, a policy entry as a contract
// writes it, and the result of holding one against the other. Parse gives a typed value, verify says who signed it,
// appraise says whether it is acceptable; time, anchors and policy are arguments.
import type { Bytes, Digest } from '@sealroom/bytes';
import type { KeyText } from '@sealroom/cose';

/** Technologies a room can prove itself with. Genuine vendors get their own folders; `simulated` proves nothing about hardware. */
export type Technology = 'simulated';

/** Evidence as it travels: base64url of the technology's own bytes. */
export type Evidence = { readonly technology: Technology; readonly body: string };

/** Only what the evidence's signer signed. */
export type Claims = {
  readonly technology: Technology;
  readonly hardware: boolean;
  readonly debug: boolean;
  /** The code: launch digest of the room program. */
  readonly launch: string;
  /** 32 bytes that name the run, fixed at launch: SHA-256 of the manifest. */
  readonly hostData: Bytes;
  /** 32 bytes that bind nonces, room keys and manifest. */
  readonly reportData: Bytes;
  /** The chip or, for a simulated room, the thumbprint of the node's simulator key. */
  readonly platform: string;
};

/** One entry of a contract's `room.accept` for simulated rooms. Every field is needed; an empty list accepts nothing. */
export type AcceptSimulated = {
  readonly technology: 'simulated';
  readonly keys: readonly KeyText[];
  readonly launch: readonly Digest[];
  readonly hostData: 'manifest';
};

export type Accept = AcceptSimulated;

/** What the report must bind. */
export type Binding = { readonly reportData: Uint8Array; readonly hostData: Uint8Array };

export type CheckId = 'authentic' | 'technology' | 'debug' | 'code' | 'run' | 'binding' | 'platform';
export type Check = { readonly id: CheckId; readonly outcome: 'pass' | 'fail'; readonly detail: string };

/** All checks of all matching policy entries' best attempt; `affirmed` only when none failed. */
export type Appraisal = {
  readonly verdict: 'affirmed' | 'refused';
  readonly checks: readonly Check[];
  readonly claims: Claims | undefined;
};
