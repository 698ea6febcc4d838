// Catalogue of the calls of MCP tools.
import { area, type EventType, exampleIds } from './catalogue-area.js';
import { ToolCallEvent } from './mcp.js';

const { workspaceId, eventId } = exampleIds;
const about = { callId: eventId, workspaceId, server: 'filesystem', tool: 'read_file' };

export const mcpTypes: readonly EventType[] = area<ToolCallEvent>(ToolCallEvent, {
  McpToolCallStarted: {
    version: 1,
    category: 'toolCall',
    wire: null,
    description: 'A call of an MCP tool is about to be made. Without a second event it was interrupted.',
    example: about,
  },
  McpToolCalled: {
    version: 1,
    category: 'toolCall',
    wire: 'mcp.tool.executed',
    description: 'A tool of an MCP server was called. Secrets and long texts are left out of its arguments.',
    example: {
      ...about,
      outcome: 'success',
      durationMs: 3,
      error: null,
      arguments: { path: '/notes/a.txt' },
      answer: null,
    },
  },
});
