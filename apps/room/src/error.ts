export type RoomErrorCode =
  | 'room/bad-boot'
  | 'room/not-permitted'
  | 'room/isolation'
  | 'room/evidence'
  | 'room/release'
  | 'room/answer'
  | 'room/commitment'
  | 'room/staging'
  | 'room/package'
  | 'room/clearance'
  | 'room/hub'
  | 'room/no-report';

/** The one error class of the room; `code` is all that may leave with a failed run, the message stays inside. */
export class RoomError extends Error {
  readonly code: RoomErrorCode;
  constructor(code: RoomErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RoomError';
    this.code = code;
  }
}
