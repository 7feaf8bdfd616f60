/** A Celery version with an environment, such as "5.6.3". */
export type CeleryVersion = string;
export declare const celeryVersions: readonly CeleryVersion[];
export declare const newestCelery: CeleryVersion;
export declare const pythonNeeded: string;
export declare function venvFolder(version: CeleryVersion): string;
export declare function venvPython(version: CeleryVersion): string;
export declare function ensureVenv(version: CeleryVersion, options?: { log?: (line: string) => void }): Promise<string>;
export declare function ensureNamedVenv(
  name: string,
  what: string,
  requirementsFile: string,
  options?: { log?: (line: string) => void },
): Promise<string>;
export declare function ensureVenvs(
  versions?: readonly CeleryVersion[],
  options?: { log?: (line: string) => void },
): Promise<void>;
