// The secret itself: how a key is made, recognised and hashed. Whoever holds one has just made it or was just sent it.
import { hash } from 'node:crypto';
import type { Environment } from '../domain/api-key-events.js';
import { type CommandContext, randomFor } from './context.js';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** 40 of 62 characters: 238 bits. */
const LENGTH = 40;
const PREFIX_LENGTH = 11;
/** Bytes from here on are drawn again: else the first characters of the alphabet would come more often. */
const FAIR = 256 - (256 % alphabet.length);
const form = /^sk_(live|test)_[A-Za-z0-9]{32,200}$/;

/** A new key, `sk_live_…` or `sk_test_…`; the same one on every run of the same command. */
export const newApiKey = (context: CommandContext, environment: Environment): string => {
  let characters = '';
  for (let block = 0; characters.length < LENGTH; block++)
    for (const byte of randomFor(context, `api-key-${block}`))
      if (byte < FAIR && characters.length < LENGTH) characters += alphabet[byte % alphabet.length];
  return `sk_${environment}_${characters}`;
};

/** The environment that a key names; undefined for what cannot be a key. */
export const environmentOf = (key: string): Environment | undefined =>
  form.exec(key)?.[1] as Environment | undefined;

/** SHA-256 in hex: all that is stored. A slow hash would add nothing to 238 random bits but cost each request. */
export const hashOfKey = (key: string): string => hash('sha256', key);

/** What of a key may be shown again. */
export const prefixOf = (key: string): string => key.slice(0, PREFIX_LENGTH);
