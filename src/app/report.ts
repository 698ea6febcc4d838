// What the parts may say to the process's log.

/** Never given a secret: messages and details are logged as they are. */
export type Report = {
  info(message: string, details?: object): void;
  warn(message: string, details: object): void;
};
