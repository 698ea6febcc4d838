// The MCP servers of the product: the built-in one, and those that the operator names.
import { join } from 'node:path';
import { filesystemServer } from '../adapters/mcp-servers/filesystem.js';
import type { McpServer } from '../adapters/mcp-servers/port.js';
import type { Config } from '../config.js';

export const wireMcpServers = (config: Config): readonly McpServer[] => [
  filesystemServer(config.MCP_FILES_DIR ?? join(config.DATA_DIR, 'files')),
];
