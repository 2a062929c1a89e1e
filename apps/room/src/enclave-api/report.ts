// Reads the bodies of /validate, /report and /log: strict JSON, the manual's members, the ids of this run. Refusals name a
// member of the manual and never repeat a value. What may leave is not judged here.
import { BytesError, type Json, type JsonObject, parseStrictJson } from '@sealroom/bytes';
import type { EnclaveApiOptions, ReportStatus } from './types.ts';

export type Messages = Readonly<Record<string, readonly string[]>>;

export type ReadReport = {
  readonly name: string;
  readonly status: ReportStatus | undefined;
  readonly data: Json;
  readonly schema: JsonObject | undefined;
};

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly messages: Messages };

const STATUSES: readonly ReportStatus[] = ['In Progress', 'Completed', 'Failed'];
const MAX_NAME_LENGTH = 200;

function refuse(field: string, message: string): { ok: false; messages: Messages } {
  return { ok: false, messages: { [field]: [message] } };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// R's jsonlite writes a scalar as an array of length 1 unless told otherwise, and NULL as an empty object or array.
function unboxed(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.length === 1 ? value[0] : value;
  return isEmpty(value) ? undefined : value;
}

function isEmpty(value: Json | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function strict(input: string | Uint8Array): Json | undefined {
  try {
    return parseStrictJson(input, { fractions: true });
  } catch (cause) {
    if (cause instanceof BytesError) return undefined;
    throw cause;
  }
}

function readBody(body: Uint8Array): Read<JsonObject> {
  const value = strict(body);
  if (isObject(value)) return { ok: true, value };
  return refuse('body', 'The body must be one JSON object without duplicate members, NaN or Infinity.');
}

/** A string is base64 of JSON text; anything else is the value itself. */
function readData(sent: Json | undefined): Read<Json> {
  const [only] = Array.isArray(sent) && sent.length === 1 ? sent : [];
  const value = typeof only === 'string' ? only : sent;
  if (value === undefined || value === null) return refuse('json_data', 'required field');
  if (typeof value !== 'string') return { ok: true, value };
  const text = value.replace(/[\r\n]/g, '');
  const canonical = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  const data = canonical ? strict(new Uint8Array(Buffer.from(text, 'base64'))) : undefined;
  if (data !== undefined) return { ok: true, value: data };
  return refuse('json_data', 'A string must be the base64 form of JSON text.');
}

function readStatus(value: Json | undefined): Read<ReportStatus | undefined> {
  const plain = unboxed(value);
  if (plain === undefined || plain === null) return { ok: true, value: undefined };
  const status = STATUSES.find((known) => known === plain);
  if (status !== undefined) return { ok: true, value: status };
  return refuse('status', `must be one of ${STATUSES.map((known) => `"${known}"`).join(', ')}`);
}

// Absent, null and empty are what an environment variable that is not set turns into.
function foreignId(body: JsonObject, ids: EnclaveApiOptions['ids']): string | undefined {
  const expected = { project: ids.project, run_configuration: ids.runConfiguration, run: ids.run };
  return Object.entries(expected).find(([field, id]) => {
    const sent = unboxed(body[field]);
    return sent !== undefined && sent !== null && sent !== '' && sent !== id;
  })?.[0];
}

/** Reads a Report; `needsStatus` for /report, where it decides what happens. */
export function readReport(
  bytes: Uint8Array,
  ids: EnclaveApiOptions['ids'],
  needsStatus: boolean,
): Read<ReadReport> {
  const body = readBody(bytes);
  if (!body.ok) return body;
  const name = unboxed(body.value['name']);
  if (typeof name !== 'string' || name.length === 0 || name.length > MAX_NAME_LENGTH) {
    return refuse('name', `must be a string of 1 to ${MAX_NAME_LENGTH} characters`);
  }
  const status = readStatus(body.value['status']);
  if (!status.ok) return status;
  if (needsStatus && status.value === undefined) return refuse('status', 'required field');
  const foreign = foreignId(body.value, ids);
  if (foreign !== undefined) return refuse(foreign, 'is not the id of this run');
  const sent = body.value['json_schema'] ?? undefined;
  // An empty schema would refuse every report; it is what R's NULL turns into.
  const schema = isEmpty(sent) ? undefined : sent;
  if (schema !== undefined && !isObject(schema)) return refuse('json_schema', 'must be an object');
  const data = readData(body.value['json_data']);
  if (!data.ok) return data;
  return { ok: true, value: { name, status: status.value, data: data.value, schema } };
}

/** Reads LogData: `message`, and `status` if there is one. */
export function readLog(
  bytes: Uint8Array,
): Read<{ readonly message: string; readonly status: ReportStatus | undefined }> {
  const body = readBody(bytes);
  if (!body.ok) return body;
  const message = unboxed(body.value['message']);
  if (typeof message !== 'string') return refuse('message', 'must be a string');
  const status = readStatus(body.value['status']);
  if (!status.ok) return status;
  return { ok: true, value: { message, status: status.value } };
}
