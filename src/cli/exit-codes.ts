/** Exit codes of Celery's programs (celery/platforms.py, click). */
export const EXIT = {
  OK: 0,
  FAILURE: 1,
  /** Wrong options, or an application that cannot be loaded. */
  USAGE: 2,
  /** Another worker holds the pidfile. */
  CANTCREAT: 73,
} as const;

/** Ends the program with a sentence on stderr instead of a stack. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "CliError";
    this.exitCode = options.exitCode ?? EXIT.FAILURE;
  }
}

/** What was asked for cannot be meant. */
export const usageError = (message: string, cause?: unknown): CliError =>
  new CliError(message, { exitCode: EXIT.USAGE, cause });
