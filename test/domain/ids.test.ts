import fc from 'fast-check';
import { parse, v5, v7, validate, version } from 'uuid';
import { describe, expect, it } from 'vitest';
import { derivedId, newId, parseReference, publicId, uuidOf } from '../../src/domain/ids.js';

describe('ids', () => {
  it('encode a UUID as TypeID does', () => {
    expect(publicId('user', '00000000-0000-0000-0000-000000000000')).toBe('usr_00000000000000000000000000');
    expect(publicId('workspace', '01890a5d-ac96-774b-bcce-b302099a8057')).toBe(
      'wks_01h455vb4pex5vsknk084sn02q',
    );
  });

  it('come back from their public form', () => {
    fc.assert(
      fc.property(fc.uuid({ version: [4, 5, 7] }), (uuid) => {
        expect(uuidOf('webhook', publicId('webhook', uuid))).toBe(uuid);
      }),
    );
  });

  it.each([
    '',
    'wks_',
    'wks_01h455vb4pex5vsknk084sn02',
    'wks_01h455vb4pex5vsknk084sn02qq',
    'wks_81h455vb4pex5vsknk084sn02q',
    'wks_01h455vb4pex5vsknk084sn02u',
    'key_01h455vb4pex5vsknk084sn02q',
    'WKS_01h455vb4pex5vsknk084sn02q',
  ])('are not read from %j', (text) => {
    expect(uuidOf('workspace', text)).toBeUndefined();
  });

  it('are read in every accepted form', () => {
    const uuid = v7();
    expect(parseReference('workspace', '42')).toEqual({ number: 42 });
    expect(parseReference('workspace', publicId('workspace', uuid))).toEqual({ uuid });
    expect(parseReference('workspace', uuid.toUpperCase())).toEqual({ uuid });
  });

  it.each(['0', '-1', '1.5', '1e3', '007', '9007199254740993', '99999999999999999999', 'abc', '1 ', ''])(
    'no record is named by %j',
    (text) => {
      expect(parseReference('workspace', text)).toBeUndefined();
    },
  );

  it('are derived the same way every time, and never by moving a boundary between parts', () => {
    const namespace = v5('x', v5.DNS);
    expect(derivedId(namespace, 'ab', 'c')).toBe(derivedId(namespace, 'ab', 'c'));
    expect(derivedId(namespace, 'ab', 'c')).not.toBe(derivedId(namespace, 'a', 'bc'));
  });

  it('are derived as version 5 of a UUID says', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.string({ unit: 'binary' }), (namespace, name) => {
        expect(derivedId(namespace, name)).toBe(v5(name, namespace));
      }),
    );
    expect(() => derivedId('no uuid', 'name')).toThrow('no uuid is no UUID.');
  });

  it('that are new are of version 7, in the order of time, and never the same', () => {
    const before = Date.now();
    const made = Array.from({ length: 5_000 }, () => newId());
    expect(made.every((id) => validate(id) && version(id) === 7)).toBe(true);
    const times = made.map((id) => Number.parseInt(id.replace('-', '').slice(0, 12), 16));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(times[0]).toBeGreaterThanOrEqual(before);
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
    expect(new Set(made).size).toBe(made.length);
  });

  it('that are new have every random bit set in about half of them', () => {
    const made = Array.from({ length: 4_000 }, () => parse(newId()));
    const fixed = [48, 49, 50, 51, 64, 65]; // version and variant
    for (let bit = 48; bit < 128; bit++) {
      const share =
        made.filter((bytes) => ((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1).length / made.length;
      if (!fixed.includes(bit)) expect(Math.abs(share - 0.5), `bit ${bit}`).toBeLessThan(0.06);
    }
  });
});
