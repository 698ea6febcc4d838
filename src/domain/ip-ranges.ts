// Lists of client addresses: IPv4 and IPv6, single or as CIDR ranges. Pure.
import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;
type Range = readonly [address: Address, bits: number];

/** The ordinary written forms only: no octal or short IPv4, no zones. */
const parseAddress = (text: string): Address | undefined => {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)
    ? ipaddr.IPv6.parse(text)
    : undefined;
};

const parseRange = (text: string): Range | undefined => {
  const [start = '', bits, ...rest] = text.split('/');
  const address = parseAddress(start);
  if (!address || rest.length > 0) return undefined;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [address, most];
  return /^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= most ? [address, Number(bits)] : undefined;
};

/** A link-local address also says through which of the client's interfaces it is reached: that is no part of it. */
const parseClient = (text: string): Address | undefined =>
  parseAddress(text.replace(/^(fe[89ab][0-9a-f]:[0-9a-f:]*)%[\w.-]{1,32}$/i, '$1'));

/** True for the address of a client: IPv4 or IPv6. */
export const isIpAddress = (text: string): boolean => parseClient(text) !== undefined;

/** True for an IPv4 or IPv6 address, alone or with `/bits`. */
export const isIpRange = (text: string): boolean => parseRange(text) !== undefined;

/** Lists are never changed, so each is read once. */
const read = new WeakMap<readonly string[], readonly Range[]>();
const rangesOf = (list: readonly string[]): readonly Range[] => {
  const known = read.get(list);
  if (known) return known;
  const ranges = list.map(parseRange).filter((range) => range !== undefined);
  read.set(list, ranges);
  return ranges;
};

/** An IPv4 address also in its IPv6-mapped form and the other way round: dual-stack sockets show either. */
const forms = (address: Address): readonly Address[] => {
  if (address instanceof ipaddr.IPv4) return [address, address.toIPv4MappedAddress()];
  return address.isIPv4MappedAddress() ? [address, address.toIPv4Address()] : [address];
};

/** True when the list is empty (all may) or holds the address. An address that cannot be read is in no list. */
export const ipAllowed = (list: readonly string[], ip: string): boolean => {
  if (list.length === 0) return true;
  const address = parseClient(ip);
  if (!address) return false;
  return forms(address).some((form) =>
    rangesOf(list).some(([start, bits]) => form.kind() === start.kind() && form.match(start, bits)),
  );
};
