// All families. They are loaded when they are asked for, so that coverage can begin before the sources are there.
import type { Family } from '../engine/target.ts';

export const FAMILIES = {
  json: async (): Promise<Family> => (await import('./json.ts')).jsonFamily(),
  cose: async (): Promise<Family> => (await import('./cose.ts')).coseFamily(),
  seal: async (): Promise<Family> => (await import('./seal.ts')).sealFamily(),
  tlog: async (): Promise<Family> => (await import('./tlog.ts')).tlogFamily(),
  criteria: async (): Promise<Family> => (await import('./criteria.ts')).criteriaFamily(),
  receipts: async (): Promise<Family> => (await import('./receipts.ts')).receiptsFamily(),
  attest: async (): Promise<Family> => (await import('./attest.ts')).attestFamily(),
  host: async (): Promise<Family> => (await import('./host.ts')).hostFamily(),
} as const;

export type FamilyName = keyof typeof FAMILIES;
export const FAMILY_NAMES = Object.keys(FAMILIES) as FamilyName[];

export function isFamily(name: string): name is FamilyName {
  return Object.hasOwn(FAMILIES, name);
}
