// Targets for the statements and messages that stand in COSE messages.
import { type Bytes, bytesEqual, canonicalBytes, digestString, sha256, sha256Digest } from '@sealroom/bytes';
import {
  type MessageName,
  messageSignerUnverified,
  messageUnverified,
  readStatement,
  verifyMessage,
} from '@sealroom/contract';
import { decodeSign1, type KeyText } from '@sealroom/cose';
import { expect, judge, judgeAsync, type Target } from '../engine/target.ts';
import { contract, READ_STATEMENT } from './codes.ts';
import { DOCUMENT_WORDS } from './genuine.ts';

export const CBOR_WORDS = [
  '\u00d2\u0084',
  'Signature1',
  'Signature',
  'application/sealroom.run.approved+json',
];

export const isGenuine = (input: Uint8Array, list: readonly { readonly bytes: Uint8Array }[]): boolean =>
  list.some(({ bytes }) => bytesEqual(bytes, input));

export const statementTarget: Omit<Target, 'seeds'> = {
  name: 'contract.readStatement',
  covers: ['contract/readStatement'],
  form: 'cbor',
  words: [...CBOR_WORDS, ...DOCUMENT_WORDS],
  run: (input) =>
    judgeAsync(
      contract(...READ_STATEMENT),
      () => readStatement(input),
      async (statement) => {
        expect(bytesEqual(statement.bytes, input), 'round-trip', 'It gives other bytes back.');
        expect(
          bytesEqual(canonicalBytes(statement.payload), statement.payloadBytes),
          'round-trip',
          'Its payload says more than was read.',
        );
        expect(
          statement.digest === (await sha256Digest(statement.payloadBytes)),
          'round-trip',
          'Its digest is another.',
        );
        expect(
          statement.coseDigest === digestString(await sha256(input)),
          'round-trip',
          'Its COSE digest is another.',
        );
        return statement.type;
      },
    ),
};

type Message = { readonly name: MessageName; readonly bytes: Bytes };

export const messageTarget = (genuine: readonly Message[]): Target => ({
  name: 'contract.messageUnverified',
  covers: ['contract/messageUnverified', 'contract/messageSignerUnverified'],
  form: 'cbor',
  words: [...CBOR_WORDS, ...DOCUMENT_WORDS],
  seeds: genuine.map(({ bytes }) => bytes),
  run: (input) => {
    const signer = judge(
      contract('statement/malformed'),
      () => messageSignerUnverified(input),
      () => undefined,
    );
    let last = signer;
    for (const { name } of genuine) {
      last = judge(
        contract('statement/malformed'),
        () => messageUnverified(name, input),
        (payload) => {
          expect(signer.accepted, 'disagreement', 'It has a payload but no signer.');
          expect(
            bytesEqual(canonicalBytes(payload), decodeSign1(input).payload),
            'round-trip',
            'Its payload says more than was read.',
          );
          return name;
        },
      );
      if (last.accepted) return last;
    }
    return last;
  },
});

export const verifyMessageTarget = (genuine: readonly Message[], key: KeyText, audience: string): Target => ({
  name: 'contract.verifyMessage',
  covers: ['contract/verifyMessage'],
  form: 'cbor',
  words: [...CBOR_WORDS, ...DOCUMENT_WORDS],
  seeds: genuine.map(({ bytes }) => bytes),
  run: async (input) => {
    let outcome = { accepted: false, note: '' };
    for (const { name } of genuine) {
      outcome = await judgeAsync(
        contract('statement/malformed', 'statement/bad-signature', 'statement/wrong-signer'),
        () => verifyMessage(name, input, { key, audience }),
        () => name,
      );
      if (outcome.accepted || !outcome.note.includes('malformed')) break;
    }
    if (outcome.accepted)
      expect(isGenuine(input, genuine), 'false-accept', 'A message passes that nobody signed.');
    return outcome;
  },
});
