// After each test: what the application said, where it failed. After each file: the shared databases are left as found.
import { afterAll, afterEach } from 'vitest';
import { takeNotes } from '../support/notes.js';
import { dropStores } from '../support/stores.js';

afterEach(({ task }) => {
  const notes = takeNotes();
  if (task.result?.state === 'fail')
    console.error([`Said until "${task.name}" failed:`, ...notes].join('\n'));
});
afterAll(dropStores);
