// What the documentation says before it comes to the endpoints.

export const introduction = `Send an API key with every request: \`Authorization: Bearer sk_live_…\`, or as the user name of HTTP Basic with an empty password. A key does what its scopes allow, in the workspace that it belongs to, or in another one of its user’s that \`X-Workspace-ID\` names; \`X-Namespace-ID\` names a namespace besides, or alone with the workspace that it belongs to.

Two dialects show the same records: 2026 (the default) with integer ids and flat errors, 2024 with prefixed ids and nested errors. The header \`X-API-Dialect\` chooses one for a request, the key’s \`dialect\` one for all of its requests. Ids are read in either form, and as UUIDs.

Lists come in pages (\`page\`, \`per_page\`), sorted (\`sort=-created_at,name\`), filtered (\`status\`, \`search\`, \`created_after\` and the like, all of which must hold), with only some fields (\`fields=id,name\`) or related records beside them (\`include=owner\`). What is misspelt is refused with 422 and named, not ignored.

Every write takes an \`Idempotency-Key\`. The same key within 24 hours does nothing twice and gives the same answer, also after a crash. Single records carry an \`ETag\`: a change with \`If-Match\` is made only if nobody else has changed the record meanwhile, and \`If-None-Match\` saves reading what is known.

Every answer carries \`X-Request-ID\`, \`X-API-Dialect\` and \`X-RateLimit-Limit\`, \`-Remaining\` and \`-Reset\`. Times are ISO 8601 in UTC. Bodies are JSON in UTF-8 of at most 1 MiB, and may be compressed.

Models and agents reach the same as an MCP server: \`/mcp\`, streamable HTTP, with the same keys. Its tools are endpoints under other names (\`list_workspaces\`, \`check_entitlement\`, \`list_recent_events\` …).`;
