export interface Jars {
  readonly name: string;
  readonly pom: string;
  readonly variable: string;
}
export function ensureJars(jars: Jars, log?: (line: string) => void): Promise<string>;
