// The MCP servers of the product: the built-in one, and those that the operator names.
import { join } from 'node:path';
import { filesystemServer } from '../adapters/mcp-servers/filesystem.js';
import { gatewayServer } from '../adapters/mcp-servers/gateway.js';
import type { McpServer } from '../adapters/mcp-servers/port.js';
import { readServerSettings } from '../adapters/mcp-servers/settings.js';
import type { Config } from '../config.js';
import type { Report } from './report.js';

/** A server may have to be downloaded or compiled at its first start. */
const LEAST_CONNECT_MS = 15_000;

/** Connects to none yet. Throws one plain sentence when the file of MCP_CONFIG is not what it must be. */
export const openMcpServers = async (config: Config, report: Report): Promise<readonly McpServer[]> => {
  const configured = config.MCP_CONFIG === undefined ? [] : await readServerSettings(config.MCP_CONFIG);
  const timeoutMs = config.MCP_TIMEOUT_MS;
  const connectMs = Math.max(timeoutMs, LEAST_CONNECT_MS);
  return [
    filesystemServer(config.MCP_FILES_DIR ?? join(config.DATA_DIR, 'files')),
    ...configured.map((settings) => gatewayServer(settings, { timeoutMs, connectMs, report })),
  ];
};
