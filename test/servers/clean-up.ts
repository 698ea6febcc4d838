// After each test file: the shared databases are left as they were found.
import { afterAll } from 'vitest';
import { dropStores } from '../support/stores.js';

afterAll(dropStores);
