export const mavenNeeded: string;
export function ensureElasticmq(log?: (line: string) => void): Promise<string>;
