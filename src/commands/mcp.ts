// The effects around a call of an MCP tool: noted, made, told. Run once for one Idempotency-Key, as far as can be known.
import { type EventLog, LogUnavailable } from '../adapters/event-log/port.js';
import { type McpServer, type Tool, ToolError } from '../adapters/mcp-servers/port.js';
import { seal, unseal } from '../adapters/seal.js';
import type { Json, JsonObject } from '../domain/decider.js';
import { DomainError } from '../domain/errors.js';
import { type ToolCalled, type ToolOutcome, toolCall } from '../domain/mcp.js';
import { redacted, redactedText } from '../domain/redaction.js';
import { type CommandContext, idFor } from './context.js';
import { streams } from './handle.js';

export type ToolCallInput = { readonly server: McpServer; readonly tool: Tool; readonly args: JsonObject };

export type McpCommands = {
  /** Calls the tool and answers what it answered. Throws `tool_failed`, `tool_timeout`, and the tool's own refusals. */
  call(
    input: ToolCallInput,
    asking: { readonly command: CommandContext; readonly workspace: { readonly id: string } },
  ): Promise<Json>;
};

/** Longest answer that is kept for a repeated command, in characters of JSON. */
const MAX_KEPT_ANSWER = 65_536;
const MAX_ERROR = 250;

type Ended =
  | { readonly outcome: 'success'; readonly result: Json }
  | { readonly outcome: Exclude<ToolOutcome, 'success'>; readonly thrown: DomainError };

const failed = (message: string) => new DomainError('tool_failed', message);
const thrownFor = ({ kind, message }: ToolError): DomainError =>
  kind === 'timeout' ? new DomainError('tool_timeout', message) : failed(message);

/** What the log keeps of a failure: the sentence that says what was wrong. */
const reasonOf = ({ message, details }: DomainError): string => {
  const [first] = Object.values(details.errors ?? {}).flat();
  return redactedText((first ?? message).slice(0, MAX_ERROR));
};

/** How the call went. Throws what is no tool's fault. */
const attempt = async ({ server, tool, args }: ToolCallInput, workspaceId: string): Promise<Ended> => {
  try {
    return { outcome: 'success', result: await server.call(tool.name, args, workspaceId) };
  } catch (error) {
    if (error instanceof ToolError) return { outcome: error.kind, thrown: thrownFor(error) };
    if (error instanceof DomainError) return { outcome: 'refused', thrown: error };
    throw error;
  }
};

/** `answerKey` seals the answers that are kept (32 bytes). */
export const mcpCommands = (log: EventLog, answerKey: Buffer, now: () => Date): McpCommands => {
  const calls = streams(log, 'toolCall', toolCall, { now, cached: 100 });

  /** The answer, for a tool that must not run again: only where a repetition can ask for it. */
  const kept = (
    id: string,
    { tool }: ToolCallInput,
    command: CommandContext,
    ended: Ended,
  ): string | null => {
    const isWanted = ended.outcome === 'success' || ended.outcome === 'failed';
    if (tool.repeatable || command.fingerprint === undefined || !isWanted) return null;
    const text = JSON.stringify('result' in ended ? ended.result : ended.thrown.message);
    return text.length > MAX_KEPT_ANSWER ? null : seal(answerKey, text, id);
  };

  /** What an earlier run of this command was answered. */
  const answerOf = (id: string, { outcome, answer }: ToolCalled): Json | undefined => {
    if (answer === null) return undefined;
    const said = JSON.parse(unseal(answerKey, answer, id).toString('utf8')) as Json;
    if (outcome === 'failed') throw failed(String(said));
    return said;
  };

  return {
    async call(input, { command, workspace }) {
      const id = idFor(command, 'call');
      const before = await calls.found(id, command);
      const known = before?.state.call && answerOf(id, before.state.call);
      if (known !== undefined) return known;

      const { server, tool, args } = input;
      const about = { callId: id, workspaceId: workspace.id, server: server.id, tool: tool.name };
      // What an earlier run has appended is in the state that is decided on.
      const run = { ...command, retry: false };
      const options = { subject: workspace.id };
      await calls.handle(id, { type: 'StartToolCall', about, repeatable: tool.repeatable }, run, options);

      const begun = performance.now();
      const ended = await attempt(input, workspace.id);
      const call: ToolCalled = {
        ...about,
        outcome: ended.outcome,
        durationMs: Math.round(performance.now() - begun),
        error: 'thrown' in ended ? reasonOf(ended.thrown) : null,
        arguments: redacted(args),
        answer: kept(id, input, command, ended),
      };
      await calls.handle(id, { type: 'EndToolCall', call }, run, options).catch((error: unknown) => {
        if (!(error instanceof LogUnavailable)) throw error;
        throw new DomainError('unavailable', 'The tool was called, but how that ended could not be stored.');
      });
      if ('thrown' in ended) throw ended.thrown;
      return ended.result;
    },
  };
};
