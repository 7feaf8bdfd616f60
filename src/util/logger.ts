/** Four methods in the shape (message, fields): pino, winston and console wrap in one line each. */
export interface Logger {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
  /** Whether records of a level (`"info"`, ...) go anywhere: what is costly to say is left unsaid else. Absent: they do. */
  isLevelEnabled?(level: string): boolean;
}

const nothing = (): void => undefined;

/** The library's default: says nothing. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  isLevelEnabled: () => false,
};

/** Says nothing until it is told to whom: for an application that was given no logger of its own. */
export class RelayLogger implements Logger {
  target: Logger = silentLogger;

  debug(message: string, fields?: object): void {
    this.target.debug(message, fields);
  }
  info(message: string, fields?: object): void {
    this.target.info(message, fields);
  }
  warn(message: string, fields?: object): void {
    this.target.warn(message, fields);
  }
  error(message: string, fields?: object): void {
    this.target.error(message, fields);
  }
  isLevelEnabled(level: string): boolean {
    return this.target.isLevelEnabled?.(level) ?? true;
  }
}
