// Reads the catalogue of features and packages: the built-in one, or the file that CATALOGUE_FILE names.
import { readFileSync } from 'node:fs';
import { builtInPlans } from '../domain/entitlements/built-in-plans.js';
import { type Plans, PlansError, readPlans } from '../domain/entitlements/plans.js';

/** Throws one plain sentence that names the setting, the place and what is wrong there. */
export const loadPlans = (file: string | undefined): Plans => {
  if (file === undefined) return readPlans(builtInPlans);
  const wrong = (what: string) => new Error(`CATALOGUE_FILE ${file}: ${what}`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw wrong(`cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw wrong(`is not valid JSON (${(error as Error).message.replace(/\s+/g, ' ')}).`);
  }
  try {
    return readPlans(content);
  } catch (error) {
    throw error instanceof PlansError ? wrong(error.message) : error;
  }
};
