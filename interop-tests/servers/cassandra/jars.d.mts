export function ensureCassandra(log?: (line: string) => void): Promise<string>;
