export interface ServerKindInfo {
  readonly name: string;
  readonly variable: string;
  readonly programs?: readonly string[];
  readonly packages?: readonly string[];
  readonly prepare?: (log: (line: string) => void) => Promise<void>;
}
export const serverKinds: Readonly<Record<string, ServerKindInfo>>;
