// Writes the pages that are made from the code.
import { writeFileSync } from 'node:fs';
import { readModelsPage } from '../dist/docs/read-models.js';
import { errorsPage, eventsPage } from '../dist/docs.js';

writeFileSync('docs/events.md', eventsPage());
writeFileSync('docs/errors.md', errorsPage());
writeFileSync('docs/read-models.md', readModelsPage());
