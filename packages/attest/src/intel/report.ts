// The SGX report body (384 bytes), which enclaves and quoting enclaves have alike (Intel SDM volume 3D, table 38-21).
import { type Bytes, Reader, isZero } from '@sealroom/bytes';
import { AttestError } from '../error.ts';

export type SgxReport = {
  readonly cpuSvn: Bytes;
  readonly miscSelect: Bytes;
  readonly isvExtProdId: Bytes;
  readonly attributes: Bytes;
  readonly mrEnclave: Bytes;
  readonly mrSigner: Bytes;
  readonly configId: Bytes;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly configSvn: number;
  readonly isvFamilyId: Bytes;
  readonly reportData: Bytes;
};

/** @throws attest/malformed when a reserved byte is set */
export function parseSgxReport(bytes: Uint8Array): SgxReport {
  const reader = new Reader(bytes);
  const reserved = (length: number) => {
    if (!isZero(reader.take(length)))
      throw new AttestError('attest/malformed', 'Reserved bytes of an SGX report are set.');
  };
  const cpuSvn = reader.take(16);
  const miscSelect = reader.take(4);
  reserved(12);
  const isvExtProdId = reader.take(16);
  const attributes = reader.take(16);
  const mrEnclave = reader.take(32);
  reserved(32);
  const mrSigner = reader.take(32);
  reserved(32);
  const configId = reader.take(64);
  const isvProdId = reader.uintLE(2);
  const isvSvn = reader.uintLE(2);
  const configSvn = reader.uintLE(2);
  reserved(42);
  const isvFamilyId = reader.take(16);
  const reportData = reader.take(64);
  reader.end();
  return {
    cpuSvn,
    miscSelect,
    isvExtProdId,
    attributes,
    mrEnclave,
    mrSigner,
    configId,
    isvProdId,
    isvSvn,
    configSvn,
    isvFamilyId,
    reportData,
  };
}
