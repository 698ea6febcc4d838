// How MCP servers, their tools and calls of them are shown: the same in both dialects, as the older one has none.
import type { JsonObject } from '../domain/decider.js';
import type { ToolCalled } from '../domain/mcp.js';

/** Fields of a server, and of a tool. */
export const serverFields = ['id', 'name', 'description', 'tools'] as const;
export const toolFields = ['name', 'description', 'parameters'] as const;

export const shownServer = (server: {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly tools: readonly { readonly name: string }[];
}): Record<(typeof serverFields)[number], unknown> => ({
  id: server.id,
  name: server.name,
  description: server.description,
  tools: server.tools.map(({ name }) => name),
});

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `type` of a parameter: what its schema says, else what its values show. */
const typeOf = (schema: JsonObject): string => {
  const { type } = schema;
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return type.filter((name) => name !== 'null').join('|') || 'null';
  const [first] = Array.isArray(schema['enum']) ? schema['enum'] : [];
  return first === undefined ? 'any' : Array.isArray(first) ? 'array' : typeof first;
};

/** A tool with its parameters, made from the JSON Schema of its arguments. */
export const shownTool = (tool: {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
}): Record<(typeof toolFields)[number], unknown> => {
  const { properties, required } = tool.inputSchema;
  const needed = new Set(Array.isArray(required) ? required : []);
  const parameters = Object.entries(isObject(properties) ? properties : {}).map(([name, given]) => {
    const schema = isObject(given) ? given : {};
    const { description } = schema;
    const said = typeof description === 'string' ? description : '';
    return [name, { type: typeOf(schema), description: said, required: needed.has(name) }] as const;
  });
  return { name: tool.name, description: tool.description, parameters: Object.fromEntries(parameters) };
};

/** What a webhook says of a call. */
export const toolCallTold = (call: ToolCalled): Record<string, unknown> => ({
  server: call.server,
  tool: call.tool,
  outcome: call.outcome,
  duration_ms: call.durationMs,
  error: call.error,
  arguments: call.arguments,
});
