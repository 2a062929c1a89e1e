// How often a room says something large again to a service in trouble, which the node's gate must allow for.

/** Bytes of a body from which on it is large. */
export const LARGE_BODY = 8 * 1024;
/** Before the first repetition; four times as long before each further one. */
export const LARGE_FIRST_PAUSE_MS = 1000;
/** In the two minutes for which a room repeats: at 0, 1, 5, 21 and 85 seconds, and a last time. */
export const LARGE_SENDS = 6;
