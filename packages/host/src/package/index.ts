export {
  checkModules,
  type CompiledModule,
  describeModules,
  type PythonRuntime,
} from './compiled.ts';
export { type Dockerfile, type NotApplied, parseDockerfile } from './dockerfile.ts';
export { type Entrypoint, parseEntrypoint, resolveEntrypoint } from './entrypoint.ts';
export { PackageError, type PackageErrorCode } from './error.ts';
export { type AlgorithmPackage, type PackageFile, packageFiles, readPackage } from './read.ts';
export { parseSecretFiles, type SecretFile } from './secrets.ts';
export { type TemplateOptions, writeTemplate } from './template.ts';
