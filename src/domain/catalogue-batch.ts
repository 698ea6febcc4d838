// Catalogue of what is decided together.
import { BatchEvent } from './batch.js';
import { area, type EventType, exampleIds } from './catalogue-area.js';

const { workspaceId, eventId, commandId } = exampleIds;

export const batchTypes: readonly EventType[] = area<BatchEvent>(BatchEvent, {
  BatchAccepted: {
    version: 1,
    category: 'batch',
    wire: null,
    description:
      'Operations of one request were accepted together: from here on all of their events will reach their streams.',
    example: {
      workspaceId,
      resource: 'workspaces',
      parts: [
        {
          stream: `workspace-${workspaceId}`,
          after: 0,
          events: [
            {
              id: eventId,
              type: 'WorkspaceUpdated',
              data: { workspaceId, changes: { name: 'Updated Name' } },
              at: '2026-01-15T10:30:00.000Z',
              commandId,
              audience: [workspaceId],
            },
          ],
        },
      ],
    },
  },
  BatchDistributed: {
    version: 1,
    category: 'batch',
    wire: null,
    description: 'All events of an accepted batch have reached their streams.',
    example: { workspaceId },
  },
});
