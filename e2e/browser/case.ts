/** A case of vectors/attest/verdicts.json. */
export type Case = {
  readonly evidence: string;
  readonly at: string;
  readonly beside: readonly string[];
  readonly verdict: 'affirmed' | 'refused';
  readonly code?: string;
};

/** What the page says of a case; `verdict` is an error's text when it broke down. */
export type Outcome = {
  readonly evidence: string;
  readonly at: string;
  readonly verdict: string;
  readonly codes: readonly string[];
};
