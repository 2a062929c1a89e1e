// Signed statements of Intel's provisioning service (PCS, version 4 of its API): TCB info version 3 and enclave identity
// version 2. The signature is over the exact text of the member, so that text is kept and read again by the strict reader.
// Nothing is authenticated here. Unknown members are allowed, unknown versions, identities and statuses are not.
import { type Bytes, parseStrictJson } from '@sealroom/bytes';
import { z } from 'zod';
import { timeOf } from './text.ts';

/** Statuses as Intel names them (`Revoked` never is acceptable, so that no policy can name it). */
export const STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
] as const;
export type TcbStatus = (typeof STATUSES)[number] | 'Revoked';

/** A signed text and its signature. */
export type Signed = { readonly text: string; readonly signature: Bytes };

const status = z.enum([...STATUSES, 'Revoked']);
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`))
    .transform((text) => text.toLowerCase());
const time = z.string().transform((text, context) => {
  const at = timeOf(text);
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: 'not a time' });
  return z.NEVER;
});
const number = z.int().min(0).max(65_535);
const advisories = z.array(z.string().max(64)).max(512).default([]);
const components = z.array(z.object({ svn: z.int().min(0).max(255) })).length(16);
const svnLevel = z.object({
  tcb: z.object({ isvsvn: number }),
  tcbDate: time,
  tcbStatus: status,
  advisoryIDs: advisories,
});
const levels = <T extends z.ZodType>(level: T) => z.array(level).min(1).max(256);
const window = { issueDate: time, nextUpdate: time, tcbEvaluationDataNumber: z.int().min(0) };
const module = { mrsigner: hex(48), attributes: hex(8), attributesMask: hex(8) };

const tcbInfoCommon = {
  version: z.literal(3),
  ...window,
  fmspc: hex(6),
  pceId: hex(2),
  tcbType: z.literal(0),
};
const sgxTcb = { sgxtcbcomponents: components, pcesvn: number };
const level = { tcbDate: time, tcbStatus: status, advisoryIDs: advisories };

const sgxTcbInfo = z.object({
  id: z.literal('SGX'),
  ...tcbInfoCommon,
  tcbLevels: levels(z.object({ tcb: z.object(sgxTcb), ...level })),
});

const tdxTcbInfo = z.object({
  id: z.literal('TDX'),
  ...tcbInfoCommon,
  tdxModule: z.object(module),
  tdxModuleIdentities: z
    .array(z.object({ id: z.string().regex(/^TDX_[0-9A-F]{2}$/), ...module, tcbLevels: levels(svnLevel) }))
    .max(64)
    .default([]),
  tcbLevels: levels(z.object({ tcb: z.object({ ...sgxTcb, tdxtcbcomponents: components }), ...level })),
});

const qeIdentity = z.object({
  id: z.enum(['QE', 'TD_QE']),
  version: z.literal(2),
  ...window,
  miscselect: hex(4),
  miscselectMask: hex(4),
  attributes: hex(16),
  attributesMask: hex(16),
  mrsigner: hex(32),
  isvprodid: number,
  tcbLevels: levels(svnLevel),
});

const tcbInfo = z.discriminatedUnion('id', [sgxTcbInfo, tdxTcbInfo]);

export type TcbInfo = z.infer<typeof tcbInfo>;
export type TdxTcbInfo = z.infer<typeof tdxTcbInfo>;
export type ModuleIdentity = TdxTcbInfo['tdxModuleIdentities'][number];
export type QeIdentity = z.infer<typeof qeIdentity>;
export type SvnLevel = z.infer<typeof svnLevel>;

function read<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(parseStrictJson(text)).data;
  } catch {
    return undefined;
  }
}

/** undefined when the text is no TCB info of a version that is known here. */
export function parseTcbInfo(text: string): TcbInfo | undefined {
  return read(text, tcbInfo);
}

/** undefined when the text is no enclave identity of a version that is known here. */
export function parseQeIdentity(text: string): QeIdentity | undefined {
  return read(text, qeIdentity);
}
