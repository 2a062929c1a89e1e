// How many refusals strangers can make the vault write down: what is not about a verified run is kept so many times a minute.

const MINUTE_MS = 60_000;

/** @returns false when this minute's share is used up. @param now milliseconds since 1970 */
export type Allowance = (now: number) => boolean;

export function createAllowance(perMinute: number): Allowance {
  let minute = 0;
  let used = 0;
  return (now) => {
    const present = Math.floor(now / MINUTE_MS);
    if (present !== minute) {
      minute = present;
      used = 0;
    }
    used += 1;
    return used <= perMinute;
  };
}
