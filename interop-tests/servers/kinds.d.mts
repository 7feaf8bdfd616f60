export interface ServerKindInfo {
  readonly name: string;
  readonly variable: string;
  readonly programs?: readonly string[];
  readonly packages?: readonly string[];
  readonly prepare?: (log: (line: string) => void) => Promise<unknown>;
}
export const serverKinds: Readonly<Record<string, ServerKindInfo>>;
