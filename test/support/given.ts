// given events, when a command, then events or a refusal: the form of every decider test.
import { expect } from 'vitest';
import type { Decider, DomainEvent } from '../../src/domain/decider.js';
import type { ErrorCode } from '../../src/domain/errors.js';

/** The instant at which all given events happened. */
export const AT = '2026-01-15T10:30:00.000Z';

const fold = <S, C, E extends DomainEvent>(decider: Decider<S, C, E>, events: readonly E[], at: string): S =>
  events.reduce(
    (state, event) => decider.evolve(state, { ...event, metadata: { at } }),
    decider.initialState,
  );

/** `given(decider, ...history).when(command).then(...events)` or `.thenRefused(code)`; `.state()` folds only. */
export const given = <S, C, E extends DomainEvent>(decider: Decider<S, C, E>, ...history: E[]) => ({
  state: (at = AT): S => fold(decider, history, at),
  when: (command: C) => ({
    // biome-ignore lint/suspicious/noThenProperty: the field's own word, never awaited
    then: (...expected: E[]): void => {
      expect(decider.decide(command, fold(decider, history, AT))).toEqual(expected);
    },
    thenRefused: (code: ErrorCode, message?: string | RegExp): void => {
      let refusal: unknown;
      try {
        decider.decide(command, fold(decider, history, AT));
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({ name: 'DomainError', code });
      if (message !== undefined) expect((refusal as Error).message).toMatch(message);
    },
  }),
});
