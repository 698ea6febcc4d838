// Conditional requests (RFC 9110, 13): the ETag of a single record is its stream's revision.
import { DomainError, invalid } from '../domain/errors.js';

/** Stands for a tag that no record can have. */
const NO_RECORD = -2;

export const etagOf = (revision: number): string => `"${revision}"`;

/** Proxies that compress make strong tags weak ones; ours name a revision either way. */
const tagForm = /^(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

/** The revision that `If-Match` names; undefined when it is absent or `*`. Throws 422 when it is malformed. */
export const parseIfMatch = (header: string | undefined): number | undefined => {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, tag] = tagForm.exec(header.trim()) ?? [];
  if (tag === undefined)
    throw invalid({ 'If-Match': 'The If-Match header must be one entity tag in quotes, such as "3", or *.' });
  return /^\d{1,15}$/.test(tag) ? Number(tag) : NO_RECORD;
};

/** True when `If-None-Match` names this revision, so that the client's copy is the current one. */
export const notModified = (header: string, revision: number): boolean => {
  if (header.trim() === '*') return true;
  const wanted = String(revision);
  return header.split(',').some((part) => tagForm.exec(part.trim())?.[1] === wanted);
};

/** 412: the record is no longer what the client thinks. */
export const changedSince = (): DomainError =>
  new DomainError('precondition_failed', 'The record has changed since the revision in If-Match.');
