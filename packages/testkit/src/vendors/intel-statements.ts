// TCB info version 3 and enclave identity version 2 for the platforms of the fake Intel, without dates.
import type { PlatformFields } from './intel-pck.ts';

const svns = (list: readonly number[]) => list.map((svn) => ({ svn }));
const sixteen = (...first: number[]) => Array.from({ length: 16 }, (_, i) => first[i] ?? 0);
const zeros = (bytes: number) => '00'.repeat(bytes);
const MODULE = { mrsigner: zeros(48), attributes: zeros(8), attributesMask: 'FF'.repeat(8) };
const DATE = '2024-03-13T00:00:00Z';
const OLD = '2020-01-01T00:00:00Z';

export function tcbInfoOf(of: 'sgx' | 'tdx', { fmspc, pceId, components, pceSvn }: PlatformFields): object {
  const tdx = of === 'tdx';
  const level = (least: number, status: string, date: string, advisoryIDs?: string[]) => ({
    tcb: {
      sgxtcbcomponents: svns(components.map((svn) => Math.min(svn, least))),
      pcesvn: Math.min(pceSvn, 11),
      ...(tdx ? { tdxtcbcomponents: svns(sixteen(5, 0, 2)) } : {}),
    },
    tcbDate: date,
    tcbStatus: status,
    ...(advisoryIDs ? { advisoryIDs } : {}),
  });
  const levels = (tcb: number, status: string, advisoryIDs?: string[]) => ({
    tcb: { isvsvn: tcb },
    tcbDate: DATE,
    tcbStatus: status,
    ...(advisoryIDs ? { advisoryIDs } : {}),
  });
  return {
    id: tdx ? 'TDX' : 'SGX',
    version: 3,
    issueDate: '',
    nextUpdate: '',
    fmspc: fmspc.toUpperCase(),
    pceId,
    tcbType: 0,
    tcbEvaluationDataNumber: 0,
    ...(tdx
      ? {
          tdxModule: MODULE,
          tdxModuleIdentities: [
            {
              id: 'TDX_01',
              ...MODULE,
              tcbLevels: [levels(5, 'UpToDate'), levels(2, 'OutOfDate', ['INTEL-SA-01036'])],
            },
          ],
        }
      : {}),
    tcbLevels: [level(5, 'UpToDate', DATE), level(3, 'OutOfDate', OLD, ['INTEL-SA-00001'])],
  };
}

export function qeIdentityOf(of: 'sgx' | 'tdx', mrsigner: string): object {
  return {
    id: of === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    issueDate: '',
    nextUpdate: '',
    tcbEvaluationDataNumber: 0,
    miscselect: zeros(4),
    miscselectMask: 'FF'.repeat(4),
    attributes: `11${zeros(15)}`,
    attributesMask: `FB${'FF'.repeat(7)}${zeros(8)}`,
    mrsigner: mrsigner.toUpperCase(),
    isvprodid: of === 'tdx' ? 2 : 1,
    tcbLevels: [
      { tcb: { isvsvn: 6 }, tcbDate: DATE, tcbStatus: 'UpToDate' },
      { tcb: { isvsvn: 2 }, tcbDate: OLD, tcbStatus: 'OutOfDate', advisoryIDs: ['INTEL-SA-00615'] },
    ],
  };
}
