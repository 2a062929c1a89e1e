/** What the page says of a row; `verdict` is an error's text when it broke down. */
export type Outcome = {
  readonly evidence: string;
  readonly at: string;
  readonly verdict: string;
  readonly codes: readonly string[];
};
