import { describe, test } from 'vitest';
import { type ToolCallAbout, type ToolCallEvent, type ToolCalled, toolCall } from '../../src/domain/mcp.js';
import { given } from '../support/given.js';

const about: ToolCallAbout = {
  callId: '01980000-0000-7000-8000-000000000001',
  workspaceId: '01980000-0000-7000-8000-000000000002',
  server: 'weather',
  tool: 'forecast',
};
const called = (outcome: ToolCalled['outcome']): ToolCalled => ({
  ...about,
  outcome,
  durationMs: 5,
  error: outcome === 'success' ? null : 'No.',
  arguments: {},
  answer: null,
});
const started: ToolCallEvent = { type: 'McpToolCallStarted', data: about };
const ended = (outcome: ToolCalled['outcome']): ToolCallEvent => ({
  type: 'McpToolCalled',
  data: called(outcome),
});
const start = (repeatable: boolean) => ({ type: 'StartToolCall', about, repeatable }) as const;

describe('a call of a tool', () => {
  test('is noted before it is made', () => given(toolCall).when(start(false)).then(started));
  test('is told when it has ended', () =>
    given(toolCall, started)
      .when({ type: 'EndToolCall', call: called('failed') })
      .then(ended('failed')));
});

describe('a call that is made again', () => {
  test('after it was cut off is refused', () =>
    given(toolCall, started)
      .when(start(false))
      .thenRefused('conflict', /interrupted.*not known/));
  test('after a time-out is refused', () =>
    given(toolCall, started, ended('timeout'))
      .when(start(false))
      .thenRefused('conflict', /in time/));
  test.each(['success', 'failed'] as const)('after %s, with the answer not kept, is refused', (outcome) =>
    given(toolCall, started, ended(outcome))
      .when(start(false))
      .thenRefused('conflict', /not kept/),
  );
  test.each(['unreachable', 'refused'] as const)('after it was %s is made, and noted once', (outcome) =>
    given(toolCall, started, ended(outcome)).when(start(false)).then(),
  );
  test.each(['success', 'failed', 'timeout', 'unreachable', 'refused'] as const)(
    'of a tool that may run twice is made, after %s too',
    (outcome) => given(toolCall, started, ended(outcome)).when(start(true)).then(),
  );
  test('of a tool that may run twice is made after it was cut off', () =>
    given(toolCall, started).when(start(true)).then());
  test('for its answer alone is not told twice', () =>
    given(toolCall, started, ended('success'))
      .when({ type: 'EndToolCall', call: called('success') })
      .then());
  test('after a failure is told again', () =>
    given(toolCall, started, ended('unreachable'))
      .when({ type: 'EndToolCall', call: called('success') })
      .then(ended('success')));
});
