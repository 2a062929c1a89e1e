// Launch measurements of images: what evidence will say of them. Apart from index.ts, since whoever verifies evidence needs none.
export { measureSnp, type SnpLaunch } from './sev-snp/measure/measure.ts';
export { PROCESSOR_NAMES, type ProcessorName } from './sev-snp/measure/processors.ts';
export { type Hypervisor, HYPERVISORS } from './sev-snp/measure/vmsa.ts';
export { parseEventLog, replayEventLog, type TdEvent } from './tdx/measure/event-log.ts';
export { measureMrTd, type PageOrder } from './tdx/measure/mrtd.ts';
export { type AcpiTables, type DirectBoot, measureRegisters } from './tdx/measure/registers.ts';
