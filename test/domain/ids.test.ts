import fc from 'fast-check';
import { v5, v7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { derivedId, parseReference, publicId, uuidOf } from '../../src/domain/ids.js';

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
});
