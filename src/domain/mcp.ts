// Calls of MCP tools: that one was begun, how it ended, and when a repeated command may run it again. Pure.
import { z } from 'zod';
import { type Decider, event } from './decider.js';
import { DomainError } from './errors.js';

/**
 * How a call ended. `success`, `failed`: the tool answered, the second time that it had failed, or broke off in the
 * middle. `timeout`: no answer came, it may have run. `unreachable`: it never got the call. `refused`: it would not take the arguments, nothing was
 * done.
 */
export const toolOutcomes = ['success', 'failed', 'timeout', 'unreachable', 'refused'] as const;
export type ToolOutcome = (typeof toolOutcomes)[number];

const about = { callId: z.uuid(), workspaceId: z.uuid(), server: z.string(), tool: z.string() };
const ended = {
  outcome: z.enum(toolOutcomes),
  durationMs: z.int(),
  /** What the caller was told; null after a success. */
  error: z.string().nullable(),
};

export const ToolCallEvent = z.discriminatedUnion('type', [
  event('McpToolCallStarted', about),
  event('McpToolCalled', {
    ...about,
    ...ended,
    /** As they were sent, without secrets and long texts. */
    arguments: z.record(z.string(), z.json()),
    /** The answer, sealed, for a repeated command; null where the tool may run again, or it is too long. */
    answer: z.string().nullable(),
  }),
]);
export type ToolCallEvent = z.infer<typeof ToolCallEvent>;
export type ToolCalled = Extract<ToolCallEvent, { type: 'McpToolCalled' }>['data'];
export type ToolCallAbout = Extract<ToolCallEvent, { type: 'McpToolCallStarted' }>['data'];

export type ToolCallCommand =
  /** `repeatable`: running the tool twice does no more than running it once. */
  | { type: 'StartToolCall'; about: ToolCallAbout; repeatable: boolean }
  | { type: 'EndToolCall'; call: ToolCalled };

/** `call` is what the last `McpToolCalled` said. */
export type ToolCallState = { readonly status: 'none' | 'started' | 'ended'; readonly call?: ToolCalled };

const notAgain = (why: string) =>
  new DomainError('conflict', `${why} It is not run again: send another Idempotency-Key to do that.`);

/** Why a call that was begun must not be made again; undefined when it may. */
const standsInTheWay = ({ status, call }: ToolCallState): string | undefined => {
  if (status === 'none' || call?.outcome === 'unreachable' || call?.outcome === 'refused') return undefined;
  if (!call)
    return 'An earlier run of this call was interrupted, and it is not known what the tool has done.';
  return call.outcome === 'timeout'
    ? 'The tool did not answer this call in time, and it is not known what it has done.'
    : 'The tool has run, but its answer was not kept.';
};

/** One call of a tool, however often its command is sent. */
export const toolCall: Decider<ToolCallState, ToolCallCommand, ToolCallEvent> = {
  initialState: { status: 'none' },

  decide(command, state) {
    if (command.type === 'StartToolCall') {
      const reason = command.repeatable ? undefined : standsInTheWay(state);
      if (reason) throw notAgain(reason);
      return state.status === 'none' ? [{ type: 'McpToolCallStarted', data: command.about }] : [];
    }
    // Made again only for its answer: it is told once.
    return state.call?.outcome === 'success' ? [] : [{ type: 'McpToolCalled', data: command.call }];
  },

  evolve: (_state, { type, data }) =>
    type === 'McpToolCallStarted' ? { status: 'started' } : { status: 'ended', call: data },
};
