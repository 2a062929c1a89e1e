// The steps of docs/protocol.md section 7 as they show between processes, and the points between each pair of them at which
// a process is killed: when its request is under way and nobody has it, or when the answer is there and not yet read.
import { base64urlDecode, utf8Decode } from '@sealroom/bytes';
import { messageUnverified, readStatement } from '@sealroom/contract';
import type { Answer, Exchange } from './proxy.ts';

export const VICTIMS = ['hub', 'ledger', 'vault', 'node', 'room'] as const;
export type Victim = (typeof VICTIMS)[number];

export type Moment = 'before' | 'after';
export type Point = {
  readonly step: string;
  readonly moment: Moment;
  readonly victim: Victim;
  /** The room whose run it is dies with the victim, so that nobody is left to say it again. */
  readonly also?: 'room';
};

/** Each step with the processes worth killing at it: who asks, who answers, and who waits for both. */
const STEPS: Readonly<{ [step: string]: readonly Victim[] }> = {
  'hub appends contract.signed': ['hub', 'ledger'],
  'hub appends run.requested': ['hub', 'ledger'],
  'hub appends run.approved': ['hub', 'ledger'],
  'hub follows the ledger': ['hub', 'ledger'],
  'node takes work': ['node', 'hub'],
  'room asks for a challenge': ['room', 'vault', 'node'],
  'room asks for its keys': ['room', 'vault', 'node', 'ledger'],
  'vault follows the ledger': ['vault', 'ledger'],
  'vault appends key.reserved': ['vault', 'ledger', 'room', 'node'],
  'room tells Run Initiated': ['room', 'hub', 'node'],
  'room tells Runtime Build': ['room', 'hub'],
  'room tells Workload Launch': ['room', 'hub', 'node'],
  'room tells Run': ['room', 'hub', 'node'],
  'room asks for clearance': ['room', 'vault', 'node'],
  'vault appends output.cleared': ['vault', 'ledger', 'room'],
  'room uploads': ['room', 'hub', 'ledger', 'node'],
  'hub appends run.finished': ['hub', 'ledger', 'room'],
  'room tells Run Completed': ['room', 'hub'],
  'node reports a lost room': ['node', 'hub'],
};

const BOTH = ['before', 'after'] as const;

/** Two at once: the ledger has or has not the end of a run, and neither the hub nor its room can tell. */
const TOGETHER: readonly Point[] = BOTH.map((moment) => ({
  step: 'hub appends run.finished',
  moment,
  victim: 'hub',
  also: 'room',
}));

export const POINTS: readonly Point[] = [
  ...Object.entries(STEPS).flatMap(([step, victims]) =>
    BOTH.flatMap((moment) => victims.map((victim) => ({ step, moment, victim }))),
  ),
  ...TOGETHER,
];

export function pointText({ step, moment, victim, also }: Point): string {
  return `${victim}${also === undefined ? '' : ` and ${also}`} ${moment} "${step}"`;
}

async function appended(body: Uint8Array): Promise<string> {
  return (await readStatement(body)).type;
}

function bodyJson(body: Uint8Array): { readonly [name: string]: unknown } {
  return JSON.parse(utf8Decode(body)) as { readonly [name: string]: unknown };
}

const VAULT_CALLS: Readonly<{ [path: string]: string }> = {
  '/v1/challenge': 'room asks for a challenge',
  '/v1/releases': 'room asks for its keys',
  '/v1/finish': 'room asks for clearance',
};

function hubStep({ path, body }: Exchange): string | undefined {
  if (path.endsWith('/upload')) return 'room uploads';
  if (!path.endsWith('/events')) return undefined;
  const event = base64urlDecode(String(bodyJson(body)['event']));
  return `room tells ${messageUnverified('room-event', event).stage}`;
}

/** The step that an exchange is. @param answer what it brought, where it is here already */
export async function stepOf(exchange: Exchange, answer?: Answer): Promise<string | undefined> {
  const { link, method, path, body } = exchange;
  const [caller = '', callee = ''] = link.split('→');
  if (callee === 'ledger') {
    const who = caller.startsWith('vault') ? 'vault' : caller;
    if (method === 'POST' && path === '/entries') return `${who} appends ${await appended(body)}`;
    return path === '/checkpoint' || path.startsWith('/tile/') ? `${who} follows the ledger` : undefined;
  }
  if (callee.startsWith('vault')) return VAULT_CALLS[path];
  if (path === '/v1/node/work') {
    // Until the answer is here nobody knows whether there is work.
    const gives = answer !== undefined && answer.status === 200 && bodyJson(answer.body)['work'] !== null;
    return answer === undefined || gives ? 'node takes work' : undefined;
  }
  if (path.startsWith('/v1/node/runs/')) return 'node reports a lost room';
  return hubStep(exchange);
}
