// What the command line offers, and how it says that it was not understood.

export const usage = `Usage: npm run cli -- <command> [options]

  keys create --email <address>   Make an API key. Its last line of output is the key alone.
      --workspace <id>            for this workspace (default: the user's own, made when there is none)
      --role <role>               what the user becomes there if they are no member yet:
                                  owner, admin or member (default: admin)
      --name <text>               name of the key
      --scopes <a,b>              what it may do (default: *, everything)
  keys list                       List API keys, without the revoked ones.
      --workspace <id>            only those of this workspace
      --status <status>           active, rotating, disabled, expired or revoked
      --json                      as JSON
  keys revoke <id>                Revoke an API key; it stops working at once.
  verify                          Check the event log in DATA_DIR: checksums, hash chain, numbering.
                                  Refused when EVENTSTORE_URL is set: that log has no such chain.
  help                            Show this.

The settings are those of the server (see .env.example); DATA_DIR says where the data is.
All commands also work beside a running server.`;

/** The command was not understood: it ends with exit code 2 and points to the usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
