/** Why an algorithm package, or one of its files, is not usable. */
export type PackageErrorCode =
  | 'package/missing-folder'
  | 'package/missing-dockerfile'
  | 'package/bad-dockerfile'
  | 'package/bad-workdir'
  | 'package/no-entrypoint'
  | 'package/bad-entrypoint'
  | 'package/bad-secrets'
  | 'package/secret-missing'
  | 'package/already-sealed'
  | 'package/bad-path'
  | 'package/not-a-file'
  | 'package/foreign-modules'
  | 'package/too-large'
  | 'package/bad-name'
  | 'package/exists';

/** The one error class of this module; `code` is stable, the message is for people. */
export class PackageError extends Error {
  readonly code: PackageErrorCode;
  constructor(code: PackageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PackageError';
    this.code = code;
  }
}
