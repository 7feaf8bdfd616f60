/** A step of `npm test`: a program to run, or mocha over whole folders of test files. */
export interface Step {
  readonly name: string;
  readonly program?: string;
  readonly args?: readonly string[];
  /** Variables of the environment besides those there are. */
  readonly env?: Readonly<Record<string, string>>;
  readonly needs?: readonly ("build" | "servers" | "python")[];
  /** May run beside another step. */
  readonly calm?: boolean;
  /** Its totals are mocha's. */
  readonly mocha?: boolean;
  /** Where a program that starts mocha by itself has its tests. */
  readonly folder?: string;
  /** Further names for `--only` and `--skip`. */
  readonly groups?: readonly string[];
}
export declare const steps: readonly Step[];
