// Catalogue of what happens to namespaces.
import { area, type EventType, exampleIds } from './catalogue-area.js';
import { NamespaceEvent } from './namespaces.js';

const { workspaceId, namespaceId } = exampleIds;
const target = { namespaceId, workspaceId };

export const namespaceTypes: readonly EventType[] = area<NamespaceEvent>(NamespaceEvent, {
  NamespaceCreated: {
    version: 1,
    category: 'namespace',
    wire: 'namespace.created',
    description: 'A namespace was created.',
    example: {
      ...target,
      number: 1,
      name: 'Client: Acme Corp',
      slug: 'client-acme',
      description: null,
      ownerType: 'Workspace',
      ownerId: workspaceId,
      ownerNumber: 1,
      billing: null,
      settings: {},
      tags: ['client'],
      metadata: { crm: '4711' },
      isDefault: false,
      isActive: true,
    },
  },
  NamespaceUpdated: {
    version: 1,
    category: 'namespace',
    wire: 'namespace.updated',
    description:
      'Fields of a namespace changed, or its `status` did, as its entitlements were suspended or resumed.',
    example: { ...target, changes: { name: 'Client: Acme', isActive: false } },
  },
  NamespaceDeleted: {
    version: 1,
    category: 'namespace',
    wire: 'namespace.deleted',
    description: 'A namespace was deleted, by itself or with its owner.',
    example: target,
  },
  NamespaceSlugWithdrawn: {
    version: 1,
    category: 'namespace',
    wire: null,
    description: 'A reservation of a slug by this namespace was taken over by another one.',
    example: { namespaceId, slug: 'client-acme', reservation: 0 },
  },
});
