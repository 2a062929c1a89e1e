// `receipt verify` and `receipt show`: offline, without a home. Exit code 0: by pinned parties · 1: a check failed, and its
// code is named · 3: consistent only · 2: a file cannot be read.
import { ContractError, type Judge, parseTrust, type Trust, verifyReceipt } from '@sealroom/contract';
import { collateralIn, keysIn } from '../attest/given.ts';
import type { Action, Answer } from '../context.ts';
import { EXIT } from '../error.ts';
import { readGiven } from '../home/files.ts';
import { receiptJson, receiptText } from './text.ts';

function refused({ code, message }: ContractError): Answer {
  return {
    json: { ok: false, verdict: 'refused', code, message },
    text: `REFUSED: ${message} [${code}]\n`,
    exit: EXIT.refused,
  };
}

async function verdictOf(file: string, trust?: Trust, judge: Judge = {}): Promise<Answer> {
  const bytes = await readGiven(file);
  try {
    const receipt = await verifyReceipt(bytes, trust, judge);
    const exit = receipt.verdict === 'pinned' ? EXIT.ok : EXIT.consistent;
    return { json: receiptJson(receipt), text: receiptText(receipt), exit };
  } catch (error) {
    if (error instanceof ContractError) return refused(error);
    throw error;
  }
}

export const verifyReceiptFile: Action = async (_context, input) => {
  const path = input.optional('trust');
  const trust = path === undefined ? undefined : parseTrust(await readGiven(path));
  const folder = input.optional('collateral');
  const judge: Judge = {
    collateral: folder === undefined ? undefined : await collateralIn(folder),
    keys: await keysIn(input),
  };
  return verdictOf(input.arg(0), trust, judge);
};

export const showReceipt: Action = async (_context, input) => {
  const answer = await verdictOf(input.arg(0));
  return answer.exit === EXIT.consistent ? { ...answer, exit: EXIT.ok } : answer;
};
